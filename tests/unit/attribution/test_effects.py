"""Heads switched off one by one, and what each layer would have written."""

from __future__ import annotations

import copy

import numpy as np
import torch

from bertgen.attribution import head_effects, logit_lens
from bertgen.attribution.forced import Reading


def test_a_head_without_its_slice_of_the_output_projection(run):
    """The same model with that slice at zero gives the same effect, for a head of every kind and layer."""
    model, trace = run
    effects = head_effects(model, trace)
    assert set(effects) == set(trace.maps)
    for kind, found in effects.items():
        assert found.shape == trace.maps[kind].weights.shape[:2]
        assert found.dtype == np.float32
        for layer in range(len(found)):
            other = copy.deepcopy(model)
            reading = Reading(other, trace)
            head = layer % found.shape[1]
            with torch.no_grad():
                parts, _ = list(reading.run().side(kind).halves(kind))[layer]
                parts.weight[head] = 0  # a view of the model's own weight
                without = reading.run().logprobs.sum()
            expected = trace.logprobs.sum() - float(without)
            np.testing.assert_allclose(found[layer, head], expected, rtol=1e-3, atol=1e-3)


def test_the_lens_ends_with_what_was_written(run):
    model, trace = run
    lens = logit_lens(model, trace, k=4)
    layers, count = trace.maps["decoder_self"].weights.shape[0], len(trace.target_ids)
    assert lens.top_ids.shape == lens.top_logprobs.shape == (layers, count, 4)
    assert lens.ranks.shape == lens.logprobs.shape == (layers, count)
    np.testing.assert_allclose(lens.logprobs[-1], trace.logprobs, atol=1e-4)
    ids = [[index for index, _, _ in step[:4]] for step in trace.top_k]
    np.testing.assert_array_equal(lens.top_ids[-1], ids)
    # A rank below k is a place among the best.
    for layer, row in np.argwhere(lens.ranks < 4):
        assert lens.top_ids[layer, row, lens.ranks[layer, row]] == trace.target_ids[row]


def test_the_lens_reads_the_layers_states_through_the_models_head(run):
    """The first layer's numbers, from the hidden states of the model's own forward."""
    model, trace = run
    reading = Reading(model, trace)
    base = reading.language.base
    with torch.no_grad():
        if reading.joint:
            output = model(reading.source, decoder_input_ids=reading.read, output_hidden_states=True)
            states = output.decoder_hidden_states[1]
        else:
            states = model(reading.read, output_hidden_states=True).hidden_states[1]
        if base.closed_by is not None:
            states = base.get_submodule(base.closed_by)(states)
        logits = reading.language.head()(states)[0, reading.rows].log_softmax(-1)
    expected = logits.gather(-1, reading.target[:, None])[:, 0]
    np.testing.assert_allclose(logit_lens(model, trace).logprobs[0], expected, rtol=1e-4, atol=1e-4)
