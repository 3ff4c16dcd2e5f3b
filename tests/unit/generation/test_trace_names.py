"""A trace names its model, never a place on the machine that made it."""

from __future__ import annotations

import pytest

from bertgen import EncoderDecoderModel, trace_generate
from bertgen.generation.trace_builder import public_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("owner/name", "owner/name"),
        ("gpt2", "gpt2"),
        ("/home/somebody/models/mine", "mine"),
        ("/home/somebody/models/mine/", "mine"),
        ("../secret/mine", "mine"),
        ("runs/long/checkpoint", "checkpoint"),
        ("./mine", "mine"),
    ],
)
def test_a_folder_is_called_by_its_name(name, shown):
    assert public_name(name) == shown


def test_a_trace_holds_no_path(model, tokenizer, tmp_path):
    folder = tmp_path / "mine"
    model.save_pretrained(folder)
    trace = trace_generate(EncoderDecoderModel.from_pretrained(folder).eval(), tokenizer, "the cat")
    assert trace.model == "mine"
