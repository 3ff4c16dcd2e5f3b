"""BERT, RoBERTa and GPT-2 beyond the golden calls: surgery, the files of their other classes, tuples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import bertgen
from tests.parity import cases

FAMILIES = ("bert", "roberta", "gpt2")
LM = {"bert": bertgen.BertLMHeadModel, "roberta": bertgen.RobertaForCausalLM, "gpt2": bertgen.GPT2LMHeadModel}
BARE = {"bert": bertgen.BertModel, "roberta": bertgen.RobertaModel, "gpt2": bertgen.GPT2Model}
HEADS = {0: [1], 1: [0, 2]}


def surgery(family: str) -> dict[str, torch.Tensor]:
    found = cases.arrays("surgery_families")
    return {k.removeprefix(f"{family}/"): v for k, v in found.items() if k.startswith(f"{family}/")}


def given(family: str) -> dict[str, torch.Tensor]:
    found = surgery(family)
    return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_pruned_heads(family, tmp_path):
    model = LM[family].from_pretrained(cases.ROOT / f"{family}_lm")
    model.prune_heads(HEADS)
    expected = surgery(family)["pruned"]
    torch.testing.assert_close(model(**given(family)).logits, expected, **cases.TOLERANCE)
    assert model.config.pruned_heads == HEADS
    model.save_pretrained(tmp_path)
    again = LM[family].from_pretrained(tmp_path)
    torch.testing.assert_close(again(**given(family)).logits, expected, **cases.TOLERANCE)


@pytest.mark.parametrize("size", [34, 52])
@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_resized_vocabulary(family, size, tmp_path):
    model = LM[family].from_pretrained(cases.ROOT / f"{family}_lm")
    model.resize_token_embeddings(size)
    logits = model(**given(family)).logits
    assert logits.shape[-1] == size == model.config.vocab_size
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    expected = surgery(family)[f"resized/{size}"]
    torch.testing.assert_close(logits[..., : expected.shape[-1]], expected, **cases.TOLERANCE)
    model.save_pretrained(tmp_path)
    assert not LM[family].from_pretrained(tmp_path).load_report.keys("initialised")


def files_of(case: str, tmp_path: Path, change) -> Path:
    """A golden checkpoint with its tensors passed through ``change``."""
    shutil.copy(cases.ROOT / case / "config.json", tmp_path)
    tensors = change(load_file(cases.ROOT / case / "model.safetensors"))
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path


def prefixed(prefix: str, extra: dict[str, torch.Tensor]):
    """The bare model's keys under a prefix, beside others: what the classes with other heads store."""
    return lambda tensors: {**{prefix + key: value for key, value in tensors.items()}, **extra}


OTHER_HEADS = {
    "bert": ("bert.", "cls.predictions.transform.dense.weight", "cls.seq_relationship.weight"),
    "roberta": ("roberta.", "lm_head.dense.weight", "lm_head.bias"),
}


@pytest.mark.parametrize("family", ["bert", "roberta"])
@torch.no_grad()
def test_pretraining_files_give_the_bare_model(family, tmp_path):
    """BertForPreTraining, BertForMaskedLM, RobertaForMaskedLM: the prefix is cut, their heads are dropped."""
    prefix, *heads = OTHER_HEADS[family]
    extra = {name: torch.ones(3, 3) for name in heads}
    extra[prefix + "embeddings.position_ids"] = torch.arange(32)[None]
    case = f"{family}_encoder"
    model = BARE[family].from_pretrained(files_of(case, tmp_path, prefixed(prefix, extra)))
    call = next(call for call in cases.notes(case)["calls"] if call["name"] == "padded")
    output = model(**cases.inputs(case, call))
    expected = cases.answers(case, "padded")
    for key in ("last_hidden_state", "pooler_output"):
        torch.testing.assert_close(output[key], expected[key], **cases.TOLERANCE)
    assert not model.load_report.keys("initialised")
    assert set(model.load_report.keys("dropped")) == set(heads)


@torch.no_grad()
def test_names_of_tensorflow_days(tmp_path):
    """gamma and beta instead of weight and bias."""
    renames = (("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta"))

    def old(tensors):
        found = {}
        for key, value in tensors.items():
            for new, was in renames:
                key = key.replace(new, was)
            found["bert." + key] = value
        return found

    model = bertgen.BertModel.from_pretrained(files_of("bert_encoder", tmp_path, old))
    assert set(model.load_report.counts()) == {"loaded"}
    known = cases.load("bert_encoder").state_dict()
    assert all(torch.equal(value, known[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("family", FAMILIES)
def test_bare_files_give_the_model_with_a_head(family, tmp_path):
    """A file without the prefix; GPT-2's has the old masks among its weights."""
    prefix = LM[family].base_model_prefix + "."
    extra = {"h.0.attn.bias": torch.ones(1, 1, 32, 32), "h.1.attn.masked_bias": torch.tensor(-1e4)}

    def bare(tensors):
        found = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        return found | (extra if family == "gpt2" else {})

    model = LM[family].from_pretrained(files_of(f"{family}_lm", tmp_path, bare))
    known = cases.load(f"{family}_lm").state_dict()
    fresh = model.load_report.keys("initialised")
    assert not [key for key in fresh if key.startswith(prefix)]
    assert bool(fresh) == (family != "gpt2")  # the head of BERT and RoBERTa has weights of its own
    assert not model.load_report.keys("dropped")
    for key, value in model.base.state_dict().items():
        assert torch.equal(value, known[prefix + key]), key


@pytest.mark.parametrize("name", ["bert2bert", "roberta2roberta", "bert2gpt"])
@torch.no_grad()
def test_joined_from_two_checkpoints(name):
    """from_encoder_decoder_pretrained over families: both sides as they were, cross-attention new."""
    first, second = name.replace("gpt", "gpt2").split("2", 1)
    model = bertgen.EncoderDecoderModel.from_encoder_decoder_pretrained(
        cases.ROOT / f"{first}_encoder", cases.ROOT / f"{second}_lm"
    )
    for key, value in model.named_parameters():
        if "crossattention" in key and not key.endswith("LayerNorm.weight"):
            value.copy_(torch.linspace(-0.3, 0.3, value.numel()).view(value.shape))
    found = cases.arrays("surgery_families")
    logits = model.eval()(**given(first), decoder_input_ids=found[f"joined/{name}/target"]).logits
    torch.testing.assert_close(logits, found[f"joined/{name}"], **cases.TOLERANCE)
    fresh = model.load_report.keys("initialised")
    assert fresh
    assert all("cross" in key for key in fresh)


@torch.no_grad()
def test_bert_files_in_bert_generation():
    """As the reference loads them: without token types, pooler and head transform."""
    found = cases.arrays("surgery_families")
    model = bertgen.BertGenerationEncoder.from_pretrained(cases.ROOT / "bert_encoder")
    states = model(**given("bert")).last_hidden_state
    torch.testing.assert_close(states, found["generation/states"], **cases.TOLERANCE)
    model = bertgen.BertGenerationDecoder.from_pretrained(cases.ROOT / "bert_lm", is_decoder=True)
    logits = model(**given("bert")).logits
    torch.testing.assert_close(logits, found["generation/logits"], **cases.TOLERANCE)
    assert model.load_report.keys("initialised") == ["lm_head.bias"]


@torch.no_grad()
def test_bare_gpt2():
    """The head's file gives the bare model, whose states are those of the reference."""
    found = surgery("gpt2")
    model = bertgen.GPT2Model.from_pretrained(cases.ROOT / "gpt2_lm")
    output = model(found["input_ids"])
    torch.testing.assert_close(output.last_hidden_state, found["states"], **cases.TOLERANCE)
    assert all(len(layer) == 2 for layer in output.past_key_values)


@pytest.mark.parametrize("case", ["bert_encoder", "roberta_encoder"])
@torch.no_grad()
def test_without_a_pooler(case):
    """The tuple keeps the pooler's place, as in the reference."""
    model = BARE[case.split("_")[0]].from_pretrained(cases.ROOT / case, add_pooling_layer=False)
    call = next(call for call in cases.notes(case)["calls"] if call["name"] == "padded")
    plain = model(**cases.inputs(case, call), return_dict=False)
    assert plain[1] is None
    torch.testing.assert_close(
        plain[0], cases.answers(case, "padded")["last_hidden_state"], **cases.TOLERANCE
    )
    assert "pooler_output" not in model(**cases.inputs(case, call))
    assert {key.split(".")[0] for key in model.load_report.keys("dropped")} == {"pooler"}


@pytest.mark.parametrize("case", ["encdec_bertshare", "encdec_robertashare"])
def test_shared_sides_are_one_parameter_but_for_the_pooler(case):
    model = cases.load(case)
    base = model.decoder.base
    for name, parameter in model.encoder.named_parameters():
        if not name.startswith("pooler"):
            assert base.get_parameter(name) is parameter
    assert base.pooler is None


CONFIGS = {
    "bert": lambda: bertgen.BertConfig(),
    "bert_changed": lambda: bertgen.BertConfig(type_vocab_size=1, is_decoder=True, pad_token_id=3, note=1),
    "roberta": lambda: bertgen.RobertaConfig(),
    "roberta_changed": lambda: bertgen.RobertaConfig(max_position_embeddings=514, bos_token_id=None),
    "gpt2": lambda: bertgen.GPT2Config(),
    "gpt2_changed": lambda: bertgen.GPT2Config(hidden_size=96, num_hidden_layers=3, eos_token_id=7),
    "encoder_decoder": lambda: bertgen.EncoderDecoderConfig.from_encoder_decoder_configs(
        bertgen.BertConfig(hidden_size=96), bertgen.GPT2Config(hidden_size=96, n_layer=3)
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configs(name):
    """Every field and default, as a dict and as what config.json holds."""
    expected = cases.notes("configs_families")[name]
    config = CONFIGS[name]()
    assert json.loads(json.dumps(config.to_dict())) == expected["to_dict"]
    assert json.loads(config.to_json_string()) == expected["file"]


def test_gpt2_names_its_sizes_twice():
    config = bertgen.GPT2Config(n_embd=96)
    config.num_attention_heads = 4
    assert (config.hidden_size, config.n_head) == (96, 4)
    assert "hidden_size" not in config.to_dict()
    with pytest.raises(AttributeError, match="GPT2Config has no field 'intermediate_size'"):
        _ = config.intermediate_size


def test_config_files_are_the_references(tmp_path):
    """A folder's config.json, read and written again, keeps every field."""
    for case in ("bert_lm", "roberta_lm", "gpt2_lm"):
        theirs = json.loads((cases.ROOT / case / "config.json").read_text())
        config = LM[case.split("_")[0]].config_class.from_pretrained(cases.ROOT / case)
        config.save_pretrained(tmp_path)
        ours = json.loads((tmp_path / "config.json").read_text())
        for volatile in ("transformers_version", "_name_or_path"):
            theirs.pop(volatile, None), ours.pop(volatile, None)
        assert ours == theirs
