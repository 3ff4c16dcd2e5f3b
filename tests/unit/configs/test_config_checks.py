"""Bad values of configs: refused before anything is built, by errors of the reference's types."""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path

import pytest
import torch

import bertgen
from bertgen import (
    BertGenerationConfig,
    BertGenerationEncoder,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
)
from bertgen.configs.activations import ACTIVATIONS

GOLDEN = Path(__file__).parents[2] / "golden" / "api"
REFUSALS = json.loads((GOLDEN / "refusals.json").read_text(encoding="utf-8"))
BASE = REFUSALS["base"]
# What we refuse with another error than the reference's accident, or that it lets pass; and why.
OTHERWISE = [
    ({"vocab_size": 0}, "no rows at all: the reference stumbles over the pad row (IndexError)"),
    ({"num_attention_heads": 0}, "a size like the others, not a ZeroDivisionError"),
    ({"pad_token_id": 1.5}, "a number of the wrong type; the reference's index stumbles (IndexError)"),
    ({"hidden_dropout_prob": math.nan}, "outside 0..1 like the others; the reference notices in forward"),
    ({"pruned_heads": 5}, "found when the config is made, as the reference's id2label"),
    ({"pruned_heads": {"9": [0]}}, "the layer does not exist; the reference stumbles over the key's type"),
    ({"pruned_heads": {"0": [9]}}, "the head does not exist; the reference stumbles over the key's type"),
    ({"pruned_heads": {"a": [0]}}, "found when the config is made, as the reference's id2label"),
]


def name_of(case: dict) -> str:
    return str(case["changes"])


def attempt(changes: dict) -> None:
    model = BertGenerationEncoder(BertGenerationConfig(**{**BASE, **changes}))
    model(torch.tensor([[3, 4, 5]]))


def explained(changes: dict) -> bool:
    return str(changes) in [str(known) for known, _ in OTHERWISE]


REFUSED = [case for case in REFUSALS["cases"] if case["changes"] != {"num_hidden_layers": 0}]


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_refused_as_by_the_reference(case):
    """The error names the field and is of the reference's type; it comes before anything is computed."""
    with pytest.raises((ValueError, TypeError, KeyError, RuntimeError)) as caught:
        attempt(case["changes"])
    assert next(iter(case["changes"])) in str(caught.value)
    assert isinstance(caught.value, ValueError)
    if case["stage"] != "never" and not explained(case["changes"]):
        assert isinstance(caught.value, getattr(builtins, case["error"])), type(caught.value)


@pytest.mark.parametrize("changes", [known for known, _ in OTHERWISE], ids=str)
def test_the_explanations_are_needed(changes):
    """No case stands in the table that is refused with the reference's own error."""
    case = next(case for case in REFUSALS["cases"] if str(case["changes"]) == str(changes))
    with pytest.raises(ValueError, match=next(iter(changes))) as caught:
        attempt(changes)
    assert not isinstance(caught.value, getattr(builtins, case["error"]))


@pytest.mark.parametrize(
    "changes", [{}, {"num_hidden_layers": 0}, {"pad_token_id": None}, {"pad_token_id": -1}]
)
def test_odd_but_usable(changes):
    model = BertGenerationEncoder(BertGenerationConfig(**{**BASE, **changes}))
    assert model(torch.tensor([[3, 4, 5]])).last_hidden_state.shape == (1, 3, 24)


ABSURD = [
    {"vocab_size": 10**13},
    {"hidden_size": 4 * 10**9},
    {"intermediate_size": 10**14},
    {"num_hidden_layers": 10**9},
    {"max_position_embeddings": 10**15},
    {"max_position_embeddings": 10**13, "position_embedding_type": "relative_key"},
]


@pytest.mark.parametrize("changes", ABSURD, ids=str)
def test_absurd_sizes_are_refused_before_memory_is_asked_for(changes, tmp_path):
    config = BertGenerationConfig(**{**BASE, **changes})
    with pytest.raises(RuntimeError, match=r"this machine has|must be 10000 or less"):
        BertGenerationEncoder(config)
    config.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match=r"this machine has|must be 10000 or less"):
        BertGenerationEncoder.from_pretrained(tmp_path)


def test_absurd_sizes_of_a_side(tmp_path):
    config = EncoderDecoderConfig(
        encoder={"model_type": "bert-generation", **BASE},
        decoder={"model_type": "bert-generation", **BASE, "vocab_size": 10**13},
    )
    with pytest.raises(RuntimeError, match="this machine has"):
        EncoderDecoderModel(config)
    config.save_pretrained(tmp_path)
    with pytest.raises(RuntimeError, match="this machine has"):
        EncoderDecoderModel.from_pretrained(tmp_path)


def test_large_models_can_be_counted_without_memory():
    """On the meta device nothing is held, so nothing is refused."""
    config = BertGenerationConfig(**{**BASE, "vocab_size": 10**10})
    with torch.device("meta"):
        assert BertGenerationEncoder(config).num_parameters() > 24 * 10**10


HOSTILE = [
    "[1, 2]",
    '"text"',
    "null",
    "3",
    '{"model_type": "encoder-decoder"}',
    '{"model_type": "encoder-decoder", "encoder": 5, "decoder": {}}',
    '{"encoder": {"model_type": ["bert-generation"]}, "decoder": {"model_type": "bert-generation"}}',
    '{"encoder": {"model_type": "encoder-decoder"}, "decoder": {"model_type": "bert-generation"}}',
    '{"encoder": {"model_type": "bert-generation", "hidden_size": "1024"}, '
    '"decoder": {"model_type": "bert-generation"}}',
    '{"encoder": {"model_type": "bert-generation", "self": 1}, "decoder": {"model_type": "bert-generation"}}',
    '{"encoder": {"model_type": "bert-generation", "to_dict": 1}, "decoder": {"model_type": "bert"}}',
    '{"encoder": {"model_type": "bert-generation", "vocab_size": 1e99}, '
    '"decoder": {"model_type": "bert-generation"}}',
    '{"encoder": [], "decoder": []}',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_files(tmp_path, text):
    """Whatever a config.json holds, the error is one that a page shows, not one from deep inside."""
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises((ValueError, OSError)):
        EncoderDecoderModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("key", ["to_dict", "save_pretrained", "update", "use_return_dict"])
def test_keys_that_would_hide_methods(key):
    with pytest.raises(AttributeError, match=key):
        BertGenerationConfig(**{key: 1})


def test_keys_that_would_hide_methods_of_settings():
    with pytest.raises(AttributeError, match="to_diff_dict"):
        GenerationConfig(to_diff_dict=1)


def test_unknown_dtype_words_are_kept():
    """A dtype of another library stays a word; "auto" then takes the file's."""
    config = BertGenerationConfig(torch_dtype="nn")
    assert config.torch_dtype == "nn"
    assert BertGenerationConfig(torch_dtype="float16").torch_dtype is torch.float16


def test_activations_by_name():
    """Every name that the reference knows, at 25 points."""
    golden = json.loads((GOLDEN / "activations.json").read_text(encoding="utf-8"))
    points = torch.tensor(golden["points"])
    assert set(ACTIVATIONS) == set(golden["values"])
    for name, values in golden["values"].items():
        found = ACTIVATIONS[name](points)
        torch.testing.assert_close(found, torch.tensor(values), rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("function", [torch.nn.functional.silu, torch.nn.SiLU()])
def test_activation_as_a_function(function):
    """hidden_act is a name or a function; a function works like its name and cannot be saved."""
    named, given = (BertGenerationConfig(**BASE, hidden_act=act) for act in ("silu", function))
    torch.manual_seed(0)
    expected = BertGenerationEncoder(named).eval()
    torch.manual_seed(0)
    found = BertGenerationEncoder(given).eval()
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(found(ids).last_hidden_state, expected(ids).last_hidden_state)
    with pytest.raises(TypeError, match="hidden_act"):
        given.to_json_string()


def test_activation_function_generates(make_model):
    """The lean step takes a function too."""
    by_name = make_model(hidden_act="relu")
    given = make_model(hidden_act=torch.relu)
    source = torch.tensor([[300, 261, 270]])
    assert torch.equal(given.generate(source), by_name.generate(source))


def test_errors_are_public():
    assert issubclass(bertgen.ConfigError, ValueError)


def test_whatever_a_config_holds_can_be_shown():
    """repr never raises: functions and tuples as keys, which no file can hold, are shown."""
    config = BertGenerationConfig(**BASE, hidden_act=torch.relu)
    assert "relu" in repr(config)
    joint = EncoderDecoderConfig.from_encoder_decoder_configs(config, BertGenerationConfig(**BASE))
    assert "relu" in repr(joint)
    with pytest.raises(TypeError, match="by its name"):
        joint.to_json_string()
    assert "sequence_bias" in repr(GenerationConfig(sequence_bias={(3, 4): 1.0}))


FAMILIES = {
    "bert": (bertgen.BertConfig, bertgen.BertModel),
    "roberta": (bertgen.RobertaConfig, bertgen.RobertaModel),
    "gpt2": (bertgen.GPT2Config, bertgen.GPT2LMHeadModel),
}
GPT2_NAMES = {"hidden_size": "n_embd", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}
GPT2_NAMES |= {"max_position_embeddings": "n_positions", "hidden_act": "activation_function"}
GPT2_NAMES |= {"hidden_dropout_prob": "resid_pdrop", "layer_norm_eps": "layer_norm_epsilon"}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("vocab_size", "67", TypeError),
        ("hidden_size", "24", TypeError),
        ("hidden_size", 25, ValueError),
        ("hidden_size", 10**9, RuntimeError),
        ("num_hidden_layers", 10**9, RuntimeError),
        ("num_attention_heads", -4, RuntimeError),
        ("max_position_embeddings", 1e99, TypeError),
        ("hidden_act", "swoosh", KeyError),
        ("hidden_dropout_prob", 1.5, ValueError),
        ("layer_norm_eps", "a", TypeError),
        ("initializer_range", -1.0, RuntimeError),
    ],
)
def test_other_families(tmp_path, family, field, value, error):
    """The same checks under each family's own names, for a file as for a config."""
    config_class, model_class = FAMILIES[family]
    name = GPT2_NAMES.get(field, field) if family == "gpt2" else field
    sizes = {GPT2_NAMES.get(key, key): size for key, size in BASE.items() if key != "intermediate_size"}
    config = config_class(**{**(sizes if family == "gpt2" else BASE), name: value})
    with pytest.raises(error, match=f"{name}|hidden_size|this machine has") as caught:
        model_class(config)
    assert isinstance(caught.value, ValueError)
    config.save_pretrained(tmp_path)
    with pytest.raises(error):
        model_class.from_pretrained(tmp_path)
