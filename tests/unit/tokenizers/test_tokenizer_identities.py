"""The tokenizer's identities: decoding in a stream, words, copies, files."""

from __future__ import annotations

import copy
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
import torch

from bertgen.tokenizers import AddedToken, BatchEncoding, BertGenerationTokenizer, StreamDecoder, word_groups

GOLDEN = Path(__file__).parents[2] / "golden" / "tokenizer"
TEXT = "The sofa wasn't red</s> 😀 naïve <::::> 3.5"


def make(model: str = "bytes", **kwargs) -> BertGenerationTokenizer:
    return BertGenerationTokenizer(str(GOLDEN / f"{model}.model"), **kwargs)


def with_added(tokenizer: BertGenerationTokenizer) -> BertGenerationTokenizer:
    tokenizer.add_tokens(["foo", "bar.", " '"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    return tokenizer


def streamed(tokenizer, ids, **kwargs) -> list[str]:
    stream = StreamDecoder(tokenizer, **kwargs)
    return [*(stream.put(i) for i in ids), stream.end()]


# --- stream = decode --------------------------------------------------------------------------
@pytest.mark.parametrize("model", ["bytes", "plain"])
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_stream_joined_is_decode_on_random_ids(model, clean, skip):
    # "[UNK]" leaves the model's own <unk> piece an ordinary one in half of the cases.
    unknown = "[UNK]" if clean else "<unk>"
    tokenizer = with_added(make(model, clean_up_tokenization_spaces=clean, unk_token=unknown))
    model = tokenizer.sp_model
    rng = random.Random(0)
    every = range(len(tokenizer))
    odd = [model.piece_to_id(p) for p in ("▁", ".", "'", "n", "t", "s", "?")] + list(
        tokenizer.added_tokens_decoder
    )
    pieces = [i for i in range(tokenizer.vocab_size) if model.is_byte(i)] or list(every)
    for _ in range(1500):
        ids = [rng.choice(rng.choice((every, odd, pieces))) for _ in range(rng.randint(0, 14))]
        if rng.random() < 0.3:
            ids += tokenizer.encode(rng.choice(["é", "€", "😀", "\x00", "a . 's '"]))
        assert "".join(streamed(tokenizer, ids, skip_special_tokens=skip)) == tokenizer.decode(
            ids, skip_special_tokens=skip
        ), tokenizer.convert_ids_to_tokens(ids)


def test_stream_holds_a_character_until_it_is_whole():
    tokenizer = make(clean_up_tokenization_spaces=False)
    pieces = ["▁s", "o", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "f"]
    ids = tokenizer.convert_tokens_to_ids(pieces)
    assert streamed(tokenizer, ids) == ["s", "o", "", "", "", "😀", "f", ""]


def test_stream_yields_replacement_characters_for_broken_bytes_as_soon_as_they_are_certain():
    tokenizer = make(clean_up_tokenization_spaces=False)
    ids = tokenizer.convert_tokens_to_ids(["<0x80>", "<0xE2>", "<0x82>", "s", "<0xE2>", "</s>"])
    texts = streamed(tokenizer, ids)
    assert texts == ["\ufffd", "", "", "\ufffd\ufffds", "", "", "\ufffd"]
    assert "".join(texts) == tokenizer.decode(ids, skip_special_tokens=True)


def test_stream_holds_trailing_space_since_decode_strips_it():
    tokenizer = make(clean_up_tokenization_spaces=False)
    ids = tokenizer.convert_tokens_to_ids(["▁", "▁s", "▁", "▁", "a", "▁"])
    assert streamed(tokenizer, ids) == ["", "s", "", "", "  a", "", ""]


def test_stream_refuses_ids_outside_and_use_after_the_end():
    stream = StreamDecoder(make())
    with pytest.raises(IndexError, match="outside the vocabulary"):
        stream.put(10**6)
    stream.end()
    with pytest.raises(RuntimeError, match="ended"):
        stream.put(5)


# --- words ------------------------------------------------------------------------------------
def grouped(pieces: list[str]) -> list[str]:
    tokenizer = make()
    ids = tokenizer.convert_tokens_to_ids(pieces)
    assert tokenizer.unk_token_id not in ids, "the test must use pieces of the vocabulary"
    words: dict[int, str] = {}
    for piece, word in zip(pieces, word_groups(tokenizer, ids), strict=True):
        words[word] = words.get(word, "") + piece
    assert list(words) == list(range(len(words)))
    return list(words.values())


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["▁s", "o", "f", "a", "."], ["▁sofa", "."]),
        (["▁s", "o", "▁", "f", "a"], ["▁so", "▁fa"]),
        (["s", "o", "!", "?", "a"], ["so", "!?", "a"]),
        (["▁d", "o", "n", "'", "t", "'"], ["▁don't", "'"]),
        (["▁", "'", "t"], ["▁'", "t"]),
        (["▁1", ".", "5", ".", "▁1"], ["▁1.5", ".", "▁1"]),
        (["▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "a"], ["▁<0xF0><0x9F><0x98><0x80>a"]),
        (["</s>", "s", "</s>", "</s>", "<0xF0>"], ["</s>", "s", "</s>", "</s>", "<0xF0>"]),
        ([], []),
    ],
)
def test_word_groups(pieces, words):
    assert grouped(pieces) == words


# --- copies and files -------------------------------------------------------------------------
def same(one: BertGenerationTokenizer, other: BertGenerationTokenizer) -> None:
    assert one.encode(TEXT) == other.encode(TEXT)
    assert one.decode(one.encode(TEXT)) == other.decode(one.encode(TEXT))
    assert one.get_vocab() == other.get_vocab()
    assert one.special_tokens_map == other.special_tokens_map
    assert one.model_max_length == other.model_max_length
    assert one.clean_up_tokenization_spaces == other.clean_up_tokenization_spaces


@pytest.mark.parametrize("model", ["bytes", "plain"])
def test_save_and_load_round_trip(model, tmp_path):
    tokenizer = with_added(make(model, model_max_length=64, clean_up_tokenization_spaces=False))
    tokenizer.save_pretrained(tmp_path / "a")
    loaded = BertGenerationTokenizer.from_pretrained(tmp_path / "a")
    same(tokenizer, loaded)
    loaded.save_pretrained(tmp_path / "b")
    same(tokenizer, BertGenerationTokenizer.from_pretrained(tmp_path / "b"))
    one = (tmp_path / "a" / "tokenizer_config.json").read_text(encoding="utf-8")
    assert one == (tmp_path / "b" / "tokenizer_config.json").read_text(encoding="utf-8")
    overridden = BertGenerationTokenizer.from_pretrained(tmp_path / "a", model_max_length=7, pad_token="<s>")
    assert (overridden.model_max_length, overridden.pad_token_id) == (7, tokenizer.bos_token_id)


def test_pickle_and_deepcopy_with_and_without_the_file(tmp_path):
    path = tmp_path / "spiece.model"
    path.write_bytes((GOLDEN / "bytes.model").read_bytes())
    tokenizer = with_added(BertGenerationTokenizer(str(path), sp_model_kwargs={"enable_sampling": False}))
    same(tokenizer, pickle.loads(pickle.dumps(tokenizer)))
    same(tokenizer, copy.deepcopy(tokenizer))
    path.unlink()
    restored = pickle.loads(pickle.dumps(tokenizer))
    same(tokenizer, restored)
    assert restored.sp_model_kwargs == {"enable_sampling": False}
    (written,) = restored.save_vocabulary(str(tmp_path), "again")
    same(tokenizer, with_added(BertGenerationTokenizer(written)))


SAMPLING = {"enable_sampling": True, "nbest_size": -1, "alpha": 0.1}
SENTENCE = "The house likes the garden"


@pytest.mark.parametrize("model", ["bytes", "plain"])  # unigram: other segmentations; BPE: merges dropped
@pytest.mark.parametrize("options", [SAMPLING, {**SAMPLING, "nbest_size": 8, "alpha": 0.3}])
def test_sampling_happens_and_survives_copies_and_files(model, options, tmp_path):
    tokenizer = make(model, sp_model_kwargs=options)
    tokenizer.save_pretrained(tmp_path)
    loaded = BertGenerationTokenizer.from_pretrained(tmp_path)
    for one in (tokenizer, pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer), loaded):
        assert one.sp_model_kwargs == options
        cuts = {tuple(one.encode(SENTENCE)) for _ in range(60)}
        assert len(cuts) > 2
        assert {one.decode(cut) for cut in cuts} == {SENTENCE}
        assert len(cuts) <= 8 or options["nbest_size"] == -1 or model == "plain"


@pytest.mark.parametrize("model", ["bytes", "plain"])
def test_seeded_sampling_is_sentencepieces_own(model):
    """The reference calls sp_model.encode(text, out_type=str), one call a run of text."""
    tokenizer = make(model, sp_model_kwargs=SAMPLING)
    processor = sentencepiece.SentencePieceProcessor(**SAMPLING)
    processor.Load(str(GOLDEN / f"{model}.model"))
    drawn = []
    for draw in (tokenizer.tokenize, lambda text: processor.encode(text, out_type=str)):
        sentencepiece.set_random_generator_seed(5)
        drawn.append([draw(SENTENCE) for _ in range(20)])
    assert drawn[0] == drawn[1]
    assert len(set(map(tuple, drawn[0]))) > 2


@pytest.mark.parametrize("model", ["bytes", "plain"])
@pytest.mark.parametrize("size", [0, 1])
def test_nbest_size_of_0_or_1_is_no_sampling(model, size):
    plain = make(model)
    for one in (
        make(model, sp_model_kwargs={**SAMPLING, "nbest_size": size}),
        pickle.loads(pickle.dumps(make(model, sp_model_kwargs={**SAMPLING, "nbest_size": size}))),
        make(model, sp_model_kwargs={**SAMPLING, "enable_sampling": False}),
    ):
        assert {tuple(one.encode(SENTENCE)) for _ in range(20)} == {tuple(plain.encode(SENTENCE))}


def test_a_single_file_loads_and_a_bad_one_says_why(tmp_path):
    same(make(), BertGenerationTokenizer.from_pretrained(GOLDEN / "bytes.model"))
    (tmp_path / "spiece.model").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(RuntimeError, match="git lfs pull"):
        BertGenerationTokenizer.from_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(OSError, match="not valid JSON"):
        BertGenerationTokenizer.from_pretrained(tmp_path)
    with pytest.raises(OSError, match="no SentencePiece model at"):
        BertGenerationTokenizer(str(tmp_path / "none.model"))
    with pytest.raises(NotADirectoryError, match="needs a folder"):
        make().save_pretrained(tmp_path / "spiece.model")


def test_save_vocabulary_wants_a_folder(tmp_path, caplog):
    assert make().save_vocabulary(str(tmp_path / "none")) is None
    assert "not a folder" in caplog.text


def test_loading_a_folder_leaves_the_hub_alone(tmp_path):
    make().save_pretrained(tmp_path)
    code = (
        "import sys; from bertgen.tokenizers import BertGenerationTokenizer as T; "
        f"T.from_pretrained({str(tmp_path)!r})('x'); assert 'huggingface_hub' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


# --- added tokens and encodings ----------------------------------------------------------------
def test_setting_special_tokens():
    tokenizer = make()
    tokenizer.pad_token = "</s>"
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    tokenizer.sep_token_id = 5
    assert tokenizer.sep_token == tokenizer.convert_ids_to_tokens(5)
    tokenizer.pad_token = None
    assert tokenizer.pad_token_id is None
    with pytest.raises(ValueError, match="needs a pad token"):
        tokenizer(["a", "b c"], padding=True)
    with pytest.raises(ValueError, match="bos_token must be"):
        tokenizer.bos_token = 5
    with pytest.raises(TypeError, match="eos_token must be"):
        make(eos_token=5)
    with pytest.raises(ValueError, match="padding_side"):
        make(padding_side="up")
    tokenizer = make()
    tokenizer.padding_side = "middle"  # as late as that
    with pytest.raises(ValueError, match="padding_side"):
        tokenizer(["a", "a b c d"], padding=True)


def test_added_tokens_count_and_extend_the_vocabulary():
    tokenizer = make()
    before = len(tokenizer)
    assert tokenizer.add_tokens(["new", AddedToken("newer"), "new", "▁s"]) == 2
    assert len(tokenizer) == before + 2
    assert tokenizer.vocab_size == before
    assert tokenizer.convert_tokens_to_ids("newer") == before + 1
    assert AddedToken("a") == AddedToken("a", lstrip=True) != AddedToken("b")
    assert tokenizer.add_tokens([]) == tokenizer.add_special_tokens({}) == 0


def test_batch_encoding_is_a_dict_with_attributes():
    encoding = make()(["a", "b c"], padding=True, return_tensors="pt")
    assert encoding.input_ids is encoding["input_ids"]
    assert dict(**encoding).keys() == {"input_ids", "attention_mask"}
    assert encoding[:1]["input_ids"].shape[0] == 1
    assert encoding.to("cpu") is encoding
    restored = pickle.loads(pickle.dumps(encoding))
    assert isinstance(restored, BatchEncoding)
    assert torch.equal(restored.input_ids, encoding.input_ids)
    with pytest.raises(AttributeError, match="no 'labels'"):
        _ = encoding.labels
    with pytest.raises(KeyError):
        _ = encoding[0]
    with pytest.raises(ValueError, match="padding=True"):
        make()(["a", "b c"], return_tensors="pt")
    with pytest.raises(ImportError, match='"pt"'):
        make()("a", return_tensors="tf")


def test_empty_text_gives_integer_tensors():
    assert make()("", return_tensors="pt").input_ids.dtype == torch.int64
    assert make()("", return_tensors="np").input_ids.shape == (1, 0)


def test_pad_leaves_its_argument_alone_and_collates_tensors():
    tokenizer = make()
    rows = [{"input_ids": torch.tensor([5, 6])}, {"input_ids": torch.tensor([7])}]
    batch = tokenizer.pad(rows)
    assert batch.input_ids.tolist() == [[5, 6], [7, tokenizer.pad_token_id]]
    assert batch.attention_mask.tolist() == [[1, 1], [1, 0]]
    assert set(rows[1]) == {"input_ids"}


def test_decode_takes_tensors_and_one_id():
    tokenizer = make()
    ids = tokenizer("The sofa", return_tensors="pt").input_ids
    assert tokenizer.decode(ids[0]) == tokenizer.batch_decode(ids)[0] == "The sofa"
    assert tokenizer.decode(tokenizer.eos_token_id) == "</s>"
    assert tokenizer.decode(torch.tensor(tokenizer.eos_token_id), skip_special_tokens=True) == ""


def test_loading_says_when_the_folder_is_another_class(tmp_path, caplog):
    make().save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tokenizer_class": "T5Tokenizer"}))
    BertGenerationTokenizer.from_pretrained(tmp_path)
    assert "saved by T5Tokenizer" in caplog.text
