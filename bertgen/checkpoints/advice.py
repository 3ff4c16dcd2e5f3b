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

# Parts of keys, of every family: cross-attention and the language-model head.
_CROSS = (".crossattention.", ".ln_cross_attn.")
_HEAD = re.compile(r"(^|\.)(lm_head|cls\.predictions)\.")
# Vocabularies by family, and what says more about a tokenizer.
_TOKENIZER_FILES = ("vocab.txt", "vocab.json", "spiece.model")
_EXTRAS = ("tokenizer_config.json", "added_tokens.json")
# Rows that a table may have beyond its vocabulary: padding to a round number, tokens added later.
_SPARE = 128


def advise(
    model: nn.Module,
    report: LoadReport,
    name: str | os.PathLike | None = None,
    hub_kwargs: dict[str, Any] | None = None,
) -> None:
    """Fills ``report`` with advice about ``model``, in place of what was there.

    With the checkpoint's ``name`` its tokenizer files are compared too, when the report is first read: they
    are looked for in the folder, or in what the local cache holds of a Hub repository.
    """
    report.found = [*_weights(report), *_settings(model)]
    # Reading a vocabulary takes longer than most loading does; it waits until somebody asks.
    if name is not None:
        report.pending = [partial(_tokenizers, str(name), dict(hub_kwargs or {}), _sides(model.config))]


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
    # 1) what is untrained: cross-attention, head, and whatever else
    fresh = report.keys(R.INITIALISED)
    cross = [key for key in fresh if any(part in key for part in _CROSS)]
    head = [key for key in fresh if _HEAD.search(key)]
    rest = [key for key in fresh if key not in cross and key not in head]
    # 2) what that means
    found = []
    if report.rows and not report.keys(R.LOADED):
        example = (*report.keys(R.DROPPED), "none")[0]
        found.append(
            Advice(
                "none of the file's weights belongs to this model",
                f"its keys, such as {example}, are another model's",
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
    # Labels become decoder inputs by the joint config, whatever generate's settings say.
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
    found = []
    if config.decoder_start_token_id is None:
        # What generate starts with, which is what training should start with too.
        begin = getattr(settings, "decoder_start_token_id", None)
        if begin is None:
            begin = getattr(settings, "bos_token_id", None)
        generates, value = f"while generate starts with {begin}", str(begin)
        if begin is None:
            generates, value = "and generate cannot start", "2 (BertGeneration's; BERT: [CLS], 101)"
        found.append(
            Advice(
                "config.json names no decoder_start_token_id",
                f"labels cannot be turned into decoder inputs, {generates}",
                f"set model.config.decoder_start_token_id = {value}",
            )
        )
    if config.pad_token_id is None:
        pad = getattr(settings, "pad_token_id", None)
        if pad is None:
            pad = 0
        found.append(
            Advice(
                "config.json names no pad_token_id at its top level",
                "labels are turned into decoder inputs with it, in place of -100",
                f"set model.config.pad_token_id = {pad}",
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
        # RoBERTa counts from behind its pad.
        positions -= (config.pad_token_id or 0) + 1
    return positions


def _tokenizers(
    name: str, hub_kwargs: dict[str, Any], sides: list[tuple[str, int, int | None]]
) -> list[Advice]:
    """What the tokenizer files beside the weights say against the model's tables."""
    # 1) the files, of the folder or of what the cache holds; the decoder may have a tokenizer of its own
    hub_kwargs = {**hub_kwargs, "local_files_only": True, "force_download": False, "token": None}
    facts = [_tokenizer_facts(name, hub_kwargs)] * len(sides)
    if len(sides) == 2:
        inner = "/".join(part for part in (hub_kwargs.get("subfolder"), "decoder_tokenizer") if part)
        facts[1] = _tokenizer_facts(name, {**hub_kwargs, "subfolder": inner}) or facts[0]
    # 2) each against its side
    found: list[Advice] = []
    for (side, rows, positions), known in zip(sides, facts, strict=True):
        if known is None:
            continue
        words, longest = known
        found += _vocabulary(side, rows, words)
        if side != "decoder" and positions is not None:
            found += _length(side, positions, longest)
    return found


def _length(side: str, positions: int, longest: int | None) -> list[Advice]:
    """About texts that the tokenizer allows and the model does not."""
    if longest is not None and longest <= positions:
        return []
    allowed = "the tokenizer's files set no limit"
    if longest is not None:
        allowed = f"tokenizer_config.json allows {longest:,} tokens"
    return [
        Advice(
            f"{allowed}, the {side} has {positions} positions",
            "a longer text is refused by the model, not shortened",
            f"call the tokenizer with truncation=True, max_length={positions}",
        )
    ]


def _vocabulary(side: str, rows: int, words: int) -> list[Advice]:
    """About more tokens than a side has rows for, or far fewer."""
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


def _tokenizer_facts(name: str, hub_kwargs: dict[str, Any]) -> tuple[int, int | None] | None:
    """(number of tokens, longest text that the tokenizer allows) by the files; None when there are none."""
    try:
        paths = {file: cached_file(name, file, **hub_kwargs) for file in (*_TOKENIZER_FILES, *_EXTRAS)}
    except HubError:  # nothing of it in the cache
        return None
    vocabulary = next((file for file in _TOKENIZER_FILES if paths[file]), None)
    if vocabulary is None:
        return None
    # Added tokens stand behind the vocabulary's own, in one of two files.
    config = _json(paths["tokenizer_config.json"])
    ids = {int(index) for index in config.get("added_tokens_decoder", {})}
    ids |= {int(index) for index in _json(paths["added_tokens.json"]).values()}
    size = _size(paths[vocabulary])
    if not size:
        return None
    size = max(size, 1 + max(ids, default=-1))
    longest = config.get("model_max_length")
    # The reference writes 10**30 for "no limit".
    if not isinstance(longest, int | float) or longest >= 1e9:
        return size, None
    return size, int(longest)


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
    except RuntimeError:
        # A damaged file: whoever loads the tokenizer is told.
        return 0


def _json(path: str | None) -> dict[str, Any]:
    """The JSON object of a file; empty when there is none."""
    if path is None or not os.path.isfile(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except ValueError:
        # A damaged file: whoever loads the tokenizer is told.
        return {}
    if not isinstance(data, dict):
        return {}
    return data


def _named(keys: list[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    return f"{len(keys)} weights, {keys[0]} first"
