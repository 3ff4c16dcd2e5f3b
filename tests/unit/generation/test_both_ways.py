"""Heads over a model that reads both ways (``is_decoder=False``, the default): ids of transformers 4.37.2."""

from __future__ import annotations

import pytest
import torch

import bertgen
from tests.golden import by_formula

PROMPT = torch.tensor([[5, 9, 30, 7], [0, 0, 12, 40]])
GROUPS = {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5}
# (family, settings, what 4.37.2 writes behind the prompt)
WRITTEN = [
    ("generation", {}, [[29, 6, 6, 6, 6, 6], [5, 17, 31, 12, 6, 6]]),
    ("generation", {"num_beams": 3}, [[6, 6, 6, 6, 6, 6], [6, 6, 6, 6, 6, 6]]),
    ("generation", GROUPS, [[36, 26, 6, 6, 6, 6], [5, 17, 31, 12, 6, 6]]),
    ("generation", {"do_sample": True}, [[36, 26, 6, 6, 6, 6], [5, 17, 35, 47, 26, 6]]),
    ("generation", {"do_sample": True, "num_beams": 2}, [[5, 6, 6, 6, 49, 6], [5, 14, 6, 6, 6, 6]]),
    ("bert", {}, [[10, 10, 15, 25, 32, 15], [10, 15, 25, 20, 32, 10]]),
    ("bert", {"num_beams": 3}, [[32, 10, 10, 10, 15, 10], [10, 20, 25, 20, 25, 15]]),
    ("bert", GROUPS, [[32, 10, 10, 10, 15, 10], [10, 20, 25, 25, 20, 15]]),
    ("bert", {"do_sample": True}, [[32, 10, 2, 44, 10, 24], [24, 34, 20, 47, 23, 30]]),
    ("roberta", {}, [[2, 12, 12, 12, 12, 12], [48, 2, 48, 2, 2, 2]]),
    ("roberta", GROUPS, [[2, 12, 12, 12, 12, 12], [48, 2, 48, 2, 2, 2]]),
    ("roberta", {"do_sample": True, "num_beams": 2}, [[2, 2, 12, 26, 12, 26], [48, 2, 48, 2, 31, 31]]),
]


@pytest.mark.parametrize(("family", "settings", "written"), WRITTEN, ids=str)
def test_what_is_written_is_read_both_ways(family, settings, written):
    model = by_formula.decoder(bertgen, family)
    torch.manual_seed(3)
    output = model.generate(
        PROMPT,
        max_new_tokens=6,
        return_dict_in_generate=True,
        output_attentions=True,
        output_hidden_states=True,
        **settings,
    )
    assert output.sequences[:, 4:].tolist() == written
    # Every step reads the whole text again, and so is as long as it; there is nothing to go on from.
    assert [step[0].shape[-2:] for step in output.attentions] == [(n, n) for n in range(4, 10)]
    assert [step[0].shape[1] for step in output.hidden_states] == list(range(4, 10))
    assert output.past_key_values is None


@pytest.mark.parametrize("family", ["generation", "bert", "roberta"])
def test_a_decoder_keeps_its_cache(family):
    model = by_formula.decoder(bertgen, family, is_decoder=True)
    output = model.generate(PROMPT, max_new_tokens=6, return_dict_in_generate=True, output_attentions=True)
    assert [step[0].shape[-2:] for step in output.attentions] == [(4, 4)] + [(1, n) for n in range(5, 10)]
    assert output.past_key_values[0][0].shape[2] == 9
