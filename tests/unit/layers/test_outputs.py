"""Model outputs: attribute, key and tuple access, as users of the ecosystem expect."""

from __future__ import annotations

import pickle

import pytest
import torch

from bertgen import BaseModelOutput, Seq2SeqLMOutput
from bertgen.layers.outputs import ModelOutput


@pytest.fixture
def output() -> Seq2SeqLMOutput:
    return Seq2SeqLMOutput(loss=torch.tensor(2.0), logits=torch.ones(1, 2), cross_attentions=(torch.ones(1),))


def test_three_ways_in(output):
    assert output.logits is output["logits"] is output[1]
    assert output[0] is output.loss
    assert output[:2] == (output.loss, output.logits)


def test_missing_fields_are_absent_as_keys_and_none_as_attributes(output):
    assert list(output.keys()) == ["loss", "logits", "cross_attentions"]
    assert output.past_key_values is None
    assert "past_key_values" not in output
    assert output.get("past_key_values") is None
    assert len(output) == len(output.to_tuple()) == 3


def test_unpacking_gives_keys_of_a_dict_and_values_of_a_tuple(output):
    assert list(output) == ["loss", "logits", "cross_attentions"]
    loss, logits, cross = output.to_tuple()
    assert (loss, logits, cross) == (output.loss, output.logits, output.cross_attentions)
    assert dict(**output)["logits"] is output.logits


def test_order_of_the_fields():
    filled = Seq2SeqLMOutput(*range(9))
    assert list(filled.keys()) == [
        "loss",
        "logits",
        "past_key_values",
        "decoder_hidden_states",
        "decoder_attentions",
        "cross_attentions",
        "encoder_last_hidden_state",
        "encoder_hidden_states",
        "encoder_attentions",
    ]


def test_writing(output):
    output.logits = torch.zeros(1, 2)
    assert not output["logits"].any()
    output["loss"] = torch.tensor(5.0)
    assert output.loss == 5


@pytest.mark.parametrize("method", ["pop", "update", "setdefault"])
def test_fields_cannot_be_taken_away(output, method):
    with pytest.raises(TypeError):
        getattr(output, method)("logits")
    with pytest.raises(TypeError):
        del output["logits"]


def test_pickling(output):
    again = pickle.loads(pickle.dumps(output))
    assert type(again) is Seq2SeqLMOutput
    assert list(again.keys()) == list(output.keys())
    assert torch.equal(again.logits, output.logits)


def test_base_class():
    assert isinstance(BaseModelOutput(last_hidden_state=torch.ones(1)), ModelOutput)
