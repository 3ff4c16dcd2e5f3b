"""Folders that hold no checkpoint, whatever else: each is refused with a sentence, none is waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from components import limits
from components.models.checkpoint import describe
from components.models.folder import given_folder
from components.refusal import Refusal


@pytest.fixture
def folder(model, tokenizer, tmp_path) -> Path:
    """A checkpoint that opens."""
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert describe(tmp_path).parameters > 0
    return tmp_path


def refused(folder: Path) -> Refusal:
    with pytest.raises(Refusal) as caught:
        describe(folder)
    assert caught.value.why
    assert caught.value.move
    return caught.value


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "README.md", "spiece.model", "profile.json", "x.bin"]
)
def test_a_pipe_is_not_waited_for(folder, name):
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert refused(folder).key == "refuse.file_kind"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer_config.json"])
def test_a_folder_or_a_dead_link_in_a_files_place(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    assert refused(folder).key == "refuse.file_kind"
    (folder / name).rmdir()
    (folder / name).symlink_to(folder / "nowhere")
    assert refused(folder).key == "refuse.file_gone"


def test_a_link_to_a_file_opens(folder, tmp_path_factory):
    """The Hub's cache is made of links."""
    blob = tmp_path_factory.mktemp("blobs") / "blob"
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    assert describe(folder).parameters > 0


@pytest.mark.parametrize(
    "name", ["config.json", "profile.json", "tokenizer_config.json", "README.md", "new.json"]
)
def test_a_file_beyond_its_kinds_size(folder, name):
    with (folder / name).open("wb") as file:
        file.truncate(2_000_001)
    error = refused(folder)
    assert error.key == "refuse.file_large"
    assert name in error.why


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234",
        (10**12).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{x",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        (3).to_bytes(8, "little") + b"\xff\xfe\xfd",
    ],
)
def test_an_odd_header(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    assert refused(folder).key == "refuse.file_damaged"


def test_a_header_of_too_many_names(folder):
    header = json.dumps({f"{i:0100}": {} for i in range(120_000)}).encode()
    assert len(header) > limits.MAX_HEADER
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert refused(folder).key == "refuse.file_large"


def test_a_crowd_of_files(folder, monkeypatch):
    monkeypatch.setattr("components.models.folder.MAX_FOLDER_ENTRIES", 10)
    for number in range(11):
        (folder / f"{number}.txt").touch()
    assert refused(folder).key == "refuse.crowded"


def test_files_that_are_never_read_may_be_anything(folder):
    os.mkfifo(folder / "pipe.txt")
    with (folder / "log.jsonl").open("wb") as file:
        file.truncate(10**10)
    assert describe(folder).parameters > 0


@pytest.mark.parametrize("name", ["a" * 300, "~nosuchuser/x", "a\0b", "x/" * 3000])
def test_odd_paths(name):
    with pytest.raises(Refusal) as caught:
        given_folder(name)
    assert caught.value.key in ("refuse.odd_path", "refuse.not_a_folder")


def test_a_loop_of_links(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(Refusal):
        given_folder(tmp_path / "a")
