"""push_to_hub, end to end: up to a Hub on the loopback interface, down again elsewhere, and equal."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from bertgen import BertGenerationConfig, BertGenerationTokenizer, EncoderDecoderModel, GenerationConfig
from bertgen.hub import HubError, HubUnreachable, RepositoryNotFound, network

GOLDEN = Path(__file__).parents[2] / "golden"
OWNER = "hf_owner"


@pytest.fixture
def model():
    return EncoderDecoderModel.from_pretrained(GOLDEN / "encdec")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder: push_to_hub looks for one named as the repository."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def same(one, other) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_model_up_and_down(hub, model, tmp_path):
    commit = model.push_to_hub("owner/mine", token=OWNER, tags=["translation"], commit_description="why")
    assert commit == f"{hub.url}/owner/mine/commit/{commit.oid}"
    assert sorted(hub.files("owner/mine")) == [
        ".gitattributes",
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]
    assert hub.repositories["owner/mine"].titles[commit.oid] == "Upload model"
    card = hub.files("owner/mine")["README.md"].decode()
    assert card.startswith("---\nlibrary_name: transformers\ntags:\n- translation\n---\n")
    again = EncoderDecoderModel.from_pretrained("owner/mine", cache_dir=tmp_path / "another")
    assert same(again, model)
    assert again.generation_config == model.generation_config
    assert set(again.load_report.counts()) <= {"loaded", "tied"}
    assert not list(Path.cwd().iterdir())


def test_large_files_by_lfs(hub, model, tmp_path, monkeypatch):
    """Without Xet, huggingface_hub sends weights by Git LFS: asked for, put, verified, committed."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub.uploads = "lfs"
    model.push_to_hub("owner/mine", token=OWNER, max_shard_size="40KB")
    shards = [name for name in hub.files("owner/mine") if name.startswith("model-")]
    assert len(shards) > 1
    assert len(hub.paths("PUT")) == len(shards)
    assert same(EncoderDecoderModel.from_pretrained("owner/mine", cache_dir=tmp_path / "another"), model)


def test_config_generation_config_and_tokenizer(hub, tmp_path):
    config = BertGenerationConfig(vocab_size=99, hidden_size=64)
    config.push_to_hub("owner/config", token=OWNER)
    read = BertGenerationConfig.from_pretrained("owner/config")
    assert (read.vocab_size, read.hidden_size) == (99, 64)
    settings = GenerationConfig(num_beams=3, max_length=17)
    settings.push_to_hub("owner/config", token=OWNER)
    assert GenerationConfig.from_pretrained("owner/config") == settings
    tokenizer = BertGenerationTokenizer(str(GOLDEN / "tokenizer" / "plain.model"))
    tokenizer.add_tokens(["<new>"])
    tokenizer.push_to_hub("owner/config", token=OWNER)
    again = BertGenerationTokenizer.from_pretrained("owner/config")
    text = "The sofa <new> stands"
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    titles = list(hub.repositories["owner/config"].titles.values())
    assert titles == ["initial commit", "Upload config", "Upload config", "Upload tokenizer"]


def test_private(hub, model):
    model.push_to_hub("mine", private=True, token=OWNER)
    assert hub.repositories["owner/mine"].private
    with pytest.raises(RepositoryNotFound):
        EncoderDecoderModel.from_pretrained("owner/mine")
    assert same(EncoderDecoderModel.from_pretrained("owner/mine", token=OWNER), model)


def test_stored_token(hub, model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", OWNER)
    model.push_to_hub("mine")
    model.config.note = "changed"
    model.config.push_to_hub("mine", token=True, commit_message="Only the config")
    assert "Only the config" in hub.repositories["owner/mine"].titles.values()


def test_branch(hub, model):
    model.push_to_hub("owner/mine", token=OWNER)
    main = hub.files("owner/mine")
    changed = EncoderDecoderModel(model.config)
    changed.push_to_hub("owner/mine", token=OWNER, revision="next", commit_message="Another try")
    assert hub.files("owner/mine") == main
    assert same(EncoderDecoderModel.from_pretrained("owner/mine", revision="next"), changed)
    assert same(EncoderDecoderModel.from_pretrained("owner/mine"), model)
    changed.push_to_hub("owner/mine", token=OWNER, revision="next")  # the branch is there now


def test_pull_request_to_somebody_elses(hub, model):
    hub.add("other/theirs", {"config.json": b"{}", "README.md": b"---\nlicense: mit\n---\nTheirs\n"})
    before = hub.files("other/theirs")
    answer = model.push_to_hub("other/theirs", token=OWNER, create_pr=True, tags=["x"])
    assert (answer.pr_revision, answer.pr_num) == ("refs/pr/1", 1)
    assert hub.files("other/theirs") == before
    proposed = hub.files("other/theirs", "refs/pr/1")
    assert b"license: mit" in proposed["README.md"]
    assert b"- x" in proposed["README.md"]
    assert same(EncoderDecoderModel.from_pretrained("other/theirs", revision="refs/pr/1"), model)


def test_save_pretrained_can_push(hub, model, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "notes.txt").write_text("not changed by saving")
    model.save_pretrained(folder, push_to_hub=True, repo_id="owner/mine", token=OWNER, private=True)
    held = hub.files("owner/mine")
    assert sorted(held) == [".gitattributes", "config.json", "generation_config.json", "model.safetensors"]
    assert held["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert hub.repositories["owner/mine"].private
    tokenizer = BertGenerationTokenizer(str(GOLDEN / "tokenizer" / "plain.model"))
    tokenizer.save_pretrained(folder, push_to_hub=True, repo_id="owner/mine", token=OWNER)
    assert "spiece.model" in hub.files("owner/mine")
    model.config.save_pretrained(folder, push_to_hub=True, token=OWNER)  # named by its folder
    assert "config.json" in hub.files("owner/saved")
    model.generation_config.save_pretrained(folder, push_to_hub=True, repo_id="saved", token=OWNER)
    assert "generation_config.json" in hub.files("owner/saved")


def test_a_folder_of_that_name_is_saved_to(hub, model):
    """As in the reference: what was there and did not change stays here."""
    Path("mine").mkdir()
    Path("mine", "notes.txt").write_text("x")
    Path("mine", "README.md").write_text("---\nlicense: mit\n---\nMy words\n")
    model.push_to_hub("owner/mine", token=OWNER)
    assert Path("mine", "model.safetensors").is_file()
    assert "notes.txt" not in hub.files("owner/mine")
    assert b"My words" in hub.files("owner/mine")["README.md"]
    model.push_to_hub("owner/temporary", use_temp_dir=False, token=OWNER)
    assert Path("temporary", "config.json").is_file()


@pytest.mark.parametrize("second", [{"max_shard_size": "40KB"}, {"safe_serialization": False}])
def test_the_newest_weights_are_what_loads(hub, model, second):
    """Weights of a form that is looked for first would hide the new ones: the commit takes them away."""
    model.push_to_hub("owner/mine", token=OWNER)
    changed = EncoderDecoderModel(model.config).eval()
    changed.push_to_hub("owner/mine", token=OWNER, **second)
    assert "model.safetensors" not in hub.files("owner/mine")
    assert same(EncoderDecoderModel.from_pretrained("owner/mine"), changed)


def test_tags_of_a_card_that_is_there(hub, model):
    model.push_to_hub("owner/mine", token=OWNER, tags=["a"])
    model.config.push_to_hub("owner/mine", token=OWNER, tags=["a", "b"])
    card = hub.files("owner/mine")["README.md"].decode()
    assert card.count("- a\n") == card.count("- b\n") == 1


def test_the_same_again_makes_no_commit(hub, model):
    model.push_to_hub("owner/mine", token=OWNER)
    commits = len(hub.repositories["owner/mine"].commits)
    model.push_to_hub("owner/mine", token=OWNER)
    assert len(hub.repositories["owner/mine"].commits) == commits


# -- what goes wrong ------------------------------------------------------------------------------


def test_wrong_tokens(hub, model):
    with pytest.raises(HubError, match="does not accept the token"):
        model.push_to_hub("owner/mine", token="hf_wrong")
    with pytest.raises(HubError, match="right permissions"):
        model.push_to_hub("owner/mine", token="hf_reader")
    for token in (None, False, True):
        with pytest.raises(HubError, match="write access"):
            model.push_to_hub("owner/mine", token=token)
    hub.add("owner/there", {"config.json": b"{}"})
    with pytest.raises(HubError, match="right permissions"):
        model.push_to_hub("owner/there", token="hf_reader")
    assert list(hub.repositories) == ["owner/there"]


def test_no_connection(hub, model, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable, match="cannot be uploaded"):
        model.push_to_hub("owner/mine", token=OWNER)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        model.save_pretrained("saved", push_to_hub=True, token=OWNER)
    assert not Path("saved").exists()
    network.forget()


@pytest.mark.parametrize("name", ["../up", "a/b/c", "own er/name", "a--b", ""])
def test_hostile_names(hub, model, name):
    with pytest.raises(OSError, match="no Hub id"):
        model.push_to_hub(name, token=OWNER)
    assert not hub.log


def test_older_keywords(hub, model):
    with pytest.warns(FutureWarning, match="use token="):
        model.config.push_to_hub("owner/mine", use_auth_token=OWNER)
    with pytest.warns(FutureWarning, match="organization"):
        model.config.push_to_hub("mine", organization="owner", token=OWNER)
    with pytest.warns(FutureWarning, match="repo_url"):
        model.config.push_to_hub(None, repo_url=f"{hub.url}/owner/mine", token=OWNER)
    with pytest.raises(TypeError, match="nonsense"):
        model.config.push_to_hub("owner/mine", nonsense=1, token=OWNER)
    assert list(hub.repositories) == ["owner/mine"]


def test_arguments_are_the_references():
    names = list(inspect.signature(EncoderDecoderModel.push_to_hub).parameters)
    assert names == [
        "self",
        "repo_id",
        "use_temp_dir",
        "commit_message",
        "private",
        "token",
        "max_shard_size",
        "create_pr",
        "safe_serialization",
        "revision",
        "commit_description",
        "tags",
        "deprecated_kwargs",
    ]
    for owner in (EncoderDecoderModel, BertGenerationConfig, GenerationConfig, BertGenerationTokenizer):
        assert {"push_to_hub", "repo_id", "token"} <= set(inspect.signature(owner.save_pretrained).parameters)


def test_saving_alone_asks_nobody(hub, model, tmp_path):
    model.save_pretrained(tmp_path / "saved", token="hf_wrong")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["model_type"] == "encoder-decoder"
    with pytest.raises(TypeError):
        model.save_pretrained(tmp_path / "saved", nonsense=1)
    assert not hub.log
