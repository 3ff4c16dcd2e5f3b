"""A fast path and its slow twin give the same numbers: cached, fused, batched, padded, captured."""

from __future__ import annotations

import pytest
import torch

from bertgen import KVCache
from bertgen.generation.engines.base import Capture
from bertgen.generation.engines.choose import fused_serves
from bertgen.generation.engines.fused import FusedEngine
from bertgen.generation.engines.plain import PlainEngine

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
KINDS = ["absolute", "relative_key", "relative_key_query"]


def ids(rows: int, length: int, seed: int) -> torch.Tensor:
    return torch.randint(4, 367, (rows, length), generator=torch.Generator().manual_seed(seed))


def source(model, lengths=(9, 5, 1)):
    """Source ids [B, S] padded to the longest, their mask, and the encoder's states."""
    values = ids(len(lengths), max(lengths), seed=1)
    mask = torch.zeros_like(values)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        values[row, length:] = 0
    with torch.no_grad():
        states = model.encoder(values, attention_mask=mask).last_hidden_state
    return values, mask, states


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunks", [(1, 1, 1, 1, 1, 1), (4, 2), (1, 5), (3, 1, 2)])
@pytest.mark.parametrize("legacy", [True, False])
@torch.no_grad()
def test_cached_decoder_equals_uncached(make_model, kind, chunks, legacy):
    """In any cut of the sequence, through tuples or a KVCache."""
    model = make_model(position_embedding_type=kind)
    _, mask, states = source(model)
    tokens = ids(3, 6, seed=2)
    memory = {"encoder_hidden_states": states, "encoder_attention_mask": mask}
    whole = model.decoder(tokens, use_cache=False, **memory).logits
    past, begin, logits = (None if legacy else KVCache(3, capacity=2)), 0, []
    for size in chunks:
        output = model.decoder(
            tokens[:, begin : begin + size], past_key_values=past, use_cache=True, **memory
        )
        past, begin = output.past_key_values, begin + size
        logits.append(output.logits)
    assert isinstance(past, tuple if legacy else KVCache)
    torch.testing.assert_close(torch.cat(logits, 1), whole, **CLOSE)


@torch.no_grad()
def test_a_given_tuple_cache_stays_untouched(model):
    """Two continuations of one past do not write into each other."""
    _, mask, states = source(model)
    memory = {"encoder_hidden_states": states, "encoder_attention_mask": mask, "use_cache": True}
    past = model.decoder(ids(3, 2, seed=3), **memory).past_key_values
    before = [[tensor.clone() for tensor in layer] for layer in past]
    first = model.decoder(ids(3, 1, seed=4), past_key_values=past, **memory).logits
    model.decoder(ids(3, 1, seed=5), past_key_values=past, **memory)
    again = model.decoder(ids(3, 1, seed=4), past_key_values=past, **memory).logits
    torch.testing.assert_close(again, first, rtol=0, atol=0)
    for old, new in zip(before, past, strict=True):
        assert all(torch.equal(left, right) for left, right in zip(old, new, strict=True))


@torch.no_grad()
def test_cross_attention_is_computed_once(model):
    """With a filled cache the encoder's states are no longer read."""
    _, mask, states = source(model)
    cache = KVCache(3)
    memory = {"encoder_attention_mask": mask, "use_cache": True, "past_key_values": cache}
    model.decoder(ids(3, 1, seed=6), encoder_hidden_states=states, **memory)
    keys = cache.cross(0)[0]
    nonsense = torch.full_like(states, 1e6)
    output = model.decoder(ids(3, 1, seed=7), encoder_hidden_states=nonsense, **memory)
    assert cache.cross(0)[0] is keys
    assert output.logits.abs().max() < 1e3


@pytest.mark.parametrize("capture", [True, False])
@pytest.mark.parametrize("beams", [1, 3])
@torch.no_grad()
def test_fused_step_equals_plain_step(model, capture, beams):
    """Logits and rows, over padding, reordering and beyond the first buffer."""
    _, mask, states = source(model)
    rows = 3 * beams
    engines = FusedEngine(model.decoder), PlainEngine(model.decoder)
    states_of = [
        engine.begin(states, mask, rows=beams, capture=Capture(attentions=capture)) for engine in engines
    ]
    runs = list(zip(engines, states_of, strict=True))
    generator = torch.Generator().manual_seed(9)
    for time in range(40):
        tokens = torch.randint(4, 367, (rows, 1), generator=generator)
        left, right = (engine.step(state, tokens) for engine, state in runs)
        torch.testing.assert_close(left.logits, right.logits, **CLOSE)
        if capture:
            for name in ("decoder_self", "cross"):
                for one, other in zip(left.attentions[name], right.attentions[name], strict=True):
                    torch.testing.assert_close(one, other, **CLOSE)
        parents = torch.randint(0, beams, (3, beams), generator=generator) + torch.arange(3)[:, None] * beams
        if time % 3 == 2:
            for engine, state in runs:
                engine.reorder(state, parents.flatten())
    for one, other in zip(*(state.past().to_legacy() for state in states_of), strict=True):
        for left, right in zip(one, other, strict=True):
            torch.testing.assert_close(left, right, **CLOSE)


@torch.no_grad()
def test_fused_step_notices_new_weights(make_model):
    """A training step between two generations shows in the second."""
    model = make_model()
    given = {"inputs": ids(1, 5, seed=10), "max_new_tokens": 12}
    before = model.generate(**given)
    model.decoder.lm_head.bias[17] += 100.0
    after = model.generate(**given)
    assert after[0, 1:].tolist() == [17] * 12
    assert before[0, 1] != 17


@torch.no_grad()
def test_plain_step_serves_what_the_fused_one_does_not(make_model):
    assert fused_serves(make_model().decoder)
    assert not fused_serves(make_model(position_embedding_type="relative_key").decoder)
    assert not fused_serves(make_model().train().decoder)


@pytest.mark.parametrize("options", [{}, {"num_beams": 4}, {"num_beams": 3, "num_return_sequences": 3}])
@pytest.mark.parametrize("kind", KINDS)
def test_generate_without_cache(make_model, options, kind):
    model = make_model(position_embedding_type=kind)
    values, mask, _ = source(model)
    given = {"attention_mask": mask, "max_new_tokens": 20, **options}
    assert torch.equal(model.generate(values, **given), model.generate(values, use_cache=False, **given))


@pytest.mark.parametrize("options", [{}, {"num_beams": 4}])
def test_generate_past_the_first_buffer(make_model, options):
    """80 tokens, more than twice the buffer that a cache starts with."""
    model = make_model(eos_bias=-50.0)
    values = ids(2, 6, seed=11)
    fast = model.generate(values, max_new_tokens=80, **options)
    assert fast.shape == (2, 81)
    assert torch.equal(fast, model.generate(values, max_new_tokens=80, use_cache=False, **options))


@pytest.mark.parametrize("options", [{}, {"num_beams": 4}])
def test_batch_equals_single(model, options):
    """A padded batch writes for each row what the row alone gets."""
    values, mask, _ = source(model, (9, 5, 2, 7))
    batch = model.generate(values, attention_mask=mask, max_new_tokens=20, **options)
    for row, length in enumerate((9, 5, 2, 7)):
        alone = model.generate(values[row : row + 1, :length], max_new_tokens=20, **options)[0].tolist()
        together = batch[row].tolist()
        assert together[: len(alone)] == alone
        assert set(together[len(alone) :]) <= {0}


@torch.no_grad()
def test_padded_forward_equals_unpadded(model):
    values, mask, _ = source(model)
    tokens = ids(3, 4, seed=12)
    batch = model(values, attention_mask=mask, decoder_input_ids=tokens).logits
    for row, length in enumerate((9, 5, 1)):
        alone = model(values[row : row + 1, :length], decoder_input_ids=tokens[row : row + 1]).logits
        torch.testing.assert_close(batch[row : row + 1], alone, **CLOSE)


@torch.no_grad()
def test_capture_changes_nothing(model):
    """The open attention and the fused kernel agree, and every row is a distribution."""
    values, mask, _ = source(model)
    given = {"attention_mask": mask, "decoder_input_ids": ids(3, 6, seed=13)}
    plain, captured = model(values, **given), model(values, **given, output_attentions=True)
    torch.testing.assert_close(captured.logits, plain.logits, **CLOSE)
    assert plain.cross_attentions is None
    for name in ("encoder_attentions", "decoder_attentions", "cross_attentions"):
        for layer in captured[name]:
            torch.testing.assert_close(layer.sum(-1), torch.ones(layer.shape[:-1]))
    for layer in captured.decoder_attentions:
        assert not layer.triu(1).any()
    for layer in (*captured.cross_attentions, *captured.encoder_attentions):
        assert not layer[1, :, :, 5:].any()


@pytest.mark.parametrize("options", [{}, {"num_beams": 4}, {"do_sample": True}])
def test_asking_for_everything_changes_no_id(model, options):
    values, mask, _ = source(model)
    given = {"attention_mask": mask, "max_new_tokens": 15, **options}
    torch.manual_seed(3)
    plain = model.generate(values, **given)
    torch.manual_seed(3)
    everything = model.generate(
        values,
        **given,
        return_dict_in_generate=True,
        output_scores=True,
        output_attentions=True,
        output_hidden_states=True,
    )
    assert torch.equal(everything.sequences, plain)


@torch.no_grad()
def test_the_decoder_cannot_see_the_future(model):
    """Later labels leave earlier logits alone (the reference before its fix let them through)."""
    values, mask, _ = source(model)
    labels = ids(3, 6, seed=14)
    changed = labels.clone()
    changed[:, 4:] = ids(3, 2, seed=15)
    one = model(values, attention_mask=mask, labels=labels).logits
    other = model(values, attention_mask=mask, labels=changed).logits
    torch.testing.assert_close(one[:, :5], other[:, :5], rtol=0, atol=0)
    assert not torch.allclose(one[:, 5], other[:, 5])
