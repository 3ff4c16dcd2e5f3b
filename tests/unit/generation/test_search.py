"""Searches as state machines: many can take turns over one engine, and each writes what it writes alone."""

from __future__ import annotations

import pytest
import torch

from bertgen import GenerationConfig
from bertgen.generation.beam import BeamSearch, make_search
from bertgen.generation.engines.base import Capture, HeadSwitches
from bertgen.generation.engines.fused import FusedEngine
from bertgen.generation.engines.plain import PlainEngine
from bertgen.generation.pipeline import build_processors, build_warpers
from bertgen.generation.request import make_request
from bertgen.generation.search import Rules, advance

SOURCES = [[5, 6, 7, 8, 9], [10, 11, 12], [13, 14, 15, 16, 17, 18, 19]]
SETTINGS = [
    {},
    {"num_beams": 3},
    {"do_sample": True, "top_k": 20},
    {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
    {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
]
TOKENS = {"decoder_start_token_id": 2, "pad_token_id": 0, "eos_token_id": 1, "max_new_tokens": 15}


def begin(model, engine, source, settings, seed):
    """(state, search) of one request over a given engine."""
    config = GenerationConfig(**TOKENS, **settings)
    request = make_request(model, torch.tensor([source]), config, {})
    memory = model.encoder(request.source_ids, attention_mask=request.source_mask)[0]
    state = engine.begin(memory, request.source_mask, rows=config.num_beams)
    generator = torch.Generator().manual_seed(seed)
    rules = Rules(build_processors(request), build_warpers(request), config.do_sample, generator)
    return state, make_search(request, rules)


def written(search) -> list[int]:
    ids = search.finish().sequences if isinstance(search, BeamSearch) else search.ids
    return ids[0].tolist()


@pytest.mark.parametrize("kind", [FusedEngine, PlainEngine])
@torch.no_grad()
def test_interleaved_is_alone(model, kind):
    """Fifteen searches of five kinds over one engine, a step each in turn, against generate one by one."""
    engine = kind(model.decoder)
    cases = [(source, settings) for source in SOURCES for settings in SETTINGS]
    runs = [begin(model, engine, *case, seed=index) for index, case in enumerate(cases)]
    while not all(search.done for _, search in runs):
        for state, search in runs:
            if not search.done:
                advance(engine, state, search)
    for index, ((source, settings), (_, search)) in enumerate(zip(cases, runs, strict=True)):
        alone = model.generate(
            torch.tensor([source]),
            generation_config=GenerationConfig(**TOKENS, **settings),
            generator=torch.Generator().manual_seed(index),
        )
        assert written(search) == alone[0].tolist()


@pytest.mark.parametrize("kind", [FusedEngine, PlainEngine])
@torch.no_grad()
def test_a_choice_names_tokens_parents_and_totals(model, kind):
    engine = kind(model.decoder)
    state, search = begin(model, engine, SOURCES[0], {"num_beams": 3}, seed=0)
    before = search.ids
    output, choice = advance(engine, state, search)
    assert output.logits.shape == (3, 367)
    assert choice.tokens.shape == choice.parents.shape == choice.totals.shape == (3,)
    assert torch.equal(search.ids, torch.cat([before[choice.parents], choice.tokens[:, None]], dim=1))
    assert torch.equal(search.feed, choice.tokens[:, None])
    state, search = begin(model, engine, SOURCES[0], {}, seed=0)
    output, choice = advance(engine, state, search)
    assert choice.parents is None
    assert choice.tokens.tolist() == output.logits.argmax(-1).tolist()


@pytest.mark.parametrize("kind", [FusedEngine, PlainEngine])
@torch.no_grad()
def test_attention_comes_by_name_and_only_when_captured(model, kind):
    engine = kind(model.decoder)
    memory, mask = torch.zeros(2, 5, 32), torch.ones(2, 5, dtype=torch.long)
    ids = torch.full((4, 1), 7)
    output = engine.step(engine.begin(memory, mask, rows=2), ids)
    assert output.attentions == {}
    state = engine.begin(memory, mask, rows=2, capture=Capture(attentions=True))
    engine.step(state, ids)
    output = engine.step(state, ids)
    assert set(output.attentions) == {"decoder_self", "cross"}
    assert [tuple(layer.shape) for layer in output.attentions["decoder_self"]] == [(4, 4, 1, 2)] * 3
    assert [tuple(layer.shape) for layer in output.attentions["cross"]] == [(4, 4, 1, 5)] * 3
    assert state.past().length == 2


@pytest.mark.parametrize("kind", [FusedEngine, PlainEngine])
@torch.no_grad()
def test_head_switches_belong_to_a_run(model, kind):
    """Two runs over one engine: only the one that was begun with switches feels them, at every step."""
    engine, ids = kind(model.decoder), torch.full((1, 1), 7)
    memory, mask = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(0)), torch.ones(1, 5)
    switches = HeadSwitches({"cross": torch.ones(3, 4), "decoder_self": torch.zeros(3, 4)})
    before = engine.begin(memory, mask)
    switched = engine.begin(memory, mask, heads=switches)
    after = engine.begin(memory, mask)
    for _ in range(3):
        logits = [engine.step(state, ids).logits for state in (before, switched, after)]
        assert torch.equal(logits[0], logits[2])
        assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_the_fused_engine_says_what_it_does_not_give(model):
    memory, mask = torch.zeros(1, 2, 32), torch.ones(1, 2)
    with pytest.raises(ValueError, match="PlainEngine"), torch.no_grad():
        FusedEngine(model.decoder).begin(memory, mask, capture=Capture(hidden_states=True))


def test_a_request_cannot_be_changed(model):
    request = make_request(model, torch.tensor(SOURCES[:1]), None, {"max_new_tokens": 3})
    with pytest.raises(AttributeError):
        request.max_length = 9
    repeated = request.repeated(3)
    assert repeated.source_ids.shape == (3, 5)
    assert request.source_ids.shape == (1, 5)
