"""A page's context around tiny random checkpoints, without a browser."""

from __future__ import annotations

import json

import pytest

from components.context import AppContext
from components.models.registry import Registry
from components.settings import Settings

PROFILE = {
    "task": "translate",
    "title": "Tiny",
    "default": True,
    "examples": ["the cat", "a dog and a very long example that does not fit on a chip of the page"],
    "longest_source": 24,
    "longest_target": 40,
    "licence": "Apache-2.0",
    "metrics": {"test": {"greedy": {"BLEU": 1.25, "chrF": 20.0}}},
}


def save_checkpoint(folder, model, tokenizer, **changes):
    """A checkpoint folder with its profile and card."""
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    (folder / "profile.json").write_text(json.dumps({**PROFILE, **changes}))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n\nThe card.\n")
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory, model, tokenizer):
    """A folder like assets/checkpoints: two checkpoints for translating, one for splitting."""
    root = tmp_path_factory.mktemp("checkpoints")
    save_checkpoint(root / "translate-tiny", model, tokenizer)
    save_checkpoint(root / "translate-other", model, tokenizer, title="Other", default=False)
    save_checkpoint(root / "split-tiny", model, tokenizer, title="Split", task="split", examples=["one two"])
    return root


@pytest.fixture
def ctx(checkpoints) -> AppContext:
    """A fresh context on those checkpoints."""
    return AppContext(Settings(), Registry("cpu", "float32", checkpoints))
