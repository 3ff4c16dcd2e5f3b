"""A folder of another family than the class that reads it: said, with the class that fits."""

from __future__ import annotations

import json
import warnings

import pytest

import bertgen
from tests.golden import by_formula


@pytest.fixture
def folder(tmp_path):
    by_formula.decoder(bertgen, "bert").save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["RobertaModel", "GPT2LMHeadModel", "RobertaForCausalLM"])
def test_bert_as_another(folder, name):
    with pytest.warns(UserWarning, match="'bert'.*BertModel or BertLMHeadModel"):
        getattr(bertgen, name).from_pretrained(folder)


@pytest.mark.parametrize("family", ["t5", "bart", "bert"])
def test_one_model_as_an_encoder_decoder(folder, family):
    data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(data | {"model_type": family}), encoding="utf-8")
    move = "no class of bertgen"
    if family == "bert":
        move = "BertLMHeadModel, or join two"
    with pytest.raises(ValueError, match=f"family '{family}'.*{move}"):
        bertgen.EncoderDecoderModel.from_pretrained(folder)


def test_what_is_meant_is_silent(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bertgen.BertModel.from_pretrained(folder)
        bertgen.BertGenerationEncoder.from_pretrained(folder)  # a warm start
