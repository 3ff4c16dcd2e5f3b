"""From what happened on loading to what a person should do: untrained parts, missing tokens, limits."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from typing import Any

import torch
from torch import nn

from bertgen.checkpoints import report as R
from bertgen.checkpoints.report import Advice, LoadReport
from bertgen.hub import HubError, cached_file

_CROSS = (".crossattention.", ".ln_cross_attn.")
_HEAD = re.compile(r"(^|\.)(lm_head|cls\.predictions)\.")
_TOKENIZER_FILES = ("vocab.txt", "vocab.json", "spiece.model")
# Rows that a table may have beyond its vocabulary: padding to a round number, tokens added later.
_SPARE = 128


def advise(
    model: nn.Module,
    report: LoadReport,
    name: str | os.PathLike | None = None,
    where: dict[str, Any] | None = None,
) -> None:
    """Fills ``report`` with advice about ``model``, in place of what was there.

    With the checkpoint's ``name`` its tokenizer files are compared too, when the report is first read: they
    are looked for in the folder, or in what the local cache holds of a Hub repository.
    """
    report.found = [*_weights(report), *_settings(model)]
    if name is not None:
        report.looks = [partial(_tokenizers, str(name), dict(where or {}), _sides(model.config))]


def note_dtypes(report: LoadReport, weights: dict[str, torch.Tensor], dtype: torch.dtype) -> None:
    """Adds advice when half-precision files were read as float32 by default."""
    stored = {w.dtype for w in weights.values() if w.is_floating_point()}
    halves = sorted(str(kind).removeprefix("torch.") for kind in stored if kind.itemsize < dtype.itemsize)
    if halves:
        kinds = " and ".join(halves)
        report.found.append(
            Advice(
                f"the file holds {kinds}, read as {str(dtype).removeprefix('torch.')}",
                "every model is float32 unless told otherwise, which takes twice the file's size in memory",
                'pass torch_dtype="auto" to keep the file\'s own type',
            )
        )


def _weights(report: LoadReport) -> list[Advice]:
    """About weights that are not in the file, or do not fit."""
    fresh = report.keys(R.INITIALISED)
    cross = [key for key in fresh if any(part in key for part in _CROSS)]
    head = [key for key in fresh if _HEAD.search(key)]
    rest = [key for key in fresh if key not in cross and key not in head]
    found = []
    if report.rows and not report.keys(R.LOADED):
        found.append(
            Advice(
                "none of the file's weights belongs to this model",
                f"its keys, such as {(report.keys(R.DROPPED) or ['none'])[0]}, are another model's",
                "load it with the class that config.json names under architectures",
            )
        )
    if cross:
        found.append(
            Advice(
                f"the cross-attention is untrained ({_named(cross)})",
                "the file was no decoder's: until fine-tuning, what it looks at in the source is chance",
                "fine-tune the model before trusting its text or its attention maps",
            )
        )
    if head:
        found.append(
            Advice(
                f"the language-model head is untrained ({_named(head)})",
                "the file holds no head for it, so the words it predicts are not learned ones",
                "fine-tune the model, or load a checkpoint that was trained to write",
            )
        )
    if rest:
        found.append(
            Advice(
                f"{_named(rest)}: not in the file, set at random",
                "the file is of a smaller or another model",
                "compare config.json with the file's model; fine-tune if this is meant",
            )
        )
    return [*found, *_misfits(report)]


def _misfits(report: LoadReport) -> list[Advice]:
    """About weights of other shapes, weights without a place, and shared ones."""
    found = []
    mismatched = report.keys(R.MISMATCHED)
    if mismatched:
        found.append(
            Advice(
                f"{_named(mismatched)}: of another shape in the file, set at random",
                "ignore_mismatched_sizes=True lets a config load that is not the file's",
                "load with the checkpoint's own config.json, or fine-tune these anew",
            )
        )
    dropped = report.keys(R.DROPPED)
    types = [key for key in dropped if "token_type_embeddings" in key]
    if types:
        found.append(
            Advice(
                f"the token-type embeddings are lost ({_named(types)})",
                "BERT adds one of their rows to every word; a BertGeneration model has none",
                'keep them with token_types="fold" or as BertModel or BertLMHeadModel, or fine-tune',
            )
        )
    unknown = [row.key for row in report.rows if row.what == R.DROPPED and row.why.endswith("no such weight")]
    if unknown:
        found.append(
            Advice(
                f"{_named(unknown)}: in the file, but this model has no place for it",
                "the file is of a larger or another model",
                "load it with the class that config.json names under architectures",
            )
        )
    tied = [key for key in report.keys(R.TIED) if not _HEAD.search(key)]
    if tied:
        found.append(
            Advice(
                f"{_named(tied)}: shared with others, which the file holds",
                "encoder and decoder share weights (tie_encoder_decoder), which the file stores once",
                "nothing to do here; for programs that do not tie them, save with untie=True",
            )
        )
    return found


def _settings(model: nn.Module) -> list[Advice]:
    """About tokens and lengths in config.json and generation_config.json."""
    config, found = model.config, []
    settings = getattr(model, "generation_config", None)
    if getattr(config, "is_encoder_decoder", False):
        found += _missing_tokens(config, settings)
    length = getattr(settings, "max_length", None)
    limit = _positions(getattr(config, "decoder", config))
    if length is not None and limit is not None and length > limit:
        found.append(
            Advice(
                f"generation_config.json asks for up to {length} tokens, the decoder has {limit} positions",
                "no token beyond its last position can be written",
                f"set model.generation_config.max_length to {limit} or less",
            )
        )
    return found


def _missing_tokens(config: Any, settings: Any) -> list[Advice]:
    start = config.decoder_start_token_id
    for_generate = getattr(settings, "decoder_start_token_id", None)
    begin = for_generate if for_generate is not None else getattr(settings, "bos_token_id", None)
    found = []
    if start is None:
        generates = "and generate cannot start" if begin is None else f"while generate starts with {begin}"
        found.append(
            Advice(
                "config.json names no decoder_start_token_id",
                f"labels cannot be turned into decoder inputs, {generates}",
                f"set model.config.decoder_start_token_id = {2 if begin is None else begin}"
                + (" (BertGeneration's; BERT: [CLS], 101)" if begin is None else ""),
            )
        )
    if config.pad_token_id is None:
        pad = getattr(settings, "pad_token_id", None)
        found.append(
            Advice(
                "config.json names no pad_token_id at its top level",
                "labels are turned into decoder inputs with it, in place of -100",
                f"set model.config.pad_token_id = {0 if pad is None else pad}",
            )
        )
    return found


def _sides(config: Any) -> list[tuple[str, int, int | None]]:
    """(name, rows of its embedding, tokens that it has positions for) of a model's parts."""
    parts = [(side, getattr(config, side, None)) for side in ("encoder", "decoder")]
    if not getattr(config, "is_encoder_decoder", False):
        parts = [("model", config)]
    return [(side, part.vocab_size, _positions(part)) for side, part in parts]


def _positions(config: Any) -> int | None:
    """How many tokens a model has positions for."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and getattr(config, "model_type", "") == "roberta":
        positions -= (config.pad_token_id or 0) + 1  # RoBERTa counts from behind its pad
    return positions


def _tokenizers(name: str, where: dict[str, Any], sides: list[tuple[str, int, int | None]]) -> list[Advice]:
    """What the tokenizer files beside the weights say against the model's tables."""
    where = {**where, "local_files_only": True, "force_download": False, "token": None}
    first = _tokenizer_facts(name, where)
    second = None
    if len(sides) == 2:
        inner = "/".join(part for part in (where.get("subfolder"), "decoder_tokenizer") if part)
        second = _tokenizer_facts(name, {**where, "subfolder": inner}) or first
    found: list[Advice] = []
    for (side, rows, positions), facts in zip(sides, (first, second or first), strict=False):
        if facts is None:
            continue
        words, longest = facts
        found += _vocabulary(side, rows, words)
        if side != "decoder" and positions is not None and (longest is None or longest > positions):
            sets = "the tokenizer's files set no limit"
            allowed = sets if longest is None else f"tokenizer_config.json allows {longest:,} tokens"
            found.append(
                Advice(
                    f"{allowed}, the {side} has {positions} positions",
                    "a longer text is refused by the model, not shortened",
                    f"call the tokenizer with truncation=True, max_length={positions}",
                )
            )
    return found


def _vocabulary(side: str, rows: int, words: int) -> list[Advice]:
    if words > rows:
        return [
            Advice(
                f"the tokenizer has {words:,} tokens, the {side} embeddings for {rows:,}",
                "ids beyond the table fail, and the files may belong to different models",
                "use this model's own tokenizer; for added tokens, resize_token_embeddings(len(tokenizer))",
            )
        ]
    if words < 0.9 * rows - _SPARE:
        return [
            Advice(
                f"the tokenizer has {words:,} tokens, the {side} embeddings for {rows:,}",
                "so large a rest is never used: the files may belong to different models",
                "compare the tokenizer with the one that the model was trained with",
            )
        ]
    return []


def _tokenizer_facts(name: str, where: dict[str, Any]) -> tuple[int, int | None] | None:
    """(number of tokens, longest text that the tokenizer allows) by the files; None when there are none."""
    try:
        paths = {file: cached_file(name, file, **where) for file in (*_TOKENIZER_FILES, *_EXTRAS)}
    except HubError:  # nothing of it in the cache
        return None
    vocabulary = next((file for file in _TOKENIZER_FILES if paths[file]), None)
    if vocabulary is None:
        return None
    config = _json(paths["tokenizer_config.json"])
    ids = {int(index) for index in config.get("added_tokens_decoder", {})}
    ids |= {int(index) for index in _json(paths["added_tokens.json"]).values()}
    longest = config.get("model_max_length")
    usable = isinstance(longest, int | float) and longest < 1e9  # the reference writes 10**30 for "no limit"
    size = _size(paths[vocabulary])
    return (max(size, 1 + max(ids, default=-1)), int(longest) if usable else None) if size else None


_EXTRAS = ("tokenizer_config.json", "added_tokens.json")


def _size(path: str) -> int:
    """Number of tokens of a vocabulary file; 0 when it cannot be read."""
    if path.endswith(".json"):
        return 1 + max(_json(path).values(), default=-1)
    if path.endswith(".txt"):
        with open(path, "rb") as file:
            return sum(1 for _ in file)
    from sentencepiece import SentencePieceProcessor

    try:
        return SentencePieceProcessor(model_file=path).get_piece_size()
    except RuntimeError:  # a damaged file: whoever loads the tokenizer is told
        return 0


def _json(path: str | None) -> dict[str, Any]:
    if path is None or not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except ValueError:  # a damaged file: whoever loads the tokenizer is told
        return {}
    return data if isinstance(data, dict) else {}


def _named(keys: list[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{len(keys)} weights, {keys[0]} first"
