"""The erasure test, against the model's own forward under the masks that it speaks of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bertgen import trace_generate
from bertgen.attribution import erasure, measure
from bertgen.attribution.forced import Reading
from bertgen.configs.generation import GenerationConfig
from bertgen.errors import Trouble
from tests.unit.attribution.conftest import IDS, TEXT, build


@pytest.fixture(scope="module")
def run(tokenizer):
    model = build("bert-generation", len(tokenizer))
    return model, tokenizer, trace_generate(model, tokenizer, TEXT, GenerationConfig(max_new_tokens=6, **IDS))


def probability(model, trace, token, seen):
    """Of one written token, when only these source words can be seen."""
    reading = Reading(model, trace)
    mask = torch.tensor(np.isin(trace.source_words, seen))[None].long()
    with torch.no_grad():
        logits = model(reading.source, attention_mask=mask, decoder_input_ids=reading.read).logits
    return float(logits[0, token].softmax(-1)[trace.target_ids[token]])


def test_the_words_named_are_taken_away_or_left_alone(run):
    model, _, trace = run
    found = erasure(*run, "norm", k=2)
    words = range(max(trace.source_words) + 1)
    pieces = measure(model, trace, "norm")["cross"].weights.mean((0, 1))
    for token in range(len(trace.target_ids)):
        values = [pieces[token, np.asarray(trace.source_words) == word].sum() for word in words]
        named = np.argsort(values)[::-1][:2]
        assert found.words[token].tolist() == named.tolist()
        clean = probability(model, trace, token, list(words))
        without = probability(model, trace, token, [word for word in words if word not in named])
        only = probability(model, trace, token, list(named))
        assert found.comprehensiveness[token] == pytest.approx(clean - without, abs=1e-5)
        assert found.sufficiency[token] == pytest.approx(clean - only, abs=1e-5)


def test_the_baseline_is_seeded_and_does_not_depend_on_the_measure(run):
    first, again, other = erasure(*run, "raw"), erasure(*run, "alti"), erasure(*run, "raw", seed=1)
    np.testing.assert_allclose(first.random_comprehensiveness, again.random_comprehensiveness, atol=1e-6)
    np.testing.assert_allclose(first.random_sufficiency, again.random_sufficiency, atol=1e-6)
    assert not np.array_equal(first.random_comprehensiveness, other.random_comprehensiveness)


def test_the_baseline_of_all_but_one_of_two_words_is_known(run):
    """Of two words, k = 1: what one draw leaves alone, the other takes away."""
    model, tokenizer, _ = run
    trace = trace_generate(model, tokenizer, "a b", GenerationConfig(max_new_tokens=3, **IDS))
    assert max(trace.source_words) == 1
    found = erasure(model, tokenizer, trace, "raw", k=1)
    both = found.comprehensiveness + found.sufficiency
    np.testing.assert_allclose(found.random_comprehensiveness + found.random_sufficiency, both, atol=1e-6)


def test_what_cannot_be_taken_away_is_refused(run):
    model, tokenizer, trace = run
    for k in (0, max(trace.source_words) + 1):
        with pytest.raises(Trouble) as caught:
            erasure(model, tokenizer, trace, "raw", k=k)
        assert caught.value.key == "measure.too_many_words"
    with pytest.raises(Trouble) as caught:
        erasure(model, tokenizer, trace, "rollout")
    assert caught.value.key == "measure.no_cross"
