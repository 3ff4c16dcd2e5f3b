"""Runs that are not plain: beams, samples, stopped, without capture, of one token, in half precision."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from bertgen import stream_generate, trace_generate
from bertgen.attribution import MEASURES, head_effects, head_table, logit_lens, measure
from bertgen.configs.generation import GenerationConfig
from bertgen.errors import Trouble
from tests.unit.attribution.conftest import IDS, TEXT, build

MODES = {"sample": {"do_sample": True, "temperature": 1.5}, "beam": {"num_beams": 3}}


@pytest.fixture(scope="module", params=["bert-generation", "gpt2", "gpt2-alone"])
def model(request, tokenizer):
    return build(request.param, len(tokenizer))


@pytest.mark.parametrize("mode", MODES)
def test_however_it_was_written(model, tokenizer, mode):
    """The pass reads what was written, whichever search chose it."""
    settings = GenerationConfig(max_new_tokens=5, **IDS, **MODES[mode])
    trace = trace_generate(model, tokenizer, TEXT, settings, generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(logit_lens(model, trace).logprobs[-1], trace.logprobs, atol=1e-4)
    for kind, found in measure(model, trace, "norm").items():
        seen = trace.maps[kind].weights > 1e-3
        assert (found.weights[seen] > 0).all()


def test_a_run_that_was_stopped_before_its_first_token(model, tokenizer):
    stream = stream_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=3, **IDS))
    stream.close()
    trace = stream.trace
    assert len(trace.target_ids) == 0
    for name in MEASURES:
        for kind, found in measure(model, trace, name).items():
            assert found.weights.shape[2:] == trace.maps[kind].weights.shape[2:]
    assert logit_lens(model, trace).ranks.shape[1] == 0
    assert len(head_table(trace)) == sum(np.prod(m.weights.shape[:2]) for m in trace.maps.values())


def test_without_capture_there_are_no_kinds(model, tokenizer):
    trace = trace_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=3, **IDS), capture=False)
    assert all(measure(model, trace, name) == {} for name in MEASURES)
    assert head_table(trace) == []
    assert head_effects(model, trace) == {}


def test_one_token_is_enough(model, tokenizer):
    """One source piece and one written token: everything but occlusion, which would mask all there is."""
    trace = trace_generate(model, tokenizer, "find", GenerationConfig(max_new_tokens=1, **IDS))
    assert len(trace.source_ids) == len(trace.target_ids) == 1
    for name in set(MEASURES) - {"occlusion"}:
        for found in measure(model, trace, name).values():
            assert np.isfinite(found.weights).all()


def test_a_model_in_training_mode_is_refused(model, tokenizer):
    """Generation rolled its own dropout; nothing here can roll it again."""
    noisy = copy.deepcopy(model).train()
    settings = GenerationConfig(max_new_tokens=5, **IDS)
    trace = trace_generate(noisy, tokenizer, TEXT, settings, generator=torch.Generator().manual_seed(1))
    with pytest.raises(Trouble) as caught:
        measure(noisy, trace, "norm")
    assert caught.value.key == "measure.other_model"


def test_half_precision_gives_float32_maps(model, tokenizer):
    half = copy.deepcopy(model).to(torch.bfloat16)
    trace = trace_generate(half, tokenizer, TEXT, GenerationConfig(max_new_tokens=3, **IDS))
    for name in set(MEASURES) - {"raw"}:
        for found in measure(half, trace, name).values():
            assert found.weights.dtype == np.float32
            assert np.isfinite(found.weights).all()


def test_the_model_stays_as_it_is(model, tokenizer):
    """Also under inference mode: no gradient, no hook, no bit of a weight."""
    trace = trace_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=3, **IDS))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.inference_mode():
        for name in MEASURES:
            measure(model, trace, name)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(value.grad is None and value.requires_grad for value in model.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
