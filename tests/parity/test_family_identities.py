"""What must hold for every family by itself: cached = uncached, batch = single, fused = plain step."""

from __future__ import annotations

from functools import cache

import pytest
import torch

import bertgen
from bertgen.generation.engines.base import Capture
from bertgen.generation.engines.choose import fused_serves
from bertgen.generation.engines.fused import FusedEngine
from bertgen.generation.engines.plain import PlainEngine
from tests.parity import cases

JOINED = [
    "encdec_bert2bert",
    "encdec_bertshare",
    "encdec_roberta2roberta",
    "encdec_bert2gpt",
    "encdec_roberta2gpt",
    "encdec_gen2bert",
    "encdec_bert2gen",
]
ALONE = ["bert_lm", "roberta_lm", "gpt2_lm"]
FUSED = [name for name in JOINED if not name.endswith("gpt")]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@cache
def source(case: str) -> dict[str, torch.Tensor]:
    """Three padded sources, as the golden runs have them."""
    run = next(run for run in cases.notes(case)["generate"] if run["name"] == "greedy")
    return {key: torch.tensor(value) for key, value in run["inputs"].items()}


def target(case: str, length: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(len(case))
    return torch.randint(6, 40, (3, length), generator=generator)


@pytest.mark.parametrize("case", JOINED)
@torch.no_grad()
def test_cached_steps_equal_one_pass(case):
    model, ids = cases.load(case), target(case)
    whole = model(**source(case), decoder_input_ids=ids, use_cache=False).logits
    encoded = model.encoder(**source(case))
    for cached in (None, bertgen.KVCache(model.config.decoder.num_hidden_layers, capacity=2)):
        past, steps = cached, []
        for end, begin in ((2, 0), (3, 2), (6, 3)):
            output = model(
                encoder_outputs=encoded,
                attention_mask=source(case)["attention_mask"],
                decoder_input_ids=ids[:, begin:end],
                past_key_values=past,
                use_cache=True,
            )
            past = output.past_key_values
            steps.append(output.logits)
        torch.testing.assert_close(torch.cat(steps, 1), whole, **CLOSE)


@pytest.mark.parametrize("case", ALONE)
@torch.no_grad()
def test_cached_language_models(case):
    model, ids = cases.load(case), target(case)
    whole, past, steps = model(ids, use_cache=False).logits, None, []
    for index in range(ids.shape[1]):
        output = model(ids[:, index : index + 1], past_key_values=past, use_cache=True)
        past = output.past_key_values
        steps.append(output.logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole, **CLOSE)


@pytest.mark.parametrize("case", JOINED)
@torch.no_grad()
def test_a_batch_is_its_rows(case):
    model, given, ids = cases.load(case), source(case), target(case)
    whole = model(**given, decoder_input_ids=ids).logits
    for row, length in enumerate(given["attention_mask"].sum(1).tolist()):
        single = model(given["input_ids"][row : row + 1, :length], decoder_input_ids=ids[row : row + 1])
        torch.testing.assert_close(single.logits[0], whole[row], **CLOSE)


@pytest.mark.parametrize("case", JOINED)
@torch.no_grad()
def test_capture_changes_nothing_and_rows_sum_to_one(case):
    model, ids = cases.load(case), target(case)
    plain = model(**source(case), decoder_input_ids=ids)
    captured = model(**source(case), decoder_input_ids=ids, output_attentions=True)
    torch.testing.assert_close(captured.logits, plain.logits, **CLOSE)
    for field in ("encoder_attentions", "decoder_attentions", "cross_attentions"):
        for weights in captured[field]:
            torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert all(not weights.triu(1).any() for weights in captured.decoder_attentions)


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("case", FUSED)
@torch.no_grad()
def test_fused_steps_equal_plain_ones(case, beams):
    """Logits and attention rows of the lean step, with padding among the tokens written."""
    model, given = cases.load(case), source(case)
    decoder = model.decoder
    assert fused_serves(decoder)
    memory = model.project(model.encoder(**given)[0])
    mask = given["attention_mask"]
    engines = FusedEngine(decoder), PlainEngine(decoder)
    capture = Capture(attentions=True)
    runs = [(engine, engine.begin(memory, mask, rows=beams, capture=capture)) for engine in engines]
    ids = target(case, 5).repeat_interleave(beams, dim=0)
    ids[0, 2] = model.config.pad_token_id
    for index in range(ids.shape[1]):
        ours, theirs = (engine.step(state, ids[:, index : index + 1]) for engine, state in runs)
        torch.testing.assert_close(ours.logits, theirs.logits, **CLOSE)
        for name in ("decoder_self", "cross"):
            for left, right in zip(ours.attentions[name], theirs.attentions[name], strict=True):
                torch.testing.assert_close(left, right, **CLOSE)
        if index == 1 and beams > 1:
            order = torch.arange(len(ids)).view(-1, beams).flip(1).flatten()
            for engine, state in runs:
                engine.reorder(state, order)


def test_gpt2_takes_the_plain_step():
    assert not fused_serves(cases.load("encdec_bert2gpt").decoder)


@pytest.mark.parametrize("case", JOINED)
@pytest.mark.parametrize("options", [{}, {"num_beams": 3}])
def test_ids_without_a_cache(case, options):
    model = cases.load(case)
    with_cache = model.generate(**source(case), max_length=12, **options)
    assert torch.equal(with_cache, model.generate(**source(case), max_length=12, use_cache=False, **options))


@pytest.mark.parametrize("case", JOINED)
def test_stacked_attention(case):
    model = cases.load(case)
    options = {"output_attentions": True, "output_scores": True, "return_dict_in_generate": True}
    for beams in (1, 3):
        output = model.generate(**source(case), max_length=9, num_beams=beams, **options)
        stacked = bertgen.stack_attentions(output)
        config, steps = model.config.decoder, len(output.scores)
        shape = (3, config.num_hidden_layers, config.num_attention_heads, steps)
        assert stacked["cross"].shape == (*shape, source(case)["input_ids"].shape[1])
        assert stacked["decoder_self"].shape == (*shape, steps)


@pytest.mark.parametrize("case", ALONE)
def test_language_models_continue_a_padded_batch(case):
    """Left padding with a mask; a row without padding is what it is alone."""
    model = cases.load(case)
    run = next(run for run in cases.notes(case)["generate"] if run["name"] == "left_padded")
    ids = torch.tensor(run["inputs"]["input_ids"])[:1]
    alone = model.generate(ids, max_length=14, pad_token_id=run["options"]["pad_token_id"])[0].tolist()
    assert run["ids"][0][: len(alone)] == alone


def test_too_long_is_said_for_every_family():
    for case in ("bert_lm", "roberta_lm", "gpt2_lm"):
        model = cases.load(case)
        room = 30 if case == "roberta_lm" else 32
        with pytest.raises((RuntimeError, IndexError), match=f"the model has {room} .*max_length={room}"):
            model(torch.full((1, 33), 9))
        model(torch.full((1, room), 9))
    for case in ("bert_encoder_relative", "roberta_encoder_relative"):
        with pytest.raises((RuntimeError, IndexError), match="the model has 32 "):
            cases.load(case)(torch.full((1, 33), 9))


@pytest.mark.parametrize("case", ["gpt2_lm", "bert_lm"])
def test_masks_of_other_shapes_are_told(case):
    ids, wanted = torch.full((2, 5), 9), {"gpt2_lm": r"\[batch, keys\]$", "bert_lm": "queries"}[case]
    for error in (ValueError, RuntimeError):
        with pytest.raises(error, match=f"attention_mask has shape .* {wanted}"):
            cases.load(case)(ids, attention_mask=torch.ones(2, 1, 5, 5))
        with pytest.raises(error, match="covers 7 positions but there are 5"):
            cases.load(case)(ids, attention_mask=torch.ones(2, 7))


def test_an_encoder_without_its_pooler_keeps_the_place():
    """In the plain tuple of an encoder-decoder, as in the reference."""
    given = cases.load("encdec_bert2bert")
    encoder = bertgen.BertModel(given.config.encoder, add_pooling_layer=False).eval()
    model = bertgen.EncoderDecoderModel(given.config, encoder, given.decoder)
    ids = torch.tensor([[6, 7, 8]])
    plain = model(ids, decoder_input_ids=ids, use_cache=False, return_dict=False)
    assert [None if x is None else tuple(x.shape) for x in plain] == [(1, 3, 47), (1, 3, 16), None]


def test_padding_takes_no_position_in_roberta():
    model = cases.load("roberta_encoder")
    ids = torch.full((1, 40), 1)
    ids[0, 5:20] = 9
    with torch.no_grad():
        padded = model(ids, attention_mask=(ids != 1).long()).last_hidden_state[0, 5:20]
        plain = model(ids[:, 5:20]).last_hidden_state[0]
    torch.testing.assert_close(padded, plain, **CLOSE)


def test_gpt2_starts_small_where_a_residual_branch_ends():
    torch.manual_seed(0)
    config = bertgen.GPT2Config(vocab_size=50, n_embd=64, n_layer=8, n_head=4, n_positions=16)
    block = bertgen.GPT2LMHeadModel(config).transformer.h[3]
    assert block.attn.c_attn.weight.std().item() == pytest.approx(0.02, rel=0.1)
    for projection in (block.attn.c_proj, block.mlp.c_proj):
        assert projection.weight.std().item() == pytest.approx(0.02 / 4, rel=0.1)
        assert not projection.bias.any()


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_an_unknown_family_is_told(side):
    config = cases.load("encdec_bert2gpt").config.to_dict()
    if side == "encoder":
        config["encoder"]["model_type"] = "gpt2"
        with pytest.raises(ValueError, match="as encoder choose one of"):
            bertgen.EncoderDecoderModel(bertgen.EncoderDecoderConfig(**config))
        return
    config["decoder"]["model_type"] = "t5"
    with pytest.raises(ValueError, match="t5"):
        bertgen.EncoderDecoderConfig(**config)
