"""Reading vocabulary files: vocab.txt, vocab.json with merges.txt, and tokenizer.json."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from bertgen.tokenizers.reference.exceptions import MissingVocabulary, VocabularyError

CONFIG_FILE = "tokenizer_config.json"
FAST_FILE = "tokenizer.json"
LARGEST_FILE = 128 * 1024**2  # bytes; the largest vocabularies in use are near 35 MB
# Types of model in a tokenizer.json.
WORD_PIECE, BYTE_LEVEL_BPE = "WordPiece", "BPE"


@dataclass(frozen=True)
class TokenizerJson:
    """What our tokenizers take from a tokenizer.json.

    `options` are the constructor arguments that the file settles (lower-casing, ...).
    """

    kind: str  # WORD_PIECE or BYTE_LEVEL_BPE
    vocab: dict[str, int]
    merges: list[tuple[str, str]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    template: str = ""  # type of the post-processor


def read_text(path: str | os.PathLike) -> str:
    """The text of a vocabulary file.

    Raises:
        VocabularyError: no such file, larger than any vocabulary, or not UTF-8 text.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MissingVocabulary("vocabulary.missing", path=path)
    size = os.path.getsize(path)
    if size > LARGEST_FILE:
        raise VocabularyError("vocabulary.too_large", path=path, size=size, largest=LARGEST_FILE)
    with open(path, encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise VocabularyError("vocabulary.no_text", path=path, said=error.reason) from error
    if text.startswith("version https://git-lfs"):
        raise VocabularyError("vocabulary.lfs_pointer", path=path)
    return text


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """A JSON object from a file; `VocabularyError` when it holds none."""
    text = read_text(path)
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise VocabularyError("vocabulary.bad_json", path=os.fspath(path), said=str(error)) from error
    if not isinstance(data, dict):
        raise VocabularyError("vocabulary.no_object", path=os.fspath(path), kind=type(data).__name__)
    return data


def read_vocab_txt(path: str | os.PathLike) -> dict[str, int]:
    """Token -> id of a vocab.txt: one token a line, its id is the line's number from 0.

    A token that stands there twice has its last id, as in the reference.
    """
    # Not `splitlines`: it would also cut at characters that a token may hold, such as U+2028.
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise VocabularyError("vocabulary.empty", path=os.fspath(path))
    return {token: index for index, token in enumerate(lines)}


def read_vocab_json(path: str | os.PathLike) -> dict[str, int]:
    """Token -> id of a vocab.json."""
    return check_vocab(read_json(path), os.fspath(path))


def check_vocab(vocab: Any, path: str) -> dict[str, int]:
    """The vocabulary itself when it maps texts to ids; else `VocabularyError`."""
    if not isinstance(vocab, dict) or not vocab:
        raise VocabularyError("vocabulary.none", path=path)
    return check_ids(vocab, path)


def check_ids(vocab: dict[str, Any], path: str) -> dict[str, int]:
    """The same tokens and ids; `VocabularyError` when an id is none."""
    for token, index in vocab.items():
        # True is an int in Python, too, but not an id.
        if type(index) is not int or not 0 <= index < 2**31:
            raise VocabularyError("vocabulary.bad_id", path=path, token=token, got=repr(index))
    return vocab


def read_merges(path: str | os.PathLike) -> list[tuple[str, str]]:
    """The merges of a merges.txt, best first; a `#version` line at the top is left out."""
    lines = read_text(path).split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    if lines and not lines[-1]:
        lines.pop()
    return [_pair(line.split(), os.fspath(path), number) for number, line in enumerate(lines, 1)]


def _pair(parts: Any, path: str, number: int) -> tuple[str, str]:
    """A merge as a pair of pieces, neither of them empty; `number` counts the merges of the file from 1."""
    is_pair = isinstance(parts, (list, tuple)) and len(parts) == 2
    if not is_pair or not all(isinstance(part, str) and part for part in parts):
        raise VocabularyError("vocabulary.bad_merge", path=path, number=number, got=repr(parts))
    return parts[0], parts[1]


def read_tokenizer_json(path: str | os.PathLike) -> TokenizerJson:
    """The parts of a tokenizer.json that WordPiece (BERT) and byte-level BPE (GPT-2, RoBERTa) need.

    Raises:
        VocabularyError: another kind of tokenizer, with what it is.
    """
    name = os.fspath(path)
    data = read_json(path)
    model = data.get("model")
    if not isinstance(model, dict):
        raise VocabularyError("vocabulary.no_model", path=name)
    # 1) The kind. Files of the first years do not name it, but only BPE has merges.
    kind = model.get("type")
    if not kind and "merges" in model:
        kind = BYTE_LEVEL_BPE
    elif not kind:
        kind = WORD_PIECE
    if kind not in (WORD_PIECE, BYTE_LEVEL_BPE):
        raise VocabularyError("vocabulary.other_kind", path=name, kind=str(kind))
    # 2) The vocabulary, and the options that the text is cut by.
    vocab = check_vocab(model.get("vocab"), name)
    if kind == WORD_PIECE:
        return TokenizerJson(kind, vocab, options=_wordpiece_options(data, model, name))
    # 3) The merges: "first second" in older files, ["first", "second"] in newer ones.
    merges = []
    for number, merge in enumerate(model.get("merges") or [], 1):
        if isinstance(merge, str):
            merge = merge.split(" ")
        merges.append(_pair(merge, name, number))
    options = _byte_level_options(data, model, name)
    template = _part(data, "post_processor").get("type") or ""
    return TokenizerJson(kind, vocab, merges, options, template)


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    if isinstance(part, dict):
        return part
    return {}


def _steps(part: dict[str, Any], inner: str) -> list[dict[str, Any]]:
    """The steps of a pipeline part: itself, or those of a Sequence."""
    steps = [part]
    if part.get("type") == "Sequence":
        steps = part.get(inner) or []
    return [step for step in steps if step and isinstance(step, dict)]


def _wordpiece_options(data: dict[str, Any], model: dict[str, Any], name: str) -> dict[str, Any]:
    """The arguments of `BertTokenizer` that the file settles; other ways to cut a text are refused."""
    normalizers = _steps(_part(data, "normalizer"), "normalizers")
    splitters = [step.get("type") for step in _steps(_part(data, "pre_tokenizer"), "pretokenizers")]
    types = [step.get("type") for step in normalizers]
    if types != ["BertNormalizer"] or splitters != ["BertPreTokenizer"]:
        raise VocabularyError("vocabulary.other_cuts", path=name, parts=repr(types + splitters))
    if model.get("continuing_subword_prefix", "##") != "##":
        raise VocabularyError(
            "vocabulary.other_prefix", path=name, got=repr(model["continuing_subword_prefix"])
        )
    # What a file of this library leaves out is on.
    normal = normalizers[0]
    return {
        "do_lower_case": bool(normal.get("lowercase", True)),
        "strip_accents": normal.get("strip_accents"),
        "tokenize_chinese_chars": bool(normal.get("handle_chinese_chars", True)),
        "unk_token": model.get("unk_token") or "[UNK]",
    }


def _byte_level_options(data: dict[str, Any], model: dict[str, Any], name: str) -> dict[str, Any]:
    """The arguments of `GPT2Tokenizer` and `RobertaTokenizer` that the file settles."""
    splitters = _steps(_part(data, "pre_tokenizer"), "pretokenizers")
    types = [step.get("type") for step in splitters]
    # Later models have options, or cuts of their own, that would give other ids.
    odd = [key for key in ("byte_fallback", "ignore_merges", "continuing_subword_prefix") if model.get(key)]
    regex = all(step.get("use_regex", True) for step in splitters)
    if types != ["ByteLevel"] or data.get("normalizer") or odd or not regex:
        options = str(odd or "no options")
        raise VocabularyError("vocabulary.other_bytes", path=name, parts=repr(types), options=options)
    return {"add_prefix_space": bool(splitters[0].get("add_prefix_space", False))}
