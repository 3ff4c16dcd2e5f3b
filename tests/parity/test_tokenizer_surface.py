"""Every public name and parameter of the reference's tokenizers is here, or is left out for a reason."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

import bertgen

SURFACE = json.loads((Path(__file__).parent.parent / "golden" / "tokenizer_surface.json").read_text("utf-8"))
LEFT_OUT = {
    "convert_added_tokens": "reading of tokenizer files, internal",
    "default_chat_template": "these are no chat models; apply_chat_template says so",
    "max_model_input_sizes": "a table of Hub names, empty of use: the limit stands in tokenizer_config.json",
    "pretrained_init_configuration": "a table of Hub names: the settings stand in tokenizer_config.json",
    "pretrained_vocab_files_map": "a table of the Hub's addresses: huggingface_hub finds the files",
    "register": "AutoTokenizer knows the four classes; others would need models of their own",
    "register_for_auto_class": "saves code into a checkpoint, to be run from there: never done here",
    "slow_tokenizer_class": "of fast classes",
}
NAMES = [(kind, name) for kind, names in SURFACE.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_name(kind, name):
    ours = getattr(bertgen, kind)
    if name in LEFT_OUT:
        assert not hasattr(ours, name), "it is there: take it off the list"
        return
    assert hasattr(ours, name)
    if SURFACE[kind][name] is None:
        return
    expected = [parameter for parameter in SURFACE[kind][name] if parameter not in ("args", "kwargs")]
    found = inspect.signature(getattr(ours, name)).parameters
    kinds = {parameter.kind for parameter in found.values()}
    missing = [parameter for parameter in expected if parameter not in found]
    assert not missing or inspect.Parameter.VAR_KEYWORD in kinds, missing
    both = [parameter for parameter in expected if parameter in found]
    assert both == [parameter for parameter in found if parameter in expected], "another order"


def test_every_reason_is_still_needed():
    assert set(LEFT_OUT) <= {name for _, name in NAMES}
