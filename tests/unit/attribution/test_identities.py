"""What each measure must add up to, on models of every family."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from bertgen import trace_generate
from bertgen.attribution import MEASURES, measure, occlusion
from bertgen.attribution.forced import Reading
from bertgen.attribution.vectors import block_constant, block_vectors
from bertgen.configs.generation import GenerationConfig
from bertgen.errors import Trouble
from tests.unit.attribution.conftest import IDS, TEXT, build

HEADS_OF_ONE = {"norm_block", "rollout", "value_zeroing", "alti"}
SIGNED = {"input_x_gradient", "integrated_gradients", "occlusion"}


@pytest.fixture(scope="module")
def clean(run):
    """The run's reading and its pass."""
    reading = Reading(*run)
    with torch.no_grad():
        return reading, reading.clean_run()


def close(found, expected, tolerance=2e-5):
    found, expected = (x.detach() if isinstance(x, torch.Tensor) else x for x in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# -- the pass ------------------------------------------------------------------------------------


def test_the_pass_is_the_model(run, clean):
    """Log-probabilities are the run's, weights the trace's, states those of the model's own forward."""
    model, trace = run
    reading, found = clean
    close(found.logprobs[0], trace.logprobs, 1e-4)
    for kind, entry in trace.maps.items():
        weights = torch.stack([half.weights[0] for _, half in found.side(kind).halves(kind)])
        again = reading.as_map(kind, weights, "raw").weights
        close(again, entry.weights.astype(np.float32), 1e-3)
    inputs = {"input_ids": reading.read}
    if reading.joint:
        inputs = {"input_ids": reading.source, "decoder_input_ids": reading.read}
    with torch.no_grad():
        logits = model(**inputs).logits[0, reading.rows].log_softmax(-1)
    close(found.logprobs[0], logits.gather(-1, reading.target[:, None])[:, 0])


def test_another_models_run_is_refused(run):
    model, trace = run
    other = copy.deepcopy(model)
    with torch.no_grad():
        for value in other.parameters():
            value.add_(0.05 * torch.randn(value.shape, generator=torch.Generator().manual_seed(1)))
    for name in set(MEASURES) - {"raw"}:
        with pytest.raises(Trouble) as caught:
            measure(other, trace, name)
        assert caught.value.key == "measure.other_model"


def test_shapes_and_kinds(run):
    """Of each head or of one; of each layer or of one; for the kinds where it is defined."""
    model, trace = run
    for name in MEASURES:
        kinds = set(trace.maps)
        if name == "rollout":
            kinds -= {"cross"}
        if name in SIGNED:
            kinds -= {"encoder_self"}
        maps = measure(model, trace, name)
        assert set(maps) == kinds
        for kind, found in maps.items():
            raw = trace.maps[kind]
            layers, heads = raw.weights.shape[:2]
            if name in HEADS_OF_ONE | SIGNED:
                heads = 1
            if name in SIGNED:
                layers = 1
            assert found.weights.shape == (layers, heads, len(raw.rows), len(raw.columns))
            assert (found.rows, found.columns, found.shift) == (raw.rows, raw.columns, raw.shift)
            assert np.isfinite(found.weights).all()
            if name != "raw":
                assert found.weights.dtype == np.float32


def test_cells_that_no_query_saw_stay_zero(run):
    model, trace = run
    before = trace.maps["decoder_self"].weights.shape[-1] - len(trace.target_ids) + 1
    for name in MEASURES:
        found = measure(model, trace, name)["decoder_self"].weights
        later = [found[:, :, t, before + t :] for t in range(found.shape[2])]
        assert not any(cells.any() for cells in later), name


# -- one forward pass ----------------------------------------------------------------------------


def test_norm_vectors_sum_to_the_attention_output(run, clean):
    """Summed over keys and heads the vectors are the output without its bias; their lengths are the map."""
    model, trace = run
    reading, found = clean
    maps = measure(model, trace, "norm")
    for kind in trace.maps:
        for layer, (parts, half) in enumerate(found.side(kind).halves(kind)):
            vectors = half.weights[0][..., None] * parts.moved(half.values[0])[:, None]  # [H, T, K, C]
            close(vectors.sum((0, 2)), half.attended[0] - parts.bias)
            lengths = vectors.norm(dim=-1)
            if kind != "encoder_self":
                lengths = lengths[:, reading.rows]
            close(maps[kind].weights[layer], lengths)


def test_block_vectors_and_constants_sum_to_the_block_output(clean):
    reading, found = clean
    for kind in reading.kinds():
        for parts, half in found.side(kind).halves(kind):
            vectors = block_vectors(parts, half, kind, slice(0, half.residual.shape[1]))
            close(vectors.sum(1) + block_constant(parts, half, kind), half.output[0], 1e-4)


def test_norm_block_is_the_length_of_these_vectors(run, clean):
    reading, found = clean
    maps = measure(*run, "norm_block")
    for kind in reading.kinds():
        for layer, (parts, half) in enumerate(found.side(kind).halves(kind)):
            lengths = block_vectors(parts, half, kind, slice(0, half.residual.shape[1])).norm(dim=-1)
            if kind != "encoder_self":
                lengths = lengths[reading.rows]
            close(maps[kind].weights[layer, 0], lengths)


def test_rollout_rows_sum_to_one_and_begin_with_the_first_layer(run):
    model, trace = run
    for kind, found in measure(model, trace, "rollout").items():
        close(found.weights.sum(-1), 1)
        raw = trace.maps[kind].weights[0].astype(np.float32).mean(0)
        own = np.eye(*raw.shape, k=raw.shape[1] - raw.shape[0])
        close(found.weights[0, 0], (raw + own) / 2, 1e-3)


def test_alti_shares_of_a_row_sum_to_one(run):
    """In every layer: the encoder's rows, and source and prefix together of the decoder's."""
    maps = measure(*run, "alti")
    assert all((found.weights >= 0).all() for found in maps.values())
    decoder = maps["decoder_self"].weights.sum(-1)
    if "cross" in maps:
        close(maps["encoder_self"].weights.sum(-1), 1)
        assert (decoder < 1).all()
        decoder = decoder + maps["cross"].weights.sum(-1)
    close(decoder, 1)


def test_alti_of_the_first_layer_by_its_formula(run, clean):
    reading, found = clean
    side, kind = found.encoder, "encoder_self"
    if side is None:
        side, kind = found.decoder, "decoder_self"
    parts, half = next(side.halves(kind))
    vectors = block_vectors(parts, half, kind, slice(0, half.residual.shape[1]))  # [N, K, C]
    output = half.output[0]
    near = (output.abs().sum(-1)[:, None] - (output[:, None] - vectors).abs().sum(-1)).clamp(min=0)
    shares = near / near.sum(-1, keepdim=True)
    if kind != "encoder_self":
        shares = shares[reading.rows]
    close(measure(*run, "alti")[kind].weights[0, 0], shares, 1e-4)


def test_value_zeroing_rows_sum_to_one(run):
    for found in measure(*run, "value_zeroing").values():
        close(found.weights.sum(-1), 1)
        assert (found.weights >= 0).all()


def test_value_zeroing_is_the_layer_without_the_value(run, clean):
    """The last layer's map against that layer run once for each key, with the key's values at zero."""
    reading, found = clean
    for kind, entry in measure(*run, "value_zeroing").items():
        side = found.side(kind)
        parts, done = side.layers[-1], side.runs[-1]
        name = "edit_own"
        if kind == "cross":
            name = "edit_cross"
        columns = []
        for key in range(entry.weights.shape[-1]):

            def without(values, key=key):
                return values.index_fill(2, torch.tensor([key]), 0.0)

            with torch.no_grad():
                layer = parts.run(
                    done.own.residual, side.mask, side.memory, side.memory_mask, **{name: without}
                )
            columns.append(
                1 - torch.cosine_similarity(layer.output.double(), done.output.double(), dim=-1)[0]
            )
        turned = torch.stack(columns, dim=-1)
        turned = turned / turned.sum(-1, keepdim=True)
        if kind != "encoder_self":
            turned = turned[reading.rows]
        close(entry.weights[-1, 0], turned, 1e-4)


# -- gradients -----------------------------------------------------------------------------------


def test_grad_x_attention_is_the_effect_of_a_slightly_larger_weight(run, clean):
    """A weight of the last decoder layer's own row, moved a little through its values."""
    reading, found = clean
    done = found.decoder.runs[-1]
    row = reading.rows.stop - 1
    slopes = measure(*run, "grad_x_attention")["decoder_self"].weights[-1, :, -1]  # [H, K]

    def logprob(head, key, factor):
        # Scaling a value for one head is, for one row, the same as scaling the weight that it has.
        def edit(values):
            changed = values.double().clone()
            changed[:, head, key] *= factor
            return changed

        with torch.no_grad():
            hidden = twin.run(done.own.residual.double(), mask, memory, memory_mask, edit_own=edit).output
            if base.closed_by is not None:
                hidden = base.get_submodule(base.closed_by)(hidden)
            return float(double.language.head()(hidden[:, row]).log_softmax(-1)[0, reading.target[-1]])

    double = Reading(copy.deepcopy(run[0]).double(), run[1])
    base = double.language.base
    again = double.run().decoder
    twin, mask, memory, memory_mask = again.layers[-1], again.mask, again.memory, again.memory_mask
    for head, key in ((0, 0), (1, row), (3, row // 2)):
        slope = (logprob(head, key, 1 + 1e-4) - logprob(head, key, 1 - 1e-4)) / 2e-4
        close(slopes[head, key], max(0.0, slope), 1e-4)


def test_integrated_gradients_are_complete(run):
    """Both maps of a row sum to the log-probability minus that of zero embeddings."""
    model, trace = run
    reading = Reading(model, trace)
    maps = measure(model, trace, "integrated_gradients")
    total = sum(found.weights.sum((0, 1, 3)) for found in maps.values())
    with torch.no_grad():
        source = None
        if reading.joint:
            source = torch.zeros_like(reading.source_words())
        nothing = reading.run(source, torch.zeros_like(reading.read_words())).logprobs[0]
    close(total, trace.logprobs - nothing.numpy(), 0.02)


def test_input_x_gradient_is_the_slope_along_the_embedding(run):
    """Making one embedding a little longer moves the log-probability by its cell."""
    model, trace = run
    double = Reading(copy.deepcopy(model).double(), trace)
    found = measure(model, trace, "input_x_gradient")
    words = double.read_words()
    ends = []
    with torch.no_grad():
        for factor in (1 + 1e-5, 1 - 1e-5):
            longer = words.clone()
            longer[:, 0] *= factor
            ends.append(double.run(read_words=longer).logprobs[0].double())
    slope = (ends[0] - ends[1]) / 2e-5
    close(found["decoder_self"].weights[0, 0, :, 0], slope, 0.05)


# -- occlusion -----------------------------------------------------------------------------------


def test_occlusion_is_the_model_with_the_word_masked(tokenizer):
    """Word by word against the model's own forward under that mask."""
    model = build("gpt2", len(tokenizer))
    trace = trace_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=6, **IDS))
    drops = occlusion(model, tokenizer, trace)
    words = np.asarray(trace.source_words)
    assert drops.shape == (len(trace.target_ids), words.max() + 1)
    reading = Reading(model, trace)
    for word in range(words.max() + 1):
        mask = torch.tensor(words != word)[None].long()
        with torch.no_grad():
            logits = model(reading.source, attention_mask=mask, decoder_input_ids=reading.read).logits
        logprobs = logits[0].log_softmax(-1).gather(-1, reading.target[:, None])[:, 0]
        close(drops[:, word], trace.logprobs - logprobs.numpy(), 1e-4)


def test_a_source_of_one_word_cannot_be_masked(tokenizer):
    model = build("bert", len(tokenizer))
    ids = tokenizer.encode_text("a")
    trace = trace_generate(model, tokenizer, "a", GenerationConfig(max_new_tokens=3, **IDS))
    assert len(set(trace.source_words)) == 1, ids
    with pytest.raises(Trouble) as caught:
        occlusion(model, tokenizer, trace)
    assert caught.value.key == "measure.all_masked"


def test_a_decoder_alone_has_no_source_words(tokenizer):
    model = build("gpt2-alone", len(tokenizer))
    trace = trace_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=3, **IDS))
    with pytest.raises(Trouble) as caught:
        occlusion(model, tokenizer, trace)
    assert caught.value.key == "measure.no_source"
