"""Heads that are pruned: by numbers from the end, and all of a layer; sums of logits are 4.37.2's."""

from __future__ import annotations

import json

import pytest
import torch

import bertgen
from tests.golden import by_formula

IDS = torch.tensor([[5, 9, 30, 7], [0, 0, 12, 40]])
FAMILIES = ("generation", "bert", "roberta", "gpt2")
# What is pruned -> the sum of all logits' sizes, a family each (4.37.2 cannot run a GPT-2 without heads).
CASES = [
    ({0: [-1]}, (697.27, 637.08, 665.95, 616.49)),
    ({-1: [0]}, (641.97, 620.52, 655.23, 643.7)),
    ({0: [1], 1: [-2]}, (624.63, 639.95, 662.54, 746.83)),
    ({0: [0, 1, 2, 3]}, (682.92, 628.5, 695.58, None)),
]


@pytest.mark.parametrize(("heads", "sums"), CASES, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_pruned_saved_and_loaded(family, heads, sums, tmp_path):
    model = by_formula.decoder(bertgen, family, is_decoder=True)
    model.prune_heads(heads)
    logits = model(IDS, use_cache=False).logits.detach()
    expected = sums[FAMILIES.index(family)]
    if expected is not None:
        assert abs(logits.abs().sum() - expected) < 0.01
    assert torch.allclose(model(IDS, use_cache=True, output_attentions=True).logits, logits, atol=1e-5)

    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert torch.equal(again(IDS, use_cache=False).logits, logits)
    assert again.config.pruned_heads == model.config.pruned_heads
    assert torch.equal(again.generate(IDS, max_new_tokens=4), model.generate(IDS, max_new_tokens=4))

    # 4.37.2 notes the numbers as they were given: its files are read alike.
    written = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    written["pruned_heads"] = {str(layer): numbers for layer, numbers in heads.items()}
    (tmp_path / "config.json").write_text(json.dumps(written), encoding="utf-8")
    assert torch.equal(type(model).from_pretrained(tmp_path)(IDS, use_cache=False).logits, logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_without_heads_adds_its_bias_alone(family):
    model = by_formula.decoder(bertgen, family, is_decoder=True)
    layer = getattr(model, model.base_model_prefix).get_submodule(model.base.layers_path)[0]
    attention = layer.attn if family == "gpt2" else layer.attention
    model.prune_heads({0: range(4)})
    hidden = torch.randn(2, 3, 16)
    if family == "gpt2":
        found, expected = attention(hidden, None)[0], attention.c_proj.bias.expand(2, 3, 16)
    else:
        bias = attention.output.dense.bias
        found, expected = attention(hidden, None)[0], attention.output.LayerNorm(hidden + bias)
    assert torch.allclose(found, expected, atol=1e-6)


def test_relative_positions_without_heads():
    model = by_formula.decoder(bertgen, "bert", is_decoder=True, position_embedding_type="relative_key_query")
    model.prune_heads({0: [0, 1, 2, 3]})
    assert model(IDS).logits.isfinite().all()


@pytest.mark.parametrize("heads", [{0: [4]}, {2: [0]}, {0: [-5]}, {-3: [0]}, {0: [1], 1: [7]}], ids=str)
def test_numbers_that_there_are_not(heads):
    model = by_formula.decoder(bertgen, "bert")
    with pytest.raises(ValueError, match="does not exist"):
        model.prune_heads(heads)
    assert model.config.pruned_heads == {}
    assert model.bert.encoder.layer[0].attention.self.num_attention_heads == 4


def test_one_head_under_two_numbers():
    model = by_formula.decoder(bertgen, "bert")
    model.prune_heads({-1: [0], 1: [-4, 3]})
    model.prune_heads({1: [-1]})
    assert model.config.pruned_heads == {1: [0, 3]}
    assert model.bert.encoder.layer[1].attention.self.num_attention_heads == 2
