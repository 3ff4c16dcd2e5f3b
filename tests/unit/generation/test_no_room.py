"""A length that the prompt has used up: said, and one token is written, as in transformers 4.37.2."""

from __future__ import annotations

import warnings

import pytest
import torch

import bertgen
from tests.golden import by_formula

IDS = torch.tensor([[5, 9, 30, 7, 8, 9]])


@pytest.mark.parametrize("length", [4, 6, 1])
def test_one_token_is_written(length):
    model = by_formula.decoder(bertgen, "gpt2")
    with pytest.warns(UserWarning, match=f"max_length={length} leaves no room after 6"):
        assert model.generate(IDS, max_length=length).tolist() == [[5, 9, 30, 7, 8, 9, 15]]
    with pytest.warns(UserWarning, match="max_new_tokens"):
        assert model.generate(IDS, max_length=length, do_sample=True).shape == (1, 7)


def test_an_encoder_decoder_writes_one_too():
    model = by_formula.joined(bertgen)
    with pytest.warns(UserWarning, match="no room after 1"):
        assert model.generate(IDS, max_length=1).shape == (1, 2)


def test_beams_and_lengths_that_are_none_are_refused():
    model = by_formula.decoder(bertgen, "gpt2")
    for options in ({"max_length": 4, "num_beams": 2}, {"max_length": 0}, {"max_length": -1}):
        with pytest.raises(ValueError, match="no room"):
            model.generate(IDS, **options)


def test_nothing_is_said_where_there_is_room():
    model = by_formula.decoder(bertgen, "gpt2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(IDS, max_length=7)
        model.generate(IDS, max_new_tokens=1)


@pytest.mark.parametrize("family", ["generation", "bert", "roberta", "gpt2"])
def test_a_resized_model_knows_its_rows(family):
    model = by_formula.decoder(bertgen, family)
    model.resize_token_embeddings(60)
    assert (model.vocab_size, model.config.vocab_size) == (60, 60)
    assert model(IDS).logits.shape[-1] == 60
    model.resize_token_embeddings(pad_to_multiple_of=16)
    assert model.vocab_size == 64
    base = model.base_model
    base.resize_token_embeddings(50)
    assert base.vocab_size == 50


def test_no_length_at_all():
    """As in 4.37.2: 20 ids, and a warning; a length by any name is enough."""
    for model in (by_formula.decoder(bertgen, "gpt2"), by_formula.joined(bertgen)):
        with pytest.warns(UserWarning, match="no length is given"):
            assert model.generate(IDS).shape[1] == 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(IDS, max_length=20)
        model.generate(IDS, max_new_tokens=19)
        model.generate(IDS, generation_config=bertgen.GenerationConfig(max_length=12, bos_token_id=2))
