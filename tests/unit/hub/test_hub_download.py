"""plan_download and download: what a model takes, its progress, stopping, going on, and damage."""

from __future__ import annotations

import hashlib
import os
import types
from pathlib import Path

import pytest
import torch
from huggingface_hub import file_download

from bertgen import EncoderDecoderModel
from bertgen.hub import (
    BadHubName,
    DownloadCancelled,
    GatedRepository,
    HubError,
    HubUnreachable,
    NoWeights,
    RepositoryNotFound,
    RevisionNotFound,
    cached_file,
    download,
    network,
    plan_download,
)

GOLDEN = Path(__file__).parents[2] / "golden"
ENCDEC = {
    name: (GOLDEN / "encdec" / name).read_bytes()
    for name in ("config.json", "generation_config.json", "model.safetensors")
}
OTHERS = {
    "README.md": b"---\nlicense: mit\n---\n",
    "profile.json": b"{}",
    "spiece.model": b"s" * 50,
    "decoder_tokenizer/vocab.txt": b"t" * 40,
}
FOREIGN = {
    "tf_model.h5": b"h" * 99,
    "flax_model.msgpack": b"f" * 99,
    "rust_model.ot": b"r" * 99,
    "onnx/model.onnx": b"o" * 99,
    "pytorch_model.bin": b"p" * 99,
    "training_args.bin": b"a" * 99,
    "decoder_tokenizer/notes.txt": b"n",
    "logs/events": b"l",
}
NAME = "owner/name"
SHARDS = [*(f"model-0000{i}-of-00002.safetensors" for i in (1, 2)), "model.safetensors.index.json"]


def blocks(size: int) -> bytes:
    return os.urandom(1 << 16) * (size >> 16)


def test_a_plan_names_what_a_model_needs(hub):
    commit = hub.add(NAME, {**ENCDEC, **OTHERS, **FOREIGN})
    plan = plan_download(NAME)
    assert len(hub.log) == 1
    assert (plan.repo_id, plan.revision) == (NAME, commit)
    assert {file.name: file.size for file in plan.files} == {
        name: len(data) for name, data in {**ENCDEC, **OTHERS}.items()
    }
    assert not any(file.cached for file in plan.files)
    assert plan.nbytes == plan.missing_bytes == sum(map(len, [*ENCDEC.values(), *OTHERS.values()]))


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        ([*SHARDS, "pytorch_model.bin"], SHARDS),
        (["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-1.bin"], ["pytorch_model.bin"]),
        (
            ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json", "optimizer.bin"],
            ["pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json"],
        ),
        (["model.fp16.safetensors", "pytorch_model.bin", "sub/model.safetensors"], ["pytorch_model.bin"]),
    ],
)
def test_one_form_of_the_weights(hub, held, chosen):
    hub.add(NAME, dict.fromkeys(["config.json", *held], b"x"))
    assert [file.name for file in plan_download(NAME).files if file.name != "config.json"] == sorted(chosen)


def test_download_and_load(hub, tmp_path):
    hub.add(NAME, {**ENCDEC, **OTHERS, **FOREIGN})
    plan, seen = plan_download(NAME), []
    folder = Path(download(plan, progress=lambda done, total: seen.append((done, total))))
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == {
        **ENCDEC,
        **OTHERS,
    }
    assert seen[0] == (0, plan.nbytes)
    assert seen[-1] == (plan.nbytes, plan.nbytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    model = EncoderDecoderModel.from_pretrained(folder)
    expected = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec").state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
    again = plan_download(NAME)
    assert again.missing_bytes == 0
    assert all(file.cached for file in again.files)
    asked = len(hub.log)
    assert download(again) == str(folder)
    assert len(hub.log) == asked


def test_the_cache_is_the_one_that_from_pretrained_uses(hub, monkeypatch):
    """What was downloaded on purpose loads by its id offline, and the other way round."""
    hub.add(NAME, {**ENCDEC, **OTHERS})
    cached_file(NAME, "model.safetensors")
    plan = plan_download(NAME)
    assert [file.name for file in plan.files if file.cached] == ["model.safetensors"]
    download(plan)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert EncoderDecoderModel.from_pretrained(NAME)
    offline = plan_download(NAME)
    assert offline.revision == plan.revision
    assert (offline.missing_bytes, offline.nbytes) == (0, plan.nbytes)
    assert EncoderDecoderModel.from_pretrained(download(offline))
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        plan_download("owner/other")


def test_revision_and_cache_dir(hub, tmp_path):
    hub.add(NAME, {**ENCDEC, "README.md": b"old"}, branch="v1")
    hub.add(NAME, {**ENCDEC, "README.md": b"new"})
    cache = tmp_path / "cache"
    folder = Path(download(plan_download(NAME, revision="v1", cache_dir=cache), cache_dir=cache))
    assert folder.is_relative_to(cache)
    assert (folder / "README.md").read_bytes() == b"old"
    newer = plan_download(NAME, cache_dir=cache)
    assert [file.name for file in newer.files if file.cached] == []
    folder = Path(download(newer, cache_dir=cache))
    assert (folder / "README.md").read_bytes() == b"new"
    gets = [path for path in hub.paths("GET") if path.startswith("/storage")]
    assert len(gets) == 1  # the same weights, in two commits, are one blob


def test_stopping_and_going_on(hub):
    weights = blocks(1 << 22)
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": weights})
    hub.bytes_per_second = 4e6
    seen = []
    with pytest.raises(DownloadCancelled, match="goes on from there"):
        download(
            plan_download(NAME),
            progress=lambda done, total: seen.append(done),
            cancelled=lambda: bool(seen) and seen[-1] > 5e5,
        )
    assert 5e5 < seen[-1] < len(weights)
    hub.bytes_per_second = None
    plan = plan_download(NAME)
    assert [file.name for file in plan.files if file.cached] == ["config.json"]
    folder = download(plan, progress=lambda done, total: seen.append(done))
    assert Path(folder, "model.safetensors").read_bytes() == weights
    assert seen[-1] == plan.nbytes
    assert not list(Path(folder).parents[1].rglob("*.incomplete"))
    assert hub.sent < 1.2 * len(weights)  # what had arrived was not fetched again


def test_a_cancel_before_anything(hub):
    hub.add(NAME, ENCDEC)
    with pytest.raises(DownloadCancelled):
        download(plan_download(NAME), cancelled=lambda: True)
    assert not hub.paths("HEAD")


def no_pauses(monkeypatch):
    """huggingface_hub waits a second before it goes on with a broken connection."""
    monkeypatch.setattr(file_download, "time", types.SimpleNamespace(sleep=lambda seconds: None))


def test_a_connection_that_breaks_is_taken_up_again(hub, monkeypatch):
    no_pauses(monkeypatch)
    weights = blocks(1 << 20)
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": weights})
    hub.truncate["model.safetensors"] = 300_000  # each connection brings no more than this
    folder = download(plan_download(NAME))
    assert (
        hashlib.sha256(Path(folder, "model.safetensors").read_bytes()).digest()
        == hashlib.sha256(weights).digest()
    )
    assert len([path for path in hub.paths("GET") if path.startswith("/storage")]) == 4


def test_a_connection_that_brings_nothing_is_given_up(hub, monkeypatch):
    no_pauses(monkeypatch)
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": blocks(1 << 20)})
    hub.truncate["model.safetensors"] = 0
    with pytest.raises(OSError, match="try again"):
        download(plan_download(NAME))
    assert len([path for path in hub.paths("GET") if path.startswith("/storage")]) == 6


def test_damage_on_the_way_is_found(hub):
    hub.add(NAME, {"config.json": b"{}", "model.safetensors": b"x" * 1000})
    plan = plan_download(NAME)
    folder = Path(os.environ["HF_HOME"], "hub", "models--owner--name", ".partial")
    folder.mkdir(parents=True)
    (folder / hashlib.sha256(b"x" * 1000).hexdigest()).write_bytes(b"y" * 400)
    with pytest.raises(HubError, match="damaged"):
        download(plan)
    assert Path(download(plan), "model.safetensors").read_bytes() == b"x" * 1000


def test_no_room_on_the_disk(hub):
    hub.add(NAME, ENCDEC)
    plan = plan_download(NAME)
    files = tuple(type(file)(file.name, 10**18, False) for file in plan.files)
    with pytest.raises(OSError, match=r"GB left.*HF_HOME"):
        download(type(plan)(NAME, plan.revision, files))
    assert not hub.paths("HEAD")


def test_what_cannot_be_planned(hub):
    with pytest.raises(RepositoryNotFound, match="check the spelling"):
        plan_download("owner/nothing")
    hub.add(NAME, {"config.json": b"{}", "tf_model.h5": b"x", "flax_model.msgpack": b"y"})
    with pytest.raises(NoWeights, match=r"holds flax_model.msgpack, tf_model.h5, another framework's"):
        plan_download(NAME)
    with pytest.raises(RevisionNotFound, match="'v9'"):
        plan_download(NAME, revision="v9")
    hub.add(NAME, {"config.json": b"{}"})
    with pytest.raises(NoWeights, match="it holds none"):
        plan_download(NAME)
    hub.add(NAME, {"data.csv": b"1,2"})
    with pytest.raises(HubError, match=r"no config\.json"):
        plan_download(NAME)
    for bad in ("../up", "a/b/c", "a b"):
        with pytest.raises(BadHubName, match="no folder"):
            plan_download(bad)


def test_private_and_gated(hub):
    hub.add(NAME, ENCDEC, private=True)
    with pytest.raises(RepositoryNotFound, match="token="):
        plan_download(NAME)
    with pytest.raises(HubError, match="does not accept the token"):
        plan_download(NAME, token="hf_wrong")
    plan = plan_download(NAME, token="hf_owner")
    with pytest.raises(RepositoryNotFound):
        download(plan)
    assert download(plan, token="hf_owner")
    assert {token for _, path, token in hub.log if path.startswith("/storage")} == {None}
    hub.add("owner/gated", ENCDEC, gated=True)
    with pytest.raises(GatedRepository, match="ask for access"):
        download(plan_download("owner/gated"))  # the list of a gated repository's files is open


def test_half_a_model_in_the_cache(hub, monkeypatch):
    hub.add(NAME, ENCDEC)
    cached_file(NAME, "config.json")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubUnreachable, match=r"only a part of 'owner/name' \(config\.json\).*HF_HUB_OFFLINE"):
        plan_download(NAME)


def test_a_hub_that_does_not_answer(hub, monkeypatch):
    hub.add(NAME, ENCDEC)
    download(plan_download(NAME))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert plan_download(NAME).missing_bytes == 0
    with pytest.raises(HubUnreachable, match="ConnectError"):
        plan_download("owner/other")
    network.forget()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    hub.down = 500
    with pytest.raises(HubUnreachable, match="500"):
        plan_download("owner/other")
