"""Heads scaled, source pieces masked, outputs begun with a prefix: in every mode, through every engine."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    Interventions,
    RobertaConfig,
    stream_generate,
    trace_generate,
)
from bertgen.errors import Trouble
from bertgen.generation.engines.choose import fused_serves

TEXT = "Hello world, how are you?"
START, EOS, PAD = 2, 1, 0
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
GPT2 = {
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 64,
    "bos_token_id": START,
    "eos_token_id": EOS,
}
KINDS = ("cross", "decoder_self", "encoder_self")
MODES = {
    "greedy": {},
    "sample": {"do_sample": True, "top_k": 20},
    "beam": {"num_beams": 3},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    "sampled beam": {"num_beams": 3, "do_sample": True},
}
HEADS = {("cross", 1, 3): 0.0, ("cross", 0, 0): 0.0, ("decoder_self", 1, 2): 0.0, ("encoder_self", 0, 1): 0.0}


def config_of(family: str, size: int):
    if family == "gpt2":
        return GPT2Config(**GPT2, vocab_size=size)
    sizes = {**SMALL, "num_hidden_layers": 3, "intermediate_size": 40, "vocab_size": size}
    if family == "relative":
        return BertConfig(**sizes, position_embedding_type="relative_key_query")
    kinds = {"generation": BertGenerationConfig, "bert": BertConfig, "roberta": RobertaConfig}
    return kinds[family](**sizes)


def wild(model: torch.nn.Module) -> torch.nn.Module:
    """Parameters far from their initial values, so that the output varies and every head matters."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() == 2:
                value.copy_(torch.randn(value.shape, generator=generator) / 3)
            elif name.endswith("bias"):
                value.copy_(torch.randn(value.shape, generator=generator) / 5)
    return model.eval()


@functools.cache
def built(family: str, size: int) -> EncoderDecoderModel:
    encoder = config_of({"gpt2": "bert"}.get(family, family), size)
    encoder.num_hidden_layers = 2
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, config_of(family, size))
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = START, EOS, PAD
    return wild(EncoderDecoderModel(config))


@pytest.fixture(params=["generation", "bert", "roberta", "relative", "gpt2"])
def joint(request, tokenizer) -> EncoderDecoderModel:
    """An encoder-decoder of each family, and one with relative positions; shared, so leave it as it is."""
    return built(request.param, len(tokenizer))


@pytest.fixture
def fused(tokenizer) -> EncoderDecoderModel:
    """One that the fused engine serves."""
    model = built("generation", len(tokenizer))
    assert fused_serves(model.decoder)
    return model


def settings(mode: str, **changes) -> GenerationConfig:
    ids = {"decoder_start_token_id": START, "eos_token_id": EOS, "pad_token_id": PAD}
    return GenerationConfig(**ids, max_new_tokens=7, **MODES[mode], **changes)


def run(model, tokenizer, mode="greedy", *, changes=(), **given):
    generator = torch.Generator().manual_seed(1)
    config = settings(mode, **dict(changes))
    return trace_generate(model, tokenizer, TEXT, config, generator=generator, **given)


def projection_slice(model, kind: str, layer: int, head: int) -> torch.Tensor:
    """The part of an output projection that one head goes through: a view that can be written."""
    side, places = model.encoder, slice(8 * head, 8 * head + 8)
    if kind != "encoder_self":
        side = model.decoder.base
    if hasattr(side, "h"):
        name = {"cross": "crossattention"}.get(kind, "attn")
        return getattr(side.h[layer], name).c_proj.weight.data[places]
    name = {"cross": "crossattention"}.get(kind, "attention")
    return getattr(side.encoder.layer[layer], name).output.dense.weight.data[:, places]


def scaled_copy(model, heads):
    """The model with the heads' slices of the output projections multiplied instead."""
    changed = copy.deepcopy(model)
    for key, factor in heads.items():
        projection_slice(changed, *key).mul_(factor)
    return changed


def assert_same_bits(trace, other):
    np.testing.assert_array_equal(trace.target_ids, other.target_ids)
    np.testing.assert_array_equal(trace.logprobs, other.logprobs)
    assert trace.top_k == other.top_k
    assert set(trace.maps) == set(other.maps)
    for name, found in trace.maps.items():
        np.testing.assert_array_equal(found.weights, other.maps[name].weights)


def assert_close(trace, other):
    np.testing.assert_array_equal(trace.target_ids, other.target_ids)
    np.testing.assert_allclose(trace.logprobs, other.logprobs, atol=1e-4)
    for name, found in trace.maps.items():
        np.testing.assert_allclose(found.weights, other.maps[name].weights, atol=2e-3)


# -- heads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_head_scaled_by_one_changes_no_bit(joint, tokenizer, mode):
    ones = Interventions({(kind, 1, head): 1.0 for kind in KINDS for head in range(4)})
    for capture in (True, False):
        plain = run(joint, tokenizer, mode, capture=capture)
        assert_same_bits(run(joint, tokenizer, mode, capture=capture, interventions=ones), plain)


@pytest.mark.parametrize("mode", MODES)
def test_a_head_at_zero_is_its_slice_of_the_projection_zeroed(joint, tokenizer, mode):
    """The maps too are the other model's: a switched head's weights stand as they were before the switch."""
    switched = run(joint, tokenizer, mode, interventions=Interventions(HEADS))
    assert_same_bits(switched, run(scaled_copy(joint, HEADS), tokenizer, mode))
    for found in switched.maps.values():
        np.testing.assert_allclose(found.weights.astype(np.float32).sum(-1), 1, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_by_itself(joint, tokenizer, kind):
    """Scaled by any number, not only off; what is scaled is felt from the first token on."""
    heads = {(kind, 0, 1): 2.5, (kind, 1, 0): -1.0}
    changed = run(joint, tokenizer, interventions=Interventions(heads))
    assert_close(changed, run(scaled_copy(joint, heads), tokenizer))
    untouched = run(joint, tokenizer)
    assert abs(best_of(untouched)[0] - best_of(changed)[0]) > 1e-3


def best_of(trace) -> list[float]:
    """The best log-probability of each step."""
    return [alternatives[0][2] for alternatives in trace.top_k]


@pytest.mark.parametrize("mode", ["greedy", "beam", "groups"])
def test_every_engine_gives_the_same(fused, tokenizer, mode):
    """The fused engine, the plain one with and without a cache, and a model whose own call was hooked."""
    given = {"interventions": Interventions(HEADS, source_mask=[1])}
    expected = run(fused, tokenizer, mode, **given)
    assert_close(expected, run(fused, tokenizer, mode, changes={"use_cache": False}, **given))
    # A hooked part: the plain engine; the hooked model: its own forward.
    for module in (fused.decoder.lm_head, fused):
        handle = module.register_forward_hook(lambda *_: None)
        assert module is fused or not fused_serves(fused.decoder)
        assert_close(expected, run(fused, tokenizer, mode, **given))
        handle.remove()
    # Without the interventions something else comes out.
    assert best_of(run(fused, tokenizer, mode)) != best_of(expected)


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_cached_is_uncached(joint, tokenizer, mode):
    given = {"interventions": Interventions(HEADS, source_mask=[0]), "prefix": [9, 8]}
    cached = run(joint, tokenizer, mode, **given)
    assert_close(cached, run(joint, tokenizer, mode, changes={"use_cache": False}, **given))


def test_interleaved_runs_do_not_feel_each_other(joint, tokenizer):
    given = [None, Interventions(HEADS), Interventions(source_mask=[2])]
    alone = [run(joint, tokenizer, interventions=each) for each in given]
    streams = [stream_generate(joint, tokenizer, TEXT, settings("greedy"), interventions=x) for x in given]
    while any(stream.trace is None for stream in streams):
        for stream in streams:
            next(stream, None)
    for stream, trace in zip(streams, alone, strict=True):
        assert_same_bits(stream.trace, trace)


@pytest.mark.parametrize("mode", ["greedy", "sample", "beam"])
def test_a_decoder_alone(tokenizer, mode):
    model = wild(GPT2LMHeadModel(GPT2Config(**GPT2, vocab_size=len(tokenizer))))
    changed = copy.deepcopy(model)
    changed.transformer.h[2].attn.c_proj.weight.data[8:16] = 0
    heads = Interventions({("decoder_self", 2, 1): 0.0})
    switched = run(model, tokenizer, mode, interventions=heads, prefix=[5, 6])
    assert_same_bits(switched, run(changed, tokenizer, mode, prefix=[5, 6]))
    assert switched.target_ids[:2].tolist() == [5, 6]
    # It has no other kind, and no source apart from its prompt.
    for refused in (Interventions({("cross", 0, 0): 0.0}), Interventions(source_mask=[0])):
        with pytest.raises(Trouble, match=r"no (cross attention|source to mask)"):
            run(model, tokenizer, mode, interventions=refused)


# -- source pieces -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_masked_pieces_are_the_attention_mask_of_generate(joint, tokenizer, mode):
    trace = run(joint, tokenizer, mode, interventions=Interventions(source_mask=[3, 1]))
    mask = torch.ones(1, len(trace.source_ids), dtype=torch.long)
    mask[0, [1, 3]] = 0
    whole = joint.generate(
        torch.from_numpy(trace.source_ids)[None],
        attention_mask=mask,
        generation_config=settings(mode),
        generator=torch.Generator().manual_seed(1),
    )
    count = len(trace.target_ids)
    assert whole[0, 1 : 1 + count].tolist() == trace.target_ids.tolist()
    for name in ("cross", "encoder_self"):
        assert not trace.maps[name].weights[..., [1, 3]].any()
    assert trace.source_pieces == run(joint, tokenizer, mode).source_pieces


# -- prefixes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["greedy", "sample"])
def test_a_prefix_of_its_own_output_reproduces_the_run(joint, tokenizer, mode):
    free = run(joint, tokenizer, mode)
    assert free.forced == 0
    for count in range(len(free.target_ids) + 1):
        forced = run(joint, tokenizer, mode, prefix=free.target_ids[:count])
        assert_same_bits(forced, free)
        assert forced.forced == count
        assert forced.text == free.text
        assert forced.finish_reason == free.finish_reason


@pytest.mark.parametrize("mode", MODES)
def test_every_draft_begins_with_the_prefix(joint, tokenizer, mode):
    prefix = [20, 30, 40]
    generator = torch.Generator().manual_seed(1)
    stream = stream_generate(joint, tokenizer, TEXT, settings(mode), generator=generator, prefix=prefix)
    steps, trace = list(stream), stream.trace
    assert trace.target_ids[:3].tolist() == prefix
    assert len(trace.target_ids) > trace.forced == 3
    begins = tokenizer.decode(prefix)
    drafts = [step for step in steps if not hasattr(step, "token_id")]
    assert all(step.text.startswith(begins) or begins.startswith(step.text) for step in drafts)
    ancestry = trace.beam_ancestry
    if ancestry is not None:
        assert (ancestry.token_ids[:3] == np.asarray(prefix)[:, None]).all()
        # Beams part behind it, and their totals are sums over the prefix too.
        assert len(set(zip(ancestry.token_ids[3].tolist(), ancestry.parents[3].tolist(), strict=True))) > 1
        first = ancestry.scores[2, :: {"groups": 2}.get(mode, 3)]  # the first beam of every group
        np.testing.assert_allclose(first, trace.logprobs[:3].sum(), rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_prefix_may_end_the_output_or_fill_it(joint, tokenizer, mode):
    ended = run(joint, tokenizer, mode, prefix=[20, 30, EOS])
    assert (ended.target_ids.tolist(), ended.finish_reason) == ([20, 30, EOS], "eos")
    assert ended.forced == 3
    full = run(joint, tokenizer, mode, prefix=[20] * 7)
    assert (full.target_ids.tolist(), full.finish_reason) == ([20] * 7, "length")


@pytest.mark.parametrize("mode", MODES)
def test_a_forced_prefix_is_teacher_forcing(joint, tokenizer, mode):
    """Its log-probabilities and rows are those of one pass over it, with switched heads as well."""
    prefix = [20, 30, 40, 50]
    trace = run(joint, tokenizer, mode, prefix=prefix, interventions=Interventions(HEADS))
    with torch.no_grad():
        output = scaled_copy(joint, HEADS)(
            torch.from_numpy(trace.source_ids)[None],
            decoder_input_ids=torch.tensor([[START, *prefix[:-1]]]),
            output_attentions=True,
        )
    logprobs = output.logits[0].log_softmax(-1)[range(4), prefix]
    np.testing.assert_allclose(trace.logprobs[:4], logprobs, atol=1e-4)
    cross = torch.stack([layer[0] for layer in output.cross_attentions])
    decoder_self = torch.stack([layer[0] for layer in output.decoder_attentions])
    np.testing.assert_allclose(trace.cross[:, :, :4], cross, atol=2e-3)
    np.testing.assert_allclose(trace.decoder_self[:, :, :4, :4], decoder_self, atol=2e-3)


def test_settings_that_forbid_a_token_give_way_to_the_prefix(fused, tokenizer):
    changes = {"bad_words_ids": [[20]], "no_repeat_ngram_size": 1}
    for mode in MODES:
        trace = run(fused, tokenizer, mode, prefix=[20, 20], changes=changes)
        assert trace.target_ids[:2].tolist() == [20, 20]
        assert 20 not in trace.target_ids[2:]
        assert np.isfinite(trace.logprobs).all()


# -- what is kept and what is refused ------------------------------------------------------------


def test_a_stopped_run_counts_what_it_wrote(fused, tokenizer):
    stream = stream_generate(fused, tokenizer, TEXT, settings("greedy"), prefix=[20, 30, 40])
    next(stream)
    stream.close()
    assert stream.trace.forced == 1


def test_the_trace_names_its_interventions(fused, tokenizer):
    given = {("cross", np.int64(1), 3): np.float32(0.5)}
    trace = run(fused, tokenizer, interventions=Interventions(given, source_mask=np.asarray([4, 2, 4])))
    given[("cross", 0, 0)] = 0.0
    assert trace.interventions == Interventions({("cross", 1, 3): 0.5}, source_mask=(2, 4))
    assert run(fused, tokenizer).interventions is None


@pytest.mark.parametrize(
    ("key", "heads", "masked"),
    [
        ("kind", {("self", 0, 0): 0.0}, ()),
        ("key", {("cross", 0): 0.0}, ()),
        ("key", {"cross": 0.0}, ()),
        ("heads", [("cross", 0, 0)], ()),
        ("integers", {("cross", 0.5, 0): 0.0}, ()),
        ("factor", {("cross", 0, 0): float("nan")}, ()),
        ("factor", {("cross", 0, 0): float("inf")}, ()),
        ("factor", {("cross", 0, 0): "0"}, ()),
        ("layer", {("cross", 3, 0): 0.0}, ()),
        ("layer", {("encoder_self", 2, 0): 0.0}, ()),
        ("layer", {("decoder_self", -1, 0): 0.0}, ()),
        ("head", {("decoder_self", 0, 4): 0.0}, ()),
        ("head", {("cross", 0, -1): 0.0}, ()),
        ("integers", {}, "all"),
        ("integers", {}, 3),
        ("negative_place", {}, [-1]),
        ("place", {}, [1000]),
        ("all_masked", {}, range(60)),
    ],
)
def test_what_is_refused(fused, tokenizer, key, heads, masked):
    if isinstance(masked, range):
        masked = range(len(run(fused, tokenizer).source_ids))
    with pytest.raises(Trouble) as refused:
        run(fused, tokenizer, interventions=Interventions(heads, masked))
    assert refused.value.key == f"interventions.{key}"


def test_a_bare_dict_is_refused(fused, tokenizer):
    with pytest.raises(Trouble, match="from bertgen import Interventions"):
        run(fused, tokenizer, interventions={("cross", 0, 0): 0.0})


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("interventions.integers", ["a"]),
        ("interventions.integers", "text"),
        ("interventions.integers", 5),
        ("interventions.integers", [1.5]),
        ("generation.ids_outside", [10**6]),
        ("generation.ids_outside", [-1]),
        ("interventions.long_prefix", [20] * 8),
        ("interventions.ended_prefix", [20, EOS, 20]),
    ],
)
def test_prefixes_that_are_refused(fused, tokenizer, key, prefix):
    with pytest.raises(Trouble) as refused:
        run(fused, tokenizer, prefix=prefix)
    assert refused.value.key == key


def test_heads_that_were_pruned_are_not_there(tokenizer):
    """The others have moved up, as they have in the maps."""
    model = copy.deepcopy(built("bert", len(tokenizer)))
    model.encoder.prune_heads({0: [1]})
    heads = {("encoder_self", 0, 2): 0.0}
    switched = run(model, tokenizer, capture=False, interventions=Interventions(heads))
    assert_same_bits(switched, run(scaled_copy(model, heads), tokenizer, capture=False))
    with pytest.raises(Trouble, match="no head 3"):
        run(model, tokenizer, interventions=Interventions({("encoder_self", 0, 3): 0.0}))
