"""Keywords of forward that no step looks at: taken and left alone, as in transformers 4.37.2."""

from __future__ import annotations

import pytest
import torch

import bertgen
from tests.golden import by_formula

IDS = torch.tensor([[5, 9, 30, 7, 8, 9]])
STATES = torch.ones(1, 3, 16)
ALONE = {
    "head_mask": torch.ones(2, 4),
    "position_ids": torch.arange(6)[None],
    "encoder_hidden_states": STATES,
    "encoder_attention_mask": torch.ones(1, 3),
    "return_dict": True,
    "labels": IDS,
}
JOINT = {
    "decoder_head_mask": torch.ones(2, 4),
    "decoder_inputs_embeds": STATES,
    "decoder_position_ids": IDS,
    "decoder_labels": IDS,
    "encoder_hidden_states": STATES,
    "return_dict": True,
    "head_mask": torch.ones(2, 4),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_decoder_alone(name):
    for family, written in (("bert", [10, 10]), ("gpt2", [15, 46])):
        model = by_formula.decoder(bertgen, family, is_decoder=True)
        found = model.generate(IDS, max_new_tokens=2, **{name: ALONE[name]})
        assert found[0, 6:].tolist() == written


@pytest.mark.parametrize("name", JOINT)
def test_an_encoder_decoder(name):
    model = by_formula.joined(bertgen)
    assert model.generate(IDS, max_new_tokens=2, **{name: JOINT[name]}).tolist() == [[2, 16, 16]]


def test_positions_that_are_given_to_gpt2_switch_its_counting_off():
    """Padding on the left then counts: other ids than without, and 4.37.2's."""
    model, ids = by_formula.decoder(bertgen, "gpt2"), torch.tensor([[0, 0, 4, 5]])
    positions = torch.arange(4)[None]
    assert model.generate(ids, max_new_tokens=3, position_ids=positions).tolist() == [[0, 0, 4, 5, 6, 46, 53]]
    assert model.generate(ids, max_new_tokens=3).tolist() == [[0, 0, 4, 5, 31, 46, 46]]


@pytest.mark.parametrize("name", ["decoder_token", "cross_attn_head_mask", "max_tokens"])
def test_words_that_nothing_knows(name):
    for model in (by_formula.joined(bertgen), by_formula.decoder(bertgen, "gpt2")):
        with pytest.raises(ValueError, match=name):
            model.generate(IDS, **{name: IDS})
