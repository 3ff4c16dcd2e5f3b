"""BERT, RoBERTa and GPT-2 tokenizers: streams, words, copies, files, and files that cannot be used."""

from __future__ import annotations

import copy
import json
import pickle
import random
from pathlib import Path

import pytest

from bertgen import BertTokenizer, GPT2Tokenizer, RobertaTokenizer
from bertgen.tokenizers import PreTrainedTokenizer, StreamDecoder, VocabularyError, vocabulary, word_groups

GOLDEN = Path(__file__).parents[2] / "golden" / "family_tokenizer"
VOCAB = GOLDEN / "bert" / "vocab.txt"
BYTES = GOLDEN / "bytes" / "vocab.json", GOLDEN / "bytes" / "merges.txt"
KINDS = ["bert", "bert_cased", "roberta", "gpt2", "odd_bert", "odd_bytes"]
TEXT = "The sofa wasn't red[SEP]</s> 😀 naïve\n<mask> 3.5 日本 e\u0301"


def make(kind: str, **kwargs) -> PreTrainedTokenizer:
    match kind:
        case "bert":
            return BertTokenizer(VOCAB, **kwargs)
        case "bert_cased":
            return BertTokenizer(VOCAB, do_lower_case=False, **kwargs)
        case "odd_bert":
            return BertTokenizer(GOLDEN / kind / "vocab.txt", unk_token="[X]", **kwargs)
        case "odd_bytes":
            files = GOLDEN / kind / "vocab.json", GOLDEN / kind / "merges.txt"
            return GPT2Tokenizer(*files, unk_token="</s>", **kwargs)
    return {"roberta": RobertaTokenizer, "gpt2": GPT2Tokenizer}[kind](*BYTES, **kwargs)


def with_added(tokenizer: PreTrainedTokenizer) -> PreTrainedTokenizer:
    tokenizer.add_tokens(["foo", "bar.", " '", " ##x", "é"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>", "😀 y"]})
    return tokenizer


def streamed(tokenizer: PreTrainedTokenizer, ids: list[int], **kwargs) -> list[str]:
    stream = StreamDecoder(tokenizer, **kwargs)
    return [*(stream.put(i) for i in ids), stream.end()]


# --- stream = decode --------------------------------------------------------------------------
IGNORING = {"errors": "ignore"}


@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in KINDS), ("gpt2", IGNORING), ("odd_bytes", IGNORING)]
)
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_stream_joined_is_decode_on_random_ids(kind, options, clean, skip):
    tokenizer = with_added(make(kind, clean_up_tokenization_spaces=clean, **options))
    known = sorted(tokenizer.get_vocab().values())
    odd = list(tokenizer.added_tokens_decoder)
    short = [i for t, i in tokenizer.get_vocab().items() if len(t.removeprefix("##")) <= 1]
    rng = random.Random(0)
    for _ in range(1000):
        ids = [rng.choice(rng.choice((known, odd, short, short))) for _ in range(rng.randint(0, 16))]
        if rng.random() < 0.3:
            ids += tokenizer.encode(rng.choice(["é", "€", "😀", "\n  ", "a . 's '", TEXT]))
        texts = streamed(tokenizer, ids, skip_special_tokens=skip)
        assert "".join(texts) == tokenizer.decode(ids, skip_special_tokens=skip), ids


def test_byte_level_stream_holds_a_character_until_it_is_whole():
    tokenizer = make("gpt2", clean_up_tokenization_spaces=False)
    ids = tokenizer.convert_tokens_to_ids(["s", "Ġ", "ð", "Ł", "ĺ", "Ģ", "Ġ", "Ã", "s", "â"])
    assert streamed(tokenizer, ids) == ["s", " ", "", "", "", "😀", " ", "", "\ufffds", "", "\ufffd"]


def test_wordpiece_stream_glues_continuations_at_once():
    tokenizer = make("bert", clean_up_tokenization_spaces=False)
    pieces = ["[CLS]", "s", "##o", "##f", "##a", "a", "[SEP]"]
    ids = tokenizer.convert_tokens_to_ids(pieces)
    assert streamed(tokenizer, ids) == ["", "s", "o", "f", "a", " a", "", ""]
    assert "".join(streamed(tokenizer, ids, skip_special_tokens=False)) == "[CLS] sofa a [SEP]"


# --- words ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "pieces", "words"),
    [
        ("bert", ["[CLS]", "s", "##o", ".", "a", "[SEP]"], [0, 1, 1, 2, 3, 4]),
        ("bert", ["##o", "##f", "a"], [0, 0, 1]),
        ("gpt2", ["s", "o", "Ġs", "o", ".", "Ġa"], [0, 0, 1, 1, 2, 3]),
        ("gpt2", ["Ġ", "ð", "Ł", "ĺ", "Ģ", "Ġ", "a"], [0, 0, 0, 0, 0, 1, 1]),
        ("gpt2", ["a", "Ċ", "b", "'", "t", "Ġ1", ".", "5"], [0, 1, 1, 1, 1, 2, 2, 2]),
        ("roberta", ["<s>", "s", "Ã", "©", "(", "s", ")", ".", "</s>"], [0, 1, 1, 1, 2, 3, 4, 4, 5]),
    ],
)
def test_word_groups(kind, pieces, words):
    tokenizer = make(kind)
    ids = tokenizer.convert_tokens_to_ids(pieces)
    assert tokenizer.convert_ids_to_tokens(ids) == pieces, "the test must use pieces of the vocabulary"
    assert word_groups(tokenizer, ids) == words


# --- copies and files -------------------------------------------------------------------------
def same(one: PreTrainedTokenizer, other: PreTrainedTokenizer) -> None:
    ids = one.encode(TEXT)
    assert type(one) is type(other)
    assert ids == other.encode(TEXT)
    assert one(TEXT, "b") == other(TEXT, "b")
    assert one.decode(ids) == other.decode(ids)
    assert one.get_vocab() == other.get_vocab()
    assert one.special_tokens_map == other.special_tokens_map
    assert one.init_kwargs.keys() - other.init_kwargs.keys() <= {"name_or_path"}


@pytest.mark.parametrize("kind", KINDS[:4])
def test_save_and_load_pickle_and_deepcopy(kind, tmp_path):
    tokenizer = with_added(make(kind, model_max_length=64, clean_up_tokenization_spaces=False))
    same(tokenizer, pickle.loads(pickle.dumps(tokenizer)))
    same(tokenizer, copy.deepcopy(tokenizer))
    tokenizer.save_pretrained(tmp_path / "a")
    loaded = type(tokenizer).from_pretrained(tmp_path / "a")
    same(tokenizer, loaded)
    loaded.save_pretrained(tmp_path / "b")
    names = {path.name for path in (tmp_path / "a").iterdir()}
    for name in names - {"special_tokens_map.json"}:  # which gets the tokens' full form, as in the reference
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_copies_do_not_need_the_files(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(VOCAB.read_bytes())
    tokenizer = BertTokenizer.from_pretrained(path)
    path.unlink()
    same(tokenizer, pickle.loads(pickle.dumps(tokenizer)))
    (written,) = tokenizer.save_vocabulary(tmp_path, "again")
    same(tokenizer, BertTokenizer(written))
    assert Path(written).read_bytes() == VOCAB.read_bytes()


def test_tokenizer_json_settles_what_the_arguments_leave_open():
    path = GOLDEN / "bert_fast.tokenizer.json"
    assert not BertTokenizer(tokenizer_file=path).do_lower_case
    assert BertTokenizer(tokenizer_file=path, do_lower_case=True).do_lower_case
    path = GOLDEN / "roberta_fast.tokenizer.json"
    assert RobertaTokenizer(tokenizer_file=path).add_prefix_space
    assert not RobertaTokenizer(tokenizer_file=path, add_prefix_space=False).add_prefix_space


# --- where ours is kinder than the reference -----------------------------------------------------
def test_an_unknown_token_outside_the_vocabulary_still_has_its_id():
    tokenizer = make("bert", unk_token="[NONE]")
    assert tokenizer.encode("☃")[1] == tokenizer.unk_token_id == tokenizer.vocab_size
    tokenizer = make("gpt2", unk_token="<none>")
    assert tokenizer.convert_tokens_to_ids(["no such token"]) == [tokenizer.vocab_size]


def test_pieces_outside_the_byte_alphabet_are_text():
    assert make("gpt2").convert_tokens_to_string(["▁a", "Ã", "©"]) == "▁aé"


def test_ids_outside_the_vocabulary():
    assert make("bert").decode([-100, 10**6]) == "[UNK] [UNK]"
    tokenizer = make("gpt2")
    assert tokenizer.convert_ids_to_tokens([10**6, 5]) == [None, tokenizer.convert_ids_to_tokens(5)]
    for error in (TypeError, IndexError):  # the reference's type, and the one of the other tokenizers here
        with pytest.raises(error, match="outside the vocabulary"):
            tokenizer.decode([10**6])
        with pytest.raises(error, match="outside the vocabulary"):
            StreamDecoder(tokenizer).put(10**6)


def test_strict_errors_are_raised_when_decoding_and_streaming():
    tokenizer = make("roberta", errors="strict")
    ids = tokenizer.convert_tokens_to_ids(["Ã", "s"])
    with pytest.raises(UnicodeDecodeError):
        tokenizer.decode(ids)
    with pytest.raises(UnicodeDecodeError):
        streamed(tokenizer, ids)


def test_lone_surrogates():
    assert "\ud800" not in make("bert").decode(make("bert").encode("a\ud800b"))
    with pytest.raises(UnicodeEncodeError):
        make("gpt2").encode("a\ud800b")


# --- files that cannot be used -------------------------------------------------------------------
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
FINE = json.dumps({"a": 0, "b": 1})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00a", "not UTF-8"),
        (b"", "is empty"),
        (LFS.encode(), "git lfs pull"),
    ],
)
def test_bad_vocab_txt(content, words, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    for load in (BertTokenizer, BertTokenizer.from_pretrained):
        with pytest.raises(VocabularyError, match=words):
            load(path)


@pytest.mark.parametrize(
    ("vocab", "merges", "words"),
    [
        ("{", "", "not valid JSON"),
        ("[" * 100_000, "", "not valid JSON"),
        ("[1]", "", "not a JSON object"),
        ("{}", "", "holds no vocabulary"),
        ('{"a": "b"}', "", "an id is a whole number"),
        ('{"a": -1}', "", "an id is a whole number"),
        ('{"a": 1e400}', "", "an id is a whole number"),
        ('{"a": true}', "", "an id is a whole number"),
        (FINE, "a b c\n", "no pair of pieces"),
        (FINE, "a\n", "no pair of pieces"),
        (FINE, LFS, "git lfs pull"),
    ],
)
def test_bad_vocab_json_and_merges(vocab, merges, words, tmp_path):
    (tmp_path / "vocab.json").write_text(vocab)
    (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(VocabularyError, match=words):
        GPT2Tokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": None}, "no 'model'"),
        ({"model": {"type": "Unigram", "vocab": []}}, "is a Unigram tokenizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "cuts text by"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}}, "cuts text by"),
    ],
)
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_tokenizer_json_of_other_kinds(kind, change, words, tmp_path):
    data = json.loads((GOLDEN / f"{kind}_fast.tokenizer.json").read_text(encoding="utf-8"))
    (tmp_path / "tokenizer.json").write_text(json.dumps(data | change))
    with pytest.raises(VocabularyError, match=words):
        type(make(kind)).from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("tokenizer_config", [1], "not a JSON object"),
        ("tokenizer_config", {"added_tokens_decoder": [1]}, "must be a dict of id: token"),
        ("tokenizer_config", {"added_tokens_decoder": {"x": {"content": "a"}}}, "has the id 'x'"),
        ("tokenizer_config", {"added_tokens_decoder": {"5": {"lstrip": True}}}, "a text 'content'"),
        ("tokenizer_config", {"added_tokens_decoder": {"5": "a"}}, "a text 'content'"),
        ("tokenizer_config", {"model_max_length": "many"}, "must be a number"),
        ("tokenizer_config", {"padding_side": "up"}, "padding_side must be"),
        ("added_tokens", {"a": "b"}, "an id is a whole number"),
        ("special_tokens_map", "x", "not a JSON object"),
    ],
)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_bad_files_beside_the_vocabulary(kind, file, content, words, tmp_path):
    make(kind).save_vocabulary(tmp_path)
    (tmp_path / f"{file}.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words):
        type(make(kind)).from_pretrained(tmp_path)


def test_a_checkpoint_names_no_files_outside_itself(tmp_path):
    make("bert").save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    outside = {"vocab_file": str(GOLDEN / "odd_bert" / "vocab.txt"), "tokenizer_file": "/no/where"}
    path.write_text(json.dumps(json.loads(path.read_text()) | outside | {"init_inputs": ["x"]}))
    same(make("bert"), BertTokenizer.from_pretrained(tmp_path))
    mine = BertTokenizer.from_pretrained(tmp_path, vocab_file=outside["vocab_file"])  # the caller's word
    assert mine.vocab_size == 15


def test_missing_and_oversized_files(tmp_path, monkeypatch):
    for error in (FileNotFoundError, ValueError):  # the reference has one for BERT, one for the others
        with pytest.raises(error, match="no vocabulary file at"):
            BertTokenizer(tmp_path / "vocab.txt")
        with pytest.raises(error, match="no vocabulary file at"):
            RobertaTokenizer(*BYTES[:1], tmp_path / "merges.txt")
    with pytest.raises(VocabularyError, match="needs vocab_file="):
        BertTokenizer()
    with pytest.raises(VocabularyError, match="needs vocab_file= and merges_file="):
        GPT2Tokenizer(BYTES[0])
    with pytest.raises(VocabularyError, match="try BertTokenizer"):
        GPT2Tokenizer(tokenizer_file=GOLDEN / "bert_fast.tokenizer.json")
    with pytest.raises(VocabularyError, match="try GPT2Tokenizer"):
        BertTokenizer(tokenizer_file=GOLDEN / "gpt2_fast.tokenizer.json")
    with pytest.raises(ValueError, match="give the folder"):
        GPT2Tokenizer.from_pretrained(BYTES[0])
    monkeypatch.setattr(vocabulary, "LARGEST_FILE", 100)
    with pytest.raises(VocabularyError, match="Is it a weights file"):
        BertTokenizer(VOCAB)


def test_vocabularies_that_plain_files_cannot_keep(tmp_path, caplog):
    data = json.loads((GOLDEN / "bert_fast.tokenizer.json").read_text(encoding="utf-8"))
    data["model"]["vocab"]["a\nb"] = 10**6
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="holds a line break"):
        BertTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path / "saved")
    data["model"]["vocab"]["ab"] = data["model"]["vocab"].pop("a\nb")
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    BertTokenizer.from_pretrained(tmp_path).save_vocabulary(tmp_path)
    assert "gaps" in caplog.text
    data = json.loads((GOLDEN / "gpt2_fast.tokenizer.json").read_text(encoding="utf-8"))
    data["model"]["merges"] = [["a", "b c"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="holds white space"):
        GPT2Tokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path / "saved")
    assert make("gpt2").save_vocabulary(tmp_path / "none") is None
