"""Outputs as nodes of torch's trees, and outputs made of dicts and pairs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch.utils import _pytree as pytree

import bertgen
from bertgen import BaseModelOutput
from bertgen.layers.outputs import ModelOutput
from tests.golden import by_formula

IDS = torch.tensor([[5, 9, 30, 7], [11, 3, 12, 40]])


@dataclass
class Three(ModelOutput):
    """Fields of a user's own."""

    a: float
    b: float | None = None
    c: float | None = None


def test_made_of_a_dict_or_of_pairs():
    for given in ({"a": 30, "b": 10}, [("a", 30), ("b", 10)], (["a", 30], ["b", 10])):
        output = Three(given)
        assert list(output.items()) == [("a", 30), ("b", 10)]
        assert (output.a, output.b, output.c) == (30, 10, None)
    states = torch.ones(1, 2, 3)
    assert BaseModelOutput({"last_hidden_state": states}).last_hidden_state is states
    assert list(BaseModelOutput([("hidden_states", (states,)), ("attentions", None)])) == ["hidden_states"]
    with pytest.raises(ValueError, match="pairs"):
        Three([("a", 30), (10, 10)])


def test_plain_values_stay_what_they_are():
    assert Three((30, 30)).a == (30, 30)
    assert Three(a=(30, 30)).to_tuple() == ((30, 30),)
    assert Three({"a": 1}, b=2).a == {"a": 1}
    assert list(Three([])) == ["a"]


@pytest.mark.parametrize("kind", [Three, BaseModelOutput])
def test_an_output_is_taken_apart_and_put_together(kind):
    names = list(kind.__dataclass_fields__)[:2]
    output = kind(**{names[0]: torch.ones(2), names[1]: (torch.zeros(1), torch.zeros(2))})
    values, tree = pytree.tree_flatten(output)
    assert [len(value) for value in values] == [2, 1, 2]
    again = pytree.tree_unflatten(values, tree)
    assert type(again) is kind
    assert again.keys() == output.keys()
    doubled = pytree.tree_map(lambda value: value + 1, output)
    assert doubled[names[0]].tolist() == [2, 2]


@pytest.mark.parametrize("family", ["generation", "bert", "roberta", "gpt2"])
def test_models_are_exported(family):
    model = by_formula.decoder(bertgen, family)
    program = torch.export.export(model, (IDS,))
    output = program.module()(IDS)
    assert type(output) is type(model(IDS))
    assert torch.allclose(output.logits, model(IDS).logits, atol=1e-5)
