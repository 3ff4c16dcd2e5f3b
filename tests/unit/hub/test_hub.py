"""Finding files: folders, the Hub's cache, and names that must not work. No network."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bertgen import hub
from bertgen.tokenizers import BertGenerationTokenizer

MODEL = Path(__file__).parents[2] / "golden" / "tokenizer" / "plain.model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def cache(tmp_path):
    """A Hub cache that holds owner/name at `main`, with a tokenizer in it."""
    repo = tmp_path / "hub" / "models--owner--name"
    snapshot = repo / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "spiece.model").write_bytes(MODEL.read_bytes())
    (snapshot / "sub").mkdir()
    (snapshot / "sub" / "spiece.model").write_bytes(MODEL.read_bytes())
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    return {"cache_dir": tmp_path / "hub", "local_files_only": True}


def test_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "sub" / "b.json").write_text("{}")
    assert hub.cached_file(tmp_path, "a.json") == str(tmp_path / "a.json")
    assert hub.cached_file(str(tmp_path), "b.json", subfolder="sub") == str(tmp_path / "sub" / "b.json")
    assert hub.cached_file(tmp_path, "sub/b.json") == str(tmp_path / "sub" / "b.json")
    assert hub.cached_file(tmp_path, "none.json") is None
    assert hub.cached_file(tmp_path, "sub") is None
    assert hub.resolve(tmp_path, "a.json", "none.json") == {
        "a.json": str(tmp_path / "a.json"),
        "none.json": None,
    }
    with pytest.raises(OSError, match=r"holds none of x\.json"):
        hub.resolve(tmp_path, "x.json")


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/passwd", "..", "", ".", "a\\b", "C:a", "a\0b"])
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "a").write_text("secret")
    with pytest.raises(OSError, match="refused"):
        hub.cached_file(tmp_path / "in", name)
    with pytest.raises(OSError, match="refused"):
        hub.cached_file(tmp_path / "in", "a", subfolder=name if name not in ("", ".") else "..")


@pytest.mark.parametrize(
    "name", ["./none", "/none/at/all", "a/b/c", "own er/name", "~/x", "a--b/c", "", "../up"]
)
def test_a_name_that_is_neither_folder_nor_hub_id(name):
    with pytest.raises(OSError, match="no folder"):
        hub.cached_file(name, "config.json")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(OSError, match="give the folder"):
        hub.cached_file(tmp_path / "config.json", "config.json")


def test_cached_repository(cache):
    path = hub.cached_file("owner/name", "spiece.model", **cache)
    assert Path(path).read_bytes() == MODEL.read_bytes()
    assert hub.cached_file("owner/name", "spiece.model", revision=COMMIT, **cache) == path
    assert Path(hub.cached_file("owner/name", "spiece.model", subfolder="sub", **cache)).parent.name == "sub"
    assert hub.cached_file("owner/name", "none.json", **cache) is None
    tokenizer = BertGenerationTokenizer.from_pretrained("owner/name", **cache)
    assert tokenizer.decode(tokenizer.encode("The sofa")) == "The sofa"
    assert tokenizer.name_or_path == "owner/name"


def test_what_is_not_in_the_cache_says_what_to_do(cache):
    with pytest.raises(OSError, match="not in the local cache"):
        hub.cached_file("owner/other", "config.json", **cache)
    with pytest.raises(OSError, match="not in the local cache"):
        hub.cached_file("owner/name", "config.json", revision="v2", **cache)
    with pytest.raises(OSError, match="holds none of"):
        hub.resolve("owner/name", "config.json", **cache)
