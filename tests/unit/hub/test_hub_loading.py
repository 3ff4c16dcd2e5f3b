"""Loading from a Hub: a real server on the loopback interface, huggingface_hub's own client in between."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bertgen import BertGenerationConfig, BertGenerationTokenizer, EncoderDecoderModel, GenerationConfig
from bertgen.hub import (
    BadHubName,
    GatedRepository,
    HubError,
    HubUnreachable,
    RepositoryNotFound,
    RevisionNotFound,
    cached_file,
    network,
)
from tests.hub_server import read_folder

GOLDEN = Path(__file__).parents[2] / "golden"
ENCDEC = {path.name: path.read_bytes() for path in (GOLDEN / "encdec").iterdir() if path.suffix != ".npz"}
SPIECE = (GOLDEN / "tokenizer" / "plain.model").read_bytes()
NAME = "owner/name"


@pytest.fixture
def model_hub(hub):
    """The Hub with a small encoder-decoder and its tokenizer at owner/name."""
    hub.add(NAME, {**ENCDEC, "spiece.model": SPIECE})
    return hub


def same(one, other) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_model_config_and_tokenizer_by_id(model_hub):
    model = EncoderDecoderModel.from_pretrained(NAME)
    assert same(model, EncoderDecoderModel.from_pretrained(GOLDEN / "encdec"))
    assert model.config.name_or_path == NAME
    assert model.generation_config == GenerationConfig.from_pretrained(GOLDEN / "encdec")
    tokenizer = BertGenerationTokenizer.from_pretrained(NAME)
    assert tokenizer.decode(tokenizer.encode("The sofa")) == "The sofa"
    assert {path.split("/")[3] for path in model_hub.paths() if path.startswith("/owner")} == {"resolve"}


@pytest.mark.parametrize("form", ["file_sharded", "file_bin", "file_bin_sharded"])
def test_every_form_of_the_weights(hub, form):
    hub.add(NAME, {k: v for k, v in read_folder(GOLDEN / form).items() if not k.endswith(".npz")})
    assert same(EncoderDecoderModel.from_pretrained(NAME), EncoderDecoderModel.from_pretrained(GOLDEN / form))


def test_revisions(model_hub):
    config = BertGenerationConfig(vocab_size=77)
    first = model_hub.repositories[NAME].resolve("main")
    changed = {**ENCDEC, "config.json": config.to_json_string().encode()}
    model_hub.add(NAME, changed, branch="refs/pr/1")
    model_hub.add(NAME, changed, branch="small")
    for revision in ("small", "refs/pr/1", model_hub.repositories[NAME].resolve("small")):
        assert BertGenerationConfig.from_pretrained(NAME, revision=revision).vocab_size == 77
    for revision in (None, "main", first):
        assert BertGenerationConfig.from_pretrained(NAME, revision=revision).model_type == "bert-generation"
        path = cached_file(NAME, "config.json", revision=revision)
        assert Path(path).parent.name == first
        assert Path(path).read_bytes() == ENCDEC["config.json"]


def test_a_commit_in_the_cache_is_not_asked_for(model_hub):
    commit = model_hub.repositories[NAME].resolve("main")
    path = cached_file(NAME, "config.json", revision=commit)
    asked = len(model_hub.log)
    assert cached_file(NAME, "config.json", revision=commit) == path
    assert len(model_hub.log) == asked


def test_a_moved_branch_is_followed_and_the_old_commit_kept(model_hub):
    old = cached_file(NAME, "config.json")
    model_hub.add(NAME, {**ENCDEC, "config.json": b"{}"})
    new = cached_file(NAME, "config.json")
    assert Path(new).read_bytes() == b"{}"
    assert Path(old).read_bytes() == ENCDEC["config.json"]


def test_cache_dir_subfolder_and_home(hub, tmp_path):
    hub.add(NAME, {"inner/spiece.model": SPIECE})
    path = cached_file(NAME, "spiece.model", subfolder="inner", cache_dir=tmp_path / "elsewhere")
    assert Path(path).is_relative_to(tmp_path / "elsewhere")
    tokenizer = BertGenerationTokenizer.from_pretrained(NAME, subfolder="inner")
    assert Path(tokenizer.vocab_file).is_relative_to(tmp_path / "hf_home" / "hub")
    assert cached_file(NAME, "spiece.model") is None


def test_a_whole_model_in_a_subfolder(hub):
    for form in ("encdec", "file_sharded"):
        files = read_folder(GOLDEN / form)
        hub.add(NAME, {f"deep/{form}/{name}": data for name, data in files.items()})
        model = EncoderDecoderModel.from_pretrained(NAME, subfolder=f"deep/{form}")
        assert same(model, EncoderDecoderModel.from_pretrained(GOLDEN / form))
        assert model.generation_config == GenerationConfig.from_pretrained(GOLDEN / form)
        with pytest.raises(OSError, match=r"config\.json"):
            EncoderDecoderModel.from_pretrained(NAME)


def test_the_environment_of_a_fresh_process(model_hub, tmp_path):
    """As users do it: variables set before Python starts, a private model, then the same offline."""
    model_hub.repositories[NAME].private = True
    code = (
        "import os; from bertgen import EncoderDecoderModel as M; "
        f"print(M.from_pretrained({NAME!r}).num_parameters()); os.environ['HF_HUB_OFFLINE'] = '1'; "
        f"print(M.from_pretrained({NAME!r}).num_parameters())"
    )
    known = {"HF_ENDPOINT": model_hub.url, "HF_HOME": str(tmp_path / "fresh"), "HF_TOKEN": "hf_owner"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **known},
        cwd=GOLDEN.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec").num_parameters()
    assert result.stdout.split() == [str(expected)] * 2, result.stderr
    weights = [token for _, path, token in model_hub.log if path.endswith("model.safetensors")]
    assert weights
    assert set(weights) <= {"Bearer hf_owner", None}
    assert len([path for path in model_hub.paths("GET") if path.startswith("/storage")]) == 1


def test_force_download_mends_a_damaged_cache(model_hub):
    path = cached_file(NAME, "config.json")
    Path(path).write_text("spoilt")
    with pytest.raises(OSError, match="not valid JSON"):
        EncoderDecoderModel.from_pretrained(NAME)
    EncoderDecoderModel.from_pretrained(NAME, force_download=True)
    assert Path(path).read_bytes() == ENCDEC["config.json"]


# -- tokens ---------------------------------------------------------------------------------------


def test_private(model_hub, monkeypatch):
    model_hub.repositories[NAME].private = True
    for token in (None, False, "hf_reader"):
        with pytest.raises(RepositoryNotFound, match="token="):
            cached_file(NAME, "config.json", token=token)
    assert cached_file(NAME, "config.json", token="hf_owner")
    assert EncoderDecoderModel.from_pretrained(NAME, token="hf_owner")
    monkeypatch.setenv("HF_TOKEN", "hf_owner")
    assert cached_file(NAME, "generation_config.json")
    assert cached_file(NAME, "spiece.model", token=True)


def test_the_older_name_of_token(model_hub):
    model_hub.repositories[NAME].private = True
    for load in (EncoderDecoderModel, BertGenerationConfig, BertGenerationTokenizer):
        with pytest.warns(FutureWarning, match="use token="):
            assert load.from_pretrained(NAME, use_auth_token="hf_owner")
        with pytest.raises(ValueError, match="token= alone"), pytest.warns(FutureWarning):
            load.from_pretrained(NAME, use_auth_token="hf_owner", token="hf_owner")


def test_keywords_that_need_nothing_any_more(model_hub):
    assert EncoderDecoderModel.from_pretrained(NAME, resume_download=True)
    with pytest.warns(UserWarning, match="HTTPS_PROXY"):
        assert BertGenerationTokenizer.from_pretrained(NAME, proxies={"https": "http://localhost:1"})


def test_token_true_without_one(model_hub):
    with pytest.raises(OSError, match="hf auth login"):
        cached_file(NAME, "config.json", token=True)


def test_a_token_that_is_not_valid(model_hub):
    with pytest.raises(HubError, match="does not accept the token"):
        cached_file(NAME, "config.json", token="hf_wrong")


def test_gated(model_hub):
    model_hub.repositories[NAME].gated = True
    for token in (None, "hf_reader"):
        with pytest.raises(GatedRepository, match=f"ask for access on {model_hub.url}/{NAME}"):
            cached_file(NAME, "config.json", token=token)
    model_hub.repositories[NAME].granted.add("reader")
    assert cached_file(NAME, "config.json", token="hf_reader")


def test_the_token_does_not_go_to_the_storage(model_hub):
    """Weights are served from another origin; the token stays with the Hub."""
    model_hub.repositories[NAME].private = True
    EncoderDecoderModel.from_pretrained(NAME, token="hf_owner")
    stored = [token for _, path, token in model_hub.log if path.startswith("/storage")]
    assert stored
    assert set(stored) == {None}
    assert {token for _, path, token in model_hub.log if path.endswith("safetensors")} >= {"Bearer hf_owner"}


# -- what is not there ----------------------------------------------------------------------------


def test_unknown_repository_and_revision(model_hub):
    with pytest.raises(RepositoryNotFound, match="check the spelling"):
        EncoderDecoderModel.from_pretrained("owner/nothing")
    with pytest.raises(RepositoryNotFound, match="check the spelling"):
        BertGenerationTokenizer.from_pretrained("nothing", token="hf_reader")
    with pytest.raises(RevisionNotFound, match="'v9'"):
        EncoderDecoderModel.from_pretrained(NAME, revision="v9")


def test_repository_without_weights(hub):
    hub.add(NAME, {"config.json": ENCDEC["config.json"], "tf_model.h5": b"x"})
    with pytest.raises(OSError, match="holds no weights") as caught:
        EncoderDecoderModel.from_pretrained(NAME)
    assert "cache" not in str(caught.value)


def test_damaged_weights(hub):
    hub.add(NAME, {**ENCDEC, "model.safetensors": b"not a tensor file at all"})
    with pytest.raises(OSError, match=r"model\.safetensors.*download it again"):
        EncoderDecoderModel.from_pretrained(NAME)


def test_a_missing_shard(hub):
    files = read_folder(GOLDEN / "file_sharded")
    hub.add(NAME, {k: v for k, v in files.items() if "00002-of" not in k})
    with pytest.raises(OSError, match="model-00002-of-00003"):
        EncoderDecoderModel.from_pretrained(NAME)


# -- no network -----------------------------------------------------------------------------------


def test_offline_from_the_cache(model_hub, monkeypatch):
    online = EncoderDecoderModel.from_pretrained(NAME)
    asked = len(model_hub.log)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert same(EncoderDecoderModel.from_pretrained(NAME), online)
    assert cached_file(NAME, "README.md") is None
    with pytest.raises(HubUnreachable, match=r"owner/other.*HF_HUB_OFFLINE"):
        EncoderDecoderModel.from_pretrained("owner/other")
    with pytest.raises(HubUnreachable, match="revision 'v2'"):
        EncoderDecoderModel.from_pretrained(NAME, revision="v2")
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE forbids"):
        EncoderDecoderModel.from_pretrained(NAME, force_download=True)
    assert len(model_hub.log) == asked


def test_local_files_only(model_hub):
    EncoderDecoderModel.from_pretrained(NAME)
    asked = len(model_hub.log)
    EncoderDecoderModel.from_pretrained(NAME, local_files_only=True)
    assert len(model_hub.log) == asked


def test_a_cache_that_holds_half(model_hub):
    """Only the config was ever fetched: the error says that the cache alone was looked at."""
    cached_file(NAME, "config.json")
    with pytest.raises(OSError, match=r"no weights.*local cache.*local_files_only=True"):
        EncoderDecoderModel.from_pretrained(NAME, local_files_only=True)
    with pytest.raises(OSError, match=r"local cache.*local_files_only=True"):
        BertGenerationTokenizer.from_pretrained(NAME, local_files_only=True)


def test_a_hub_that_does_not_answer_is_asked_once(model_hub, monkeypatch):
    online = EncoderDecoderModel.from_pretrained(NAME)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    start = time.monotonic()
    assert same(EncoderDecoderModel.from_pretrained(NAME), online)
    with pytest.raises(
        HubUnreachable, match=r"(?s)127\.0\.0\.1:9 was not reached \(ConnectError.*connect once"
    ):
        EncoderDecoderModel.from_pretrained("owner/other")
    assert time.monotonic() - start < 5  # huggingface_hub itself would try for 23 seconds a file
    with pytest.raises(HubUnreachable, match="fetched again"):
        cached_file(NAME, "config.json", force_download=True)


def test_a_hub_that_is_down(model_hub):
    online = EncoderDecoderModel.from_pretrained(NAME)
    network.forget()
    model_hub.down = 503
    asked = len(model_hub.log)
    assert same(EncoderDecoderModel.from_pretrained(NAME), online)
    with pytest.raises(HubUnreachable, match="status 503"):
        cached_file("owner/other", "config.json")
    assert len(model_hub.log) == asked + 1
    model_hub.down = None
    network.forget()  # or half a minute later
    assert cached_file(NAME, "config.json")


# -- hostile names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../up",
        "/none/here",
        "owner/../other",
        "owner/name/more",
        "owner/na me",
        "owner/name?x=1",
        "owner/name#x",
        "owner/name%2f..",
        "a--b/c",
        "öwner/name",
        "owner\\name",
        "owner/name\n",
        "x" * 97,
        "http://127.0.0.1/owner/name",
    ],
)
def test_hostile_ids(hub, name):
    with pytest.raises(BadHubName, match="no folder"):
        cached_file(name, "config.json")
    assert not hub.log


@pytest.mark.parametrize(
    "revision", ["../x", "a/../../b", "/x", "", "a b", "x?y", "x\\y", "x\0", "a//b", "a#"]
)
def test_hostile_revisions(hub, revision):
    with pytest.raises(BadHubName, match="no revision"):
        cached_file(NAME, "config.json", revision=revision)
    assert not hub.log


@pytest.mark.parametrize("filename", ["../config.json", "/etc/passwd", "a\\b", "", "C:x", "a/../../b"])
def test_hostile_file_names(hub, filename):
    with pytest.raises(BadHubName, match="refused"):
        cached_file(NAME, filename)
    assert not hub.log


def test_an_index_cannot_name_files_outside(hub):
    index = b'{"weight_map": {"encoder.embeddings.LayerNorm.bias": "../../../outside.safetensors"}}'
    hub.add(NAME, {"config.json": ENCDEC["config.json"], "model.safetensors.index.json": index})
    with pytest.raises(OSError, match="refused"):
        EncoderDecoderModel.from_pretrained(NAME)


@pytest.mark.parametrize("way", ["by id", "by folder"])
def test_links_out_of_the_cache_are_refused(model_hub, tmp_path, way):
    path = Path(cached_file(NAME, "config.json"))
    secret = tmp_path / "secret.json"
    shutil.copy(path, secret)
    path.unlink()
    path.symlink_to(secret)
    place = NAME if way == "by id" else path.parent
    with pytest.raises(BadHubName, match="outside the cache"):
        cached_file(place, "config.json", local_files_only=True)
    folder = tmp_path / "mine"  # a folder of one's own may hold links to anywhere
    folder.mkdir()
    (folder / "config.json").symlink_to(secret)
    assert cached_file(folder, "config.json")


def test_the_server_speaks_in_etags(model_hub):
    """Blobs are named as on the real Hub: git's sha1 of small files, sha256 of large ones."""
    small, large = (Path(cached_file(NAME, name)).resolve() for name in ("config.json", "model.safetensors"))
    assert large.name == hashlib.sha256(ENCDEC["model.safetensors"]).hexdigest()
    assert len(small.name) == 40
