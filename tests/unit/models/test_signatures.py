"""Names and arguments that users of transformers 4.37.2 know are here too (golden/api/signatures.json).

What is left out on purpose stands in one table, with the reason. (Tokenizers have a test of their own.)
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import bertgen
from bertgen.layers import outputs

GOLDEN = Path(__file__).parents[2] / "golden" / "api" / "signatures.json"
REFERENCE = json.loads(GOLDEN.read_text(encoding="utf-8"))

PEFT = "adapters are the peft library's; its get_peft_model wraps these models as any torch module"
SEARCH = "generate runs every mode; in the reference these take ready processors and scorers, and went later"
MEMORY = "counts a process's memory with psutil; torch.profiler does it better"
REMOTE = "code of a repository is never run"
ABSENT = {
    **dict.fromkeys(("active_adapter", "active_adapters", "add_adapter", "disable_adapters"), PEFT),
    **dict.fromkeys(("enable_adapters", "get_adapter_state_dict", "load_adapter", "set_adapter"), PEFT),
    **dict.fromkeys(("greedy_search", "sample", "beam_search", "beam_sample", "group_beam_search"), SEARCH),
    **dict.fromkeys(("constrained_beam_search", "contrastive_search", "assisted_decoding"), SEARCH),
    **dict.fromkeys(("add_memory_hooks", "reset_memory_hooks_state"), MEMORY),
    **dict.fromkeys(("to_bettertransformer", "reverse_bettertransformer"), "the fused attention is built in"),
    "register_for_auto_class": REMOTE,
    **dict.fromkeys(("add_model_tags", "model_tags"), "push_to_hub(tags=[...]) puts tags on the card"),
    "retrieve_modules_from_names": "an inner helper of the reference's loader",
    "warn_if_padding_and_no_attention_mask": "an inner helper, which BertGeneration never calls",
    "BertGenerationEncoder.prepare_inputs_for_generation": "an encoder without a head does not generate",
}
# Functions whose **kwargs take the reference's further names; tests of their own prove that they do.
HUB = {"cache_dir", "force_download", "local_files_only", "token", "revision"}
PASSED_ON = {
    "from_pretrained": HUB | {"config", "ignore_mismatched_sizes", "use_safetensors"},
    "generate": None,  # a model without a head refuses it, whatever it is given
}
NAMES = [(kind, name) for kind, names in REFERENCE["classes"].items() for name in names]


def reason(kind: str, name: str) -> str | None:
    return ABSENT.get(f"{kind}.{name}") or ABSENT.get(name)


def ours(kind: str, name: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(getattr(getattr(bertgen, kind), name)).parameters
    return {key: value for key, value in parameters.items() if key != "self"}


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_name_is_there(kind, name):
    there = hasattr(getattr(bertgen, kind), name)
    assert there is (reason(kind, name) is None), "there" if there else "absent without a reason"


SIGNATURES = [
    (kind, name)
    for kind, name in NAMES
    if REFERENCE["classes"][kind][name] is not None and reason(kind, name) is None
]


@pytest.mark.parametrize(("kind", "name"), SIGNATURES)
def test_arguments(kind, name):
    """The same names with the same defaults, those given by position first and in the same order."""
    found, expected = ours(kind, name), REFERENCE["classes"][kind][name]
    named = [entry for entry in expected if not entry[1].startswith("VAR_")]
    missing = {entry[0] for entry in named} - set(found)
    if missing:
        assert any(p.kind is inspect.Parameter.VAR_KEYWORD for p in found.values())
        assert name in PASSED_ON
        allowed = PASSED_ON[name]
        assert allowed is None or missing <= allowed
    for key, _, default in named:
        if key in found and default != "a function":
            assert text(found[key]) == default, key
    order = [key for key, _, _ in named if key in found and is_positional(found[key])]
    assert [key for key, p in found.items() if is_positional(p)][: len(order)] == order


def text(parameter: inspect.Parameter) -> str | None:
    return None if parameter.default is inspect.Parameter.empty else repr(parameter.default)


def is_positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


@pytest.mark.parametrize("name", REFERENCE["outputs"])
def test_fields_of_outputs(name):
    assert list(inspect.signature(getattr(outputs, name)).parameters) == REFERENCE["outputs"][name]


def test_no_reason_without_need():
    """Every entry of the tables is about a name that the reference has."""
    known = {name for names in REFERENCE["classes"].values() for name in names}
    known |= {f"{kind}.{name}" for kind, name in NAMES}
    assert set(ABSENT) <= known
    assert set(PASSED_ON) <= known


def test_hub_keywords_of_configs(tmp_path):
    """The keywords that travel through **kwargs are taken, not kept as fields."""
    bertgen.BertGenerationConfig(hidden_size=8).save_pretrained(tmp_path)
    options = {"cache_dir": None, "force_download": False, "local_files_only": True, "revision": "main"}
    config = bertgen.BertGenerationConfig.from_pretrained(tmp_path, token=None, **options)
    assert config.hidden_size == 8
    assert not set(options) & set(vars(config))
    data, rest = bertgen.BertGenerationConfig.get_config_dict(tmp_path, token=None, mine=1, **options)
    assert data["hidden_size"] == 8
    assert rest == {"mine": 1}
