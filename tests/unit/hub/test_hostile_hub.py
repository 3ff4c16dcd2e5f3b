"""A Hub that is not what it should be: odd names, lying sizes, answers without end."""

from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.utils import _http

from bertgen.hub import HubError, cached_file, download, guard, network, plan_download

NAME = "owner/name"
FILES = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"w" * 3000}
ETAG, LINKED, COMMIT, SIZE = "ETag", "X-Linked-Etag", "X-Repo-Commit", "X-Linked-Size"


@pytest.fixture
def bad_hub(hub):
    hub.add(NAME, FILES)
    return hub


def twisted(header: str, value: str, method: str = "HEAD", part: str = "/resolve/"):
    """Answers to requests of this method, for such paths, carry the header."""

    def twist(made: str, path: str, headers: dict[str, str]) -> None:
        if made == method and part in path:
            headers[header] = value

    return twist


def files_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def by_cached_file(name: str) -> None:
    cached_file(NAME, name)


def by_download(name: str) -> None:
    download(plan_download(NAME))


PATHS = [
    "../../../evil",
    '"../../../../evil"',
    'W/"../evil"',
    "..",
    ".",
    ".hidden",
    "/evil",
    "a/evil",
    "..\\evil",
    "a\\evil",
    "%2e%2e%2fevil",
    "e" * 300,
    "a b",
    "a:evil",
    "a\tb",
    "a\xe9",
    "evil..evil",
]


@pytest.mark.parametrize("way", [by_cached_file, by_download])
@pytest.mark.parametrize(
    ("header", "name"),
    [(ETAG, "config.json"), (LINKED, "config.json"), (LINKED, "model.safetensors"), (COMMIT, "config.json")],
)
@pytest.mark.parametrize("value", PATHS)
def test_headers_that_end_in_paths(bad_hub, tmp_path, way, header, name, value):
    bad_hub.twist = twisted(header, value, part="/" + name)
    with pytest.raises(HubError) as caught:
        way(name)
    assert caught.value.key == "hub.odd_header"
    assert not [path for path in files_under(tmp_path) if path.endswith(name) or "evil" in path]
    assert not [path for path in bad_hub.paths("GET") if "/resolve/" in path and path.endswith(name)]


@pytest.mark.parametrize("value", ["../../../evil", "a" * 39, "G" * 40, "A" * 40])
def test_the_commit_of_an_answer_that_a_file_is_missing(bad_hub, tmp_path, value):
    """huggingface_hub notes in the cache that a commit lacks a file, in a folder named by this header."""
    bad_hub.twist = twisted(COMMIT, value)
    with pytest.raises(HubError) as caught:
        cached_file(NAME, "missing.json")
    assert caught.value.key == "hub.odd_header"
    assert files_under(tmp_path) == set()


@pytest.mark.parametrize("value", ["x", "-1", "1e9", "1.5", "", "9" * 30, "0x10", "1 000"])
@pytest.mark.parametrize("way", [by_cached_file, by_download])
def test_sizes_that_are_none(bad_hub, tmp_path, way, value):
    bad_hub.twist = twisted(SIZE, value)
    with pytest.raises(HubError) as caught:
        way("config.json")
    assert caught.value.key == "hub.odd_header"
    assert not [path for path in files_under(tmp_path) if "blobs" in path]


@pytest.mark.parametrize(
    "value", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://127.0.0.1/" + "x" * 9000]
)
def test_addresses_of_other_kinds(bad_hub, value):
    bad_hub.twist = twisted("Location", value, part="model.safetensors")
    with pytest.raises(HubError) as caught:
        cached_file(NAME, "model.safetensors")
    assert caught.value.key == "hub.odd_header"


@pytest.mark.parametrize(
    "name", ["config.json", "README.md", "tokenizer.json", "model.safetensors.index.json"]
)
def test_a_file_larger_than_its_kind_is_not_fetched(bad_hub, name):
    bad_hub.add(NAME, {**FILES, name: b"{}"})
    bad_hub.twist = twisted(SIZE, "3000000000")
    with pytest.raises(HubError) as caught:
        cached_file(NAME, name)
    assert caught.value.key == "hub.too_large"
    assert not bad_hub.paths("GET")


@pytest.mark.parametrize("size", [1, 1000, 10**6, 3 * 10**7])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("way", [by_cached_file, by_download])
def test_a_file_that_runs_on(bad_hub, tmp_path, way, name, size):
    bad_hub.runs_on = {name: size, f"/{NAME}/resolve/main/{name}": size}
    with pytest.raises(HubError) as caught:
        way(name)
    assert caught.value.key == "hub.runs_on"
    assert not [path for path in files_under(tmp_path) if path.endswith(name)]
    assert not [path for path in files_under(tmp_path) if path.endswith(".incomplete")]


def test_a_file_of_another_size_than_listed(bad_hub):
    plan = plan_download(NAME)
    bad_hub.twist = twisted(SIZE, "2999", part="model.safetensors")
    with pytest.raises(HubError) as caught:
        download(plan)
    assert caught.value.key == "hub.two_sizes"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP"])
@pytest.mark.parametrize(
    ("way", "part"), [(by_cached_file, "config.json"), (by_download, "/api/models/"), (by_download, ".json")]
)
def test_packed_answers(bad_hub, way, part, encoding):
    """Nobody asked for them, and a megabyte of them may be a gigabyte."""
    bad_hub.twist = twisted("Content-Encoding", encoding, "GET", part)
    with pytest.raises(HubError) as caught:
        way("config.json")
    assert caught.value.key == "hub.odd_header"


def test_the_bodies_of_errors_and_redirects_end_too(bad_hub, monkeypatch):
    monkeypatch.setattr(guard, "ERROR_LIMIT", 10)
    bad_hub.down = 404
    with pytest.raises(HubError) as caught:
        plan_download(NAME)
    assert caught.value.key == "hub.runs_on"


# ---- what it says of a repository


def first(**values: object):
    """The listing with other values for its first file, config.json."""

    def change(said: dict) -> dict:
        return {**said, "siblings": [{**said["siblings"][0], **values}, *said["siblings"][1:]]}

    return change


def whole(**values: object):
    return lambda said: {**said, **values}


@pytest.mark.parametrize(
    "change",
    [
        *(first(size=size) for size in ("x", -1, 1.5, 10**20, [1], {}, True)),
        *(first(lfs=lfs) for lfs in ("x", {"size": "x", "sha256": "0", "pointerSize": 1}, [1])),
        *(
            first(rfilename=name)
            for name in ("../x", "/etc/x", "a/../../x", "a\\x", "a\0x", "", 5, None, ["x"])
        ),
        *(whole(sha=sha) for sha in ("../../..", "", None, 5, "a" * 41)),
        *(whole(siblings=siblings) for siblings in ("x", 5, [5], [[]], {"a": 1}, [None])),
        lambda said: [said],
        lambda said: "x",
        lambda said: None,
    ],
)
def test_listings_that_no_hub_sends(bad_hub, tmp_path, change):
    bad_hub.listing = change
    with pytest.raises(HubError) as caught:
        plan_download(NAME)
    assert caught.value.key in ("hub.odd_listing", "hub.bad_path")
    assert files_under(tmp_path) == set()


def test_a_listing_without_end(bad_hub, monkeypatch):
    monkeypatch.setattr(guard, "API_LIMIT", 100)
    with pytest.raises(HubError) as caught:
        plan_download(NAME)
    assert caught.value.key == "hub.runs_on"


def test_a_listed_size_that_is_too_large(bad_hub):
    bad_hub.listing = first(size=3 * 10**9)
    with pytest.raises(HubError) as caught:
        plan_download(NAME)
    assert caught.value.key == "hub.too_large"


def test_deep_json_as_a_listing(bad_hub, monkeypatch):
    class Deep(dict):
        pass

    honest = json.dumps
    monkeypatch.setattr(json, "dumps", lambda data: "[" * 200_000 if isinstance(data, Deep) else honest(data))
    bad_hub.listing = Deep
    with pytest.raises(HubError) as caught:
        plan_download(NAME)
    assert caught.value.key == "hub.odd_listing"


# ---- what goes on working


@pytest.mark.parametrize("etag", ['"mirror-1"', 'W/"5f3e.1a"', "a_b", '"' + "0" * 64 + '"'])
def test_mirrors_with_names_of_their_own(bad_hub, etag):
    bad_hub.twist = twisted(ETAG, etag)
    assert Path(cached_file(NAME, "config.json")).read_bytes() == FILES["config.json"]


def test_a_mirrors_file_without_a_checksum(bad_hub):
    bad_hub.twist = twisted(LINKED, '"mirror-1"', part="model.safetensors")
    folder = Path(download(plan_download(NAME)))
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_calls_of_others_are_left_alone(bad_hub):
    cached_file(NAME, "config.json")
    bad_hub.twist = twisted(ETAG, "../mine")
    answer = huggingface_hub.get_session().head(f"{bad_hub.url}/{NAME}/resolve/main/config.json")
    assert answer.headers["ETag"] == "../mine"


def test_a_client_factory_of_ones_own_is_kept(bad_hub):
    made = []

    def factory():
        made.append(_http.default_client_factory())
        return made[-1]

    before = _http._GLOBAL_CLIENT_FACTORY
    try:
        huggingface_hub.set_client_factory(factory)
        bad_hub.twist = twisted(ETAG, "../mine")
        with pytest.raises(HubError, match="no Hub sends"):
            cached_file(NAME, "config.json")
        assert huggingface_hub.get_session() is made[-1]
    finally:
        huggingface_hub.set_client_factory(before)
        network.forget()
