"""AutoTokenizer's choice, the decoder's own tokenizer, and what both say when there is nothing to load."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path

import pytest

from bertgen import (
    AutoTokenizer,
    BertConfig,
    BertGenerationTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    RobertaTokenizer,
)

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = {
    "spiece.model": GOLDEN / "tokenizer" / "bytes.model",
    "vocab.txt": GOLDEN / "family_tokenizer" / "bert" / "vocab.txt",
    "vocab.json": GOLDEN / "family_tokenizer" / "bytes" / "vocab.json",
    "merges.txt": GOLDEN / "family_tokenizer" / "bytes" / "merges.txt",
}
BYTES = ("vocab.json", "merges.txt")


def folder(path: Path, *names: str, **jsons: dict) -> Path:
    """A checkpoint folder of these vocabulary files, and of `name`.json with this content."""
    path.mkdir(parents=True)
    for name in names:
        shutil.copy(FILES[name], path / name)
    for name, content in jsons.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return path


def named(name: str) -> dict:
    return {"tokenizer_class": name}


SEQ2SEQ = {
    "model_type": "encoder-decoder",
    "encoder": {"model_type": "bert"},
    "decoder": {"model_type": "gpt2"},
}


@pytest.mark.parametrize(
    ("expected", "names", "jsons"),
    [
        (BertTokenizer, ["vocab.txt"], {}),
        (BertGenerationTokenizer, ["spiece.model"], {}),
        (GPT2Tokenizer, BYTES, {}),
        (BertGenerationTokenizer, list(FILES), {}),
        (BertTokenizer, list(FILES), {"tokenizer_config": named("BertTokenizerFast")}),
        (RobertaTokenizer, list(FILES), {"tokenizer_config": named("RobertaTokenizerFast")}),
        (GPT2Tokenizer, list(FILES), {"tokenizer_config": named("GPT2Tokenizer")}),
        (BertTokenizer, list(FILES), {"config": named("BertTokenizer")}),
        (BertTokenizer, list(FILES), {"config": SEQ2SEQ}),
        (RobertaTokenizer, list(FILES), {"config": {"encoder": named("RobertaTokenizer")}}),
        (RobertaTokenizer, list(FILES), {"config": {"model_type": "roberta"}}),
        (GPT2Tokenizer, list(FILES), {"config": {"model_type": "gpt2"}}),
        (BertGenerationTokenizer, list(FILES), {"config": {"model_type": "bert-generation"}}),
        # The two places disagree: the tokenizer's own file is right.
        (GPT2Tokenizer, BYTES, {"tokenizer_config": named("GPT2TokenizerFast"), "config": SEQ2SEQ}),
        # The model's type promises files that are not there: those that are there decide.
        (BertTokenizer, ["vocab.txt"], {"config": {"model_type": "bert-generation"}}),
        (BertTokenizer, ["vocab.txt"], {"tokenizer_config": named("PreTrainedTokenizerFast")}),
    ],
)
def test_choice(expected, names, jsons, tmp_path):
    place = folder(tmp_path / "a" / "inner", *names, **jsons)
    assert type(AutoTokenizer.from_pretrained(place)) is expected
    assert type(AutoTokenizer.from_pretrained(place.parent, subfolder="inner", use_fast=False)) is expected


def test_arguments_pass_through(tmp_path):
    place = folder(tmp_path / "a", "vocab.txt", config={"model_type": "bert"})
    tokenizer = AutoTokenizer.from_pretrained(
        place,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        do_lower_case=False,
        trust_remote_code=False,
    )
    assert (tokenizer.pad_token, tokenizer.eos_token, tokenizer.bos_token) == ("<pad>", "</s>", "<s>")
    assert tokenizer("Haus </s>", add_special_tokens=False).input_ids[-1] == tokenizer.eos_token_id
    assert not tokenizer.do_lower_case
    assert type(AutoTokenizer.from_pretrained(place, config=BertConfig())) is BertTokenizer
    both = folder(tmp_path / "b", *FILES)
    assert type(AutoTokenizer.from_pretrained(both, tokenizer_type="roberta")) is RobertaTokenizer
    assert type(AutoTokenizer.from_pretrained(both, config=BertConfig())) is BertTokenizer
    assert type(AutoTokenizer.from_pretrained(both / "vocab.txt")) is BertTokenizer
    assert type(AutoTokenizer.from_pretrained(both / "spiece.model")) is BertGenerationTokenizer


def test_refusals_name_what_is_there_and_the_next_move(tmp_path):
    with pytest.raises(OSError, match=r"AutoTokenizer\.from_pretrained"):
        AutoTokenizer()
    place = folder(tmp_path / "t5", "vocab.txt", tokenizer_config=named("T5TokenizerFast"))
    with pytest.raises(ValueError, match=r"'T5TokenizerFast', which is not among BertGen.*own from_"):
        AutoTokenizer.from_pretrained(place)
    assert BertTokenizer.from_pretrained(place).vocab_size == 500  # the next move works
    place = folder(tmp_path / "marian", "vocab.txt", config={"model_type": "marian"})
    with pytest.raises(ValueError, match="'marian' is not among bert, bert-generation, gpt2, roberta"):
        AutoTokenizer.from_pretrained(place)
    with pytest.raises(ValueError, match="tokenizer_type='t5'"):
        AutoTokenizer.from_pretrained(place, tokenizer_type="t5")
    place = folder(tmp_path / "empty", config={"model_type": "bert"})
    with pytest.raises(OSError, match=r"no vocabulary \(it holds config.json\); needed is spiece.model"):
        AutoTokenizer.from_pretrained(place)
    with pytest.raises(OSError, match=r"has no vocab\.json, merges\.txt"):
        GPT2Tokenizer.from_pretrained(folder(tmp_path / "c", "vocab.txt", tokenizer_config={}))
    with pytest.raises(OSError, match="no folder"):
        AutoTokenizer.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="one file loads from"):
        AutoTokenizer.from_pretrained(FILES["merges.txt"])
    place = folder(tmp_path / "broken", "vocab.txt")
    (place / "tokenizer_config.json").write_text("[")
    with pytest.raises(OSError, match="not valid JSON"):
        AutoTokenizer.from_pretrained(place)


# --- the decoder's own vocabulary ----------------------------------------------------------------
def two() -> BertTokenizer:
    tokenizer = BertTokenizer(FILES["vocab.txt"])
    tokenizer.decoder_tokenizer = GPT2Tokenizer(*(FILES[name] for name in BYTES), pad_token="<pad>")
    return tokenizer


@pytest.mark.filterwarnings("ignore:.*older form:FutureWarning")
def test_targets_are_encoded_by_the_decoders_tokenizer():
    tokenizer, text = two(), "The house"
    expected = tokenizer.decoder_tokenizer.encode(text)
    assert tokenizer.encode(text) != expected
    both = tokenizer(text, text_target=text)
    assert (both.input_ids, both.labels) == (tokenizer.encode(text), expected)
    assert tokenizer(text_target=text).input_ids == expected
    with tokenizer.as_target_tokenizer():
        assert tokenizer(text).input_ids == tokenizer.encode(text) == expected
        assert tokenizer([text, "a"]).input_ids == [expected, tokenizer.decoder_tokenizer.encode("a")]
        padded = tokenizer.pad([{"input_ids": [5]}, {"input_ids": [5, 6]}])
        assert padded.input_ids[0] == [5, tokenizer.decoder_tokenizer.pad_token_id]
    assert tokenizer(text).input_ids == tokenizer.encode(text) != expected
    with pytest.raises(ZeroDivisionError), tokenizer.as_target_tokenizer():
        _ = 1 / 0
    assert tokenizer.encode(text) != expected, "an error within ends the target side too"
    batch = tokenizer.prepare_seq2seq_batch([text], [text], max_length=8, return_tensors="pt")
    assert batch.labels.tolist() == [expected]


def test_the_older_forms_say_so():
    tokenizer = two()
    with pytest.warns(FutureWarning, match="text_target"):
        tokenizer.as_target_tokenizer().__enter__()
    with pytest.warns(FutureWarning, match="text_target"):
        tokenizer.prepare_seq2seq_batch(["a"])


@pytest.mark.filterwarnings("ignore:.*older form:FutureWarning")
def test_one_vocabulary_stays_one():
    tokenizer = BertTokenizer(FILES["vocab.txt"])
    assert tokenizer.decoder_tokenizer is None
    assert tokenizer(text_target="a b").input_ids == tokenizer("a b").input_ids
    with tokenizer.as_target_tokenizer():
        assert tokenizer("a b").input_ids == tokenizer.encode("a b")
    tokenizer.decoder_tokenizer = tokenizer
    assert tokenizer.decoder_tokenizer is None
    with pytest.raises(TypeError, match="must be a tokenizer or None"):
        tokenizer.decoder_tokenizer = "gpt2"


def test_the_decoders_tokenizer_is_saved_loaded_copied_and_pickled(tmp_path, caplog):
    tokenizer = two()
    paths = [Path(path) for path in tokenizer.save_pretrained(tmp_path / "a")]
    inner = tmp_path / "a" / "decoder_tokenizer"
    assert {p.name for p in paths if p.parent == inner} >= {
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
    }
    loaded = AutoTokenizer.from_pretrained(tmp_path / "a")
    again = BertTokenizer.from_pretrained(tmp_path, subfolder="a")
    for one in (loaded, again, copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert type(one) is BertTokenizer
        assert type(one.decoder_tokenizer) is GPT2Tokenizer
        assert one.decoder_tokenizer is not tokenizer.decoder_tokenizer
        assert one("The house", text_target="The house") == tokenizer("The house", text_target="The house")
        assert one.decoder_tokenizer.pad_token == "<pad>"
        assert one.decoder_tokenizer.decoder_tokenizer is None
    assert type(AutoTokenizer.from_pretrained(tmp_path / "a", subfolder="decoder_tokenizer")) is GPT2Tokenizer
    loaded.decoder_tokenizer = None
    loaded.save_pretrained(tmp_path / "a")
    assert "earlier save" in caplog.text


def test_folders_within_folders_are_read_once(tmp_path):
    place = tmp_path / "a"
    for _ in range(4):
        folder(place, "vocab.txt", tokenizer_config=named("BertTokenizer"))
        place = place / "decoder_tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert tokenizer.decoder_tokenizer.decoder_tokenizer is None


# --- from the Hub ----------------------------------------------------------------------------------
def test_both_tokenizers_by_hub_id_and_offline(hub, monkeypatch):
    tokenizer = two()
    tokenizer.push_to_hub("owner/two", token="hf_owner")
    assert "decoder_tokenizer/merges.txt" in hub.files("owner/two")
    hub.add("owner/two", {"vocab.txt": FILES["vocab.txt"].read_bytes()}, branch="one")
    loaded = AutoTokenizer.from_pretrained("owner/two", model_max_length=9)
    assert type(loaded.decoder_tokenizer) is GPT2Tokenizer
    assert loaded("a", text_target="The house") == tokenizer("a", text_target="The house")
    assert loaded.model_max_length == 9
    assert AutoTokenizer.from_pretrained("owner/two", revision="one").decoder_tokenizer is None
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    asked = len(hub.log)
    again = AutoTokenizer.from_pretrained("owner/two", local_files_only=True)
    assert again("a", text_target="The house") == tokenizer("a", text_target="The house")
    assert len(hub.log) == asked


def test_tokens_and_refusals_of_the_hub(hub):
    hub.add("owner/empty", {"README.md": b"nothing here"})
    with pytest.raises(OSError, match="'owner/empty' holds no vocabulary; needed is spiece"):
        AutoTokenizer.from_pretrained("owner/empty")
    hub.add("owner/hidden", {"vocab.txt": FILES["vocab.txt"].read_bytes()}, private=True)
    with pytest.raises(OSError, match="token="):
        AutoTokenizer.from_pretrained("owner/hidden")
    with pytest.warns(FutureWarning, match="use token="):
        assert AutoTokenizer.from_pretrained("owner/hidden", use_auth_token="hf_owner").vocab_size == 500
