"""Prompts that bring more than ids, and runs that are continued: every id is transformers 4.37.2's."""

from __future__ import annotations

import pytest
import torch

import bertgen
from tests.golden import by_formula

PROMPT = torch.tensor([[5, 9, 30, 7], [0, 0, 12, 40]])
TYPES = torch.tensor([[3, 3, 4, 4], [3, 4, 5, 6]])
MODES = {
    "greedy": {},
    "beams": {"num_beams": 3},
    "sample": {"do_sample": True, "num_return_sequences": 2},
    "no cache": {"use_cache": False},
}


@pytest.fixture(scope="module")
def gpt2():
    return by_formula.decoder(bertgen, "gpt2")


def written(model, mode: str, **given) -> list[list[int]]:
    torch.manual_seed(given.pop("seed", 3))
    return model.generate(**given, **MODES[mode]).tolist()


# -- GPT-2's token types and embeddings ----------------------------------------------------------

TYPED = {
    "greedy": [[51, 46, 46, 46, 46], [9, 51, 9, 51, 51]],
    "beams": [[51, 46, 46, 46, 46], [9, 51, 9, 51, 51]],
    "sample": [[51, 2, 6, 53, 9], [51, 46, 11, 51, 19], [13, 9, 9, 6, 51], [9, 6, 6, 56, 46]],
    "no cache": [[51, 46, 46, 46, 46], [9, 51, 9, 51, 51]],
}
EMBEDDED = {
    "greedy": [[2, 9, 51, 9, 6, 9], [2, 6, 6, 6, 9, 24]],
    "beams": [[2, 9, 9, 46, 46, 46], [2, 6, 51, 53, 24, 6]],
    "sample": [[2, 51, 2, 6, 53, 27], [2, 9, 51, 51, 31, 51], [2, 35, 6, 9, 6, 6], [2, 34, 47, 53, 56, 46]],
    "no cache": [[2, 9, 51, 9, 6, 9], [2, 6, 6, 6, 9, 24]],
}


@pytest.fixture(scope="module")
def embeds(gpt2):
    return gpt2.transformer.wte(torch.tensor([[8, 4, 11], [21, 22, 23]])).detach()


@pytest.mark.parametrize("mode", MODES)
def test_token_types(gpt2, mode):
    found = written(gpt2, mode, input_ids=PROMPT, token_type_ids=TYPES, max_new_tokens=5)
    assert [row[4:] for row in found] == TYPED[mode]


@pytest.mark.parametrize("mode", MODES)
def test_embeddings(gpt2, embeds, mode):
    assert written(gpt2, mode, inputs_embeds=embeds, max_new_tokens=5) == EMBEDDED[mode]


def test_embeddings_beside_ids_types_and_masks(gpt2, embeds):
    beside = {"input_ids": PROMPT[:, :2] + 1, "inputs_embeds": embeds, "max_new_tokens": 5}
    assert written(gpt2, "greedy", **beside) == [[6, 10, 9, 51, 9, 6, 9], [1, 1, 6, 6, 6, 9, 24]]
    typed = {"inputs_embeds": embeds, "token_type_ids": TYPES[:, :3], "max_new_tokens": 5}
    assert written(gpt2, "greedy", **typed) == [[2, 16, 34, 56, 15, 24], [2, 53, 6, 53, 46, 51]]
    mask = torch.tensor([[1, 1, 1], [0, 1, 1]])
    masked = {"inputs_embeds": embeds, "attention_mask": mask, "max_new_tokens": 5}
    assert written(gpt2, "greedy", **masked) == [[2, 9, 51, 9, 6, 9], [2, 42, 53, 9, 53, 9]]
    assert written(gpt2, "beams", **masked) == [[2, 9, 9, 46, 46, 46], [2, 34, 53, 9, 46, 46]]


def test_embeddings_that_do_not_fit(gpt2, embeds):
    for options in (
        {"inputs_embeds": embeds[:1], "input_ids": PROMPT},
        {"inputs_embeds": embeds, "input_ids": PROMPT},
        {"inputs_embeds": embeds[0]},
        {"inputs_embeds": embeds, "attention_mask": torch.ones(2, 4)},
    ):
        with pytest.raises(ValueError, match="shape"):
            gpt2.generate(**options)
    with pytest.raises(IndexError, match="token_type_ids"):
        gpt2.generate(PROMPT, token_type_ids=TYPES + 60)
    with pytest.raises(ValueError, match="inputs_embeds"):
        by_formula.decoder(bertgen, "bert", is_decoder=True).generate(inputs_embeds=embeds)


# -- one step for a loop of one's own ------------------------------------------------------------


def test_gpt2_counts_positions_from_the_mask(gpt2):
    mask = (PROMPT != 0).long()
    inputs = gpt2.prepare_inputs_for_generation(
        PROMPT, attention_mask=mask, token_type_ids=TYPES, use_cache=True
    )
    assert inputs["position_ids"].tolist() == [[0, 1, 2, 3], [1, 1, 0, 1]]
    assert inputs["use_cache"] is True
    assert inputs["token_type_ids"].tolist() == TYPES.tolist()
    # the step after: the last token alone, with its own position and type
    past = gpt2(**inputs).past_key_values
    longer, ones = torch.cat([PROMPT, PROMPT[:, :1]], 1), torch.ones(2, 1, dtype=torch.long)
    inputs = gpt2.prepare_inputs_for_generation(
        longer,
        past,
        attention_mask=torch.cat([mask, ones], 1),
        token_type_ids=torch.cat([TYPES, TYPES[:, :1]], 1),
    )
    assert inputs["input_ids"].tolist() == [[5], [0]]
    assert inputs["position_ids"].tolist() == [[4], [2]]
    assert inputs["token_type_ids"].tolist() == [[3], [3]]


def test_gpt2_feeds_embeddings_once(gpt2, embeds):
    first = gpt2.prepare_inputs_for_generation(PROMPT, inputs_embeds=embeds)
    assert "input_ids" not in first
    assert first["inputs_embeds"] is embeds
    past = gpt2(inputs_embeds=embeds).past_key_values
    assert "inputs_embeds" not in gpt2.prepare_inputs_for_generation(PROMPT, past, inputs_embeds=embeds)
    # positions that are given are left out, and counted from the left edge
    given = gpt2.prepare_inputs_for_generation(
        PROMPT, attention_mask=torch.ones_like(PROMPT), position_ids=PROMPT
    )
    assert given["position_ids"] is None


def test_which_families_hand_use_cache_on():
    names = {"attention_mask", "input_ids", "past_key_values"}
    for family, more in (("generation", set()), ("roberta", set()), ("bert", {"use_cache"})):
        model = by_formula.decoder(bertgen, family)
        assert set(model.prepare_inputs_for_generation(PROMPT, use_cache=False)) == names | more


# -- runs that are continued ---------------------------------------------------------------------

CONTINUED = {
    "bert": {
        "greedy": [[10, 25, 25, 32, 32, 10, 25], [10, 15, 10, 10, 15, 10, 25]],
        "beams": [[10, 25, 25, 32, 10, 15, 25], [10, 15, 10, 10, 15, 10, 25]],
        "no cache": [[10, 25, 25, 32, 32, 10, 25], [10, 15, 10, 10, 15, 10, 25]],
    },
    "roberta": {
        "greedy": [[31, 12, 12, 12, 12, 12, 12], [48, 48, 2, 2, 2, 2, 2]],
        "sample": [
            [31, 12, 12, 26, 12, 12, 28],
            [31, 12, 12, 17, 12, 8, 12],
            [48, 48, 2, 48, 2, 12, 44],
            [48, 48, 2, 12, 12, 48, 35],
        ],
    },
    "gpt2": {
        "greedy": [[6, 6, 9, 9, 9, 9, 24], [13, 6, 6, 4, 13, 28, 51]],
        "beams": [[6, 6, 9, 26, 6, 6, 46], [13, 6, 6, 15, 46, 46, 6]],
        "no cache": [[6, 6, 9, 9, 9, 9, 24], [13, 6, 6, 4, 13, 28, 51]],
    },
}


@pytest.mark.parametrize(("family", "mode"), [(f, m) for f, modes in CONTINUED.items() for m in modes])
def test_a_run_goes_on(family, mode):
    model = by_formula.decoder(bertgen, family, is_decoder=True)
    first = model.generate(PROMPT, max_new_tokens=3, return_dict_in_generate=True)
    torch.manual_seed(5)
    output = model.generate(
        first.sequences,
        past_key_values=first.past_key_values,
        max_new_tokens=4,
        return_dict_in_generate=True,
        output_attentions=True,
        **MODES[mode],
    )
    assert [row[4:] for row in output.sequences.tolist()] == CONTINUED[family][mode]
    # Only the last token is new to the cache.
    assert output.attentions[0][0].shape[2:] == (1, 7)
    assert first.past_key_values[0][0].shape[2] == 6  # what was given stays as it was


@pytest.mark.parametrize("family", ["generation", "bert", "roberta", "gpt2"])
def test_a_run_in_two_parts_is_one_run(family):
    model = by_formula.decoder(bertgen, family, is_decoder=True)
    whole = model.generate(PROMPT, max_new_tokens=8)
    first = model.generate(PROMPT, max_new_tokens=3, return_dict_in_generate=True)
    mask = torch.cat([(PROMPT != 0).long(), torch.ones(2, 3, dtype=torch.long)], 1)
    rest = {"past_key_values": first.past_key_values, "attention_mask": mask, "max_new_tokens": 5}
    assert torch.equal(model.generate(first.sequences, **rest), whole)


def test_an_encoder_decoder_goes_on():
    model = by_formula.joined(bertgen)
    given = {"encoder_outputs": model.encoder(PROMPT), "attention_mask": (PROMPT > 0).long()}
    whole = model.generate(**given, max_new_tokens=7)
    first = model.generate(**given, max_new_tokens=3, return_dict_in_generate=True)
    assert first.sequences.tolist() == [[2, 16, 16, 16], [2, 16, 16, 16]]
    rest = {"decoder_input_ids": first.sequences, "past_key_values": first.past_key_values}
    assert torch.equal(model.generate(**given, **rest, max_new_tokens=4), whole)


def test_a_cache_that_is_none_of_the_models(gpt2):
    past = gpt2(PROMPT).past_key_values
    for wrong in (past * 2, ((1, 2),) * 2, ((past[0][0][0], past[0][1][0]),) * 2):
        with pytest.raises(ValueError, match="past_key_values"):
            gpt2.generate(PROMPT, past_key_values=wrong)
