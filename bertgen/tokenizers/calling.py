"""Calling a tokenizer: texts in, padded ids out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.padding import Padding
from bertgen.tokenizers.strategies import (
    EncodeOptions,
    PaddingStrategy,
    TruncationStrategy,
    resolve_strategies,
    truncate,
)

_CALL_ORDER = (
    "add_special_tokens", "padding", "truncation", "max_length", "stride", "is_split_into_words",
    "pad_to_multiple_of", "return_tensors", "return_token_type_ids", "return_attention_mask",
    "return_overflowing_tokens", "return_special_tokens_mask", "return_offsets_mapping", "return_length",
    "verbose",
)  # fmt: skip
_OPTION_NAMES = {field.name for field in dataclasses.fields(EncodeOptions)}


class Calling(Padding):
    """Mixin: `__call__`, `encode`, `encode_plus`, `batch_encode_plus`.

    The host provides `tokenize`, the special token attributes and the `build_...` hooks.
    """

    def __call__(
        self,
        text: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Encode one text or a batch of texts, or pairs.

        Args:
            text, text_pair: a text, a list of texts (a batch); with `is_split_into_words` lists of words.
            text_target, text_pair_target: the same for targets, by `decoder_tokenizer` where there is one:
                `labels` (`input_ids` without `text`).
            add_special_tokens: put the model's special tokens around (BertGeneration and GPT-2 have none).
            padding: True or "longest", "max_length", or False.
            truncation: True or "longest_first", "only_first", "only_second", or False.
            max_length: the length for both, in tokens; default `model_max_length`. Alone, it truncates.
            stride, pad_to_multiple_of: kept tokens that the overflow repeats; round the length up.
            return_tensors: "pt" or "np" (int64); None: lists.
            **kwargs: return_token_type_ids, return_attention_mask, return_overflowing_tokens,
                return_special_tokens_mask, return_length, verbose; the rest goes to `tokenize`.

        Returns: input_ids [B, S], attention_mask [B, S] (lists: [S] for one text), what was asked for.

        Raises:
            ValueError: nothing to encode, not a text, no pad token to pad with, unknown strategy.
            NotImplementedError: `return_offsets_mapping`.
        """
        if text is None and text_target is None:
            raise ValueError("nothing to encode: pass text= or text_target=")
        kwargs.update(padding=padding, truncation=truncation, max_length=max_length, stride=stride)
        kwargs.update(add_special_tokens=add_special_tokens, is_split_into_words=is_split_into_words)
        kwargs.update(pad_to_multiple_of=pad_to_multiple_of, return_tensors=return_tensors)
        target = None
        if text_target is not None:
            target = (self.decoder_tokenizer or self)._call_one(text_target, text_pair_target, **kwargs)
        encoding = None if text is None else self._side()._call_one(text, text_pair, **kwargs)
        if encoding is not None and target is not None:
            encoding["labels"] = target["input_ids"]
        return target if encoding is None else encoding

    def _call_one(self, text: Any, pair: Any, is_split_into_words: bool, **kwargs: Any) -> BatchEncoding:
        for value in (text, pair):
            if value is not None and not _is_text(value):
                raise ValueError(
                    "text must be a str, a list of str (a batch, or the words of one text with "
                    f"is_split_into_words=True) or a list of lists of words, got {type(value).__name__}"
                )
        batched = isinstance(text, (list, tuple))
        if is_split_into_words:
            batched = batched and bool(text) and isinstance(text[0], (list, tuple))
        if not batched:
            return self.encode_plus(text, pair, is_split_into_words=is_split_into_words, **kwargs)
        if isinstance(pair, str):
            raise TypeError("text is a batch, so text_pair must be a list of the same length, not a str")
        if pair is not None and len(pair) != len(text):
            raise ValueError(f"text has {len(text)} rows, text_pair {len(pair)}; they must be as many")
        rows = text if pair is None else list(zip(text, pair, strict=True))
        return self.batch_encode_plus(rows, is_split_into_words=is_split_into_words, **kwargs)

    def encode(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """The `input_ids` of `encode_plus`."""
        kwargs.update(padding=padding, truncation=truncation, max_length=max_length, stride=stride)
        kwargs.update(add_special_tokens=add_special_tokens, return_tensors=return_tensors)
        return self.encode_plus(text, text_pair, **kwargs)["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, *args: Any, **kwargs: Any) -> BatchEncoding:
        """Encode one text, list of tokens, or list of ids (or a pair of them).

        Further arguments are those of a call, in a call's order from `add_special_tokens` on.
        """
        kwargs.update(zip(_CALL_ORDER, args, strict=False))
        if self._side() is not self:
            return self._side().encode_plus(text, text_pair, **kwargs)
        is_split_into_words = kwargs.pop("is_split_into_words", False)
        options, kwargs = self._options(kwargs)
        ids = self._ids_of(text, is_split_into_words, kwargs)
        pair = None if text_pair is None else self._ids_of(text_pair, is_split_into_words, kwargs)
        return self._finish(self._assemble(ids, pair, options), options, prepend_batch_axis=True)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: Sequence[Any], *args: Any, **kwargs: Any
    ) -> BatchEncoding:
        """Encode rows, each a text, a pair, or ready tokens or ids.

        Further arguments are those of a call, in a call's order from `add_special_tokens` on.
        """
        kwargs.update(zip(_CALL_ORDER, args, strict=False))
        if self._side() is not self:
            return self._side().batch_encode_plus(batch_text_or_text_pairs, **kwargs)
        is_split_into_words = kwargs.pop("is_split_into_words", False)
        options, kwargs = self._options(kwargs)
        rows = []
        for row in batch_text_or_text_pairs:
            single = not isinstance(row, (list, tuple))
            if single or (is_split_into_words and not isinstance(row[0], (list, tuple))):
                row = (row, None)
            first, second = row
            ids = self._ids_of(first, is_split_into_words, kwargs)
            pair = None if second is None else self._ids_of(second, is_split_into_words, kwargs)
            rows.append(self._assemble(ids, pair, options))
        for row in rows if options.return_length else ():
            row["length"] = len(row["input_ids"])
        columns = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
        return self.pad(
            columns,
            padding=options.padding,
            max_length=options.max_length,
            pad_to_multiple_of=options.pad_to_multiple_of,
            return_attention_mask=options.return_attention_mask,
            return_tensors=options.return_tensors,
        )

    def prepare_for_model(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        *args: Any,
        prepend_batch_axis: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Truncate, add special tokens to and pad ready ids.

        Further arguments are those of a call, in a call's order from `add_special_tokens` on, but for
        `is_split_into_words`.
        """
        order = [name for name in _CALL_ORDER if name != "is_split_into_words"]
        kwargs.update(zip(order, args, strict=False))
        options, _ = self._options(kwargs)
        return self._finish(self._assemble(ids, pair_ids, options), options, prepend_batch_axis)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str | TruncationStrategy = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """Shorten ids by a number of tokens; returns ids, pair ids and the overflow, see `truncate`."""
        side = self.truncation_side
        return truncate(ids, pair_ids, num_tokens_to_remove, truncation_strategy, stride, side)

    # --- steps -------------------------------------------------------------------------------
    def _options(self, kwargs: dict[str, Any]) -> tuple[EncodeOptions, dict[str, Any]]:
        """Split keyword arguments into resolved options and what is left for `tokenize`."""
        kwargs = dict(kwargs)
        if kwargs.pop("return_offsets_mapping", False):
            raise NotImplementedError("character offsets are not available from these tokenizers")
        given = {name: kwargs.pop(name) for name in list(kwargs) if name in _OPTION_NAMES}
        old_padding = kwargs.pop("pad_to_max_length", False)
        old_truncation = kwargs.pop("truncation_strategy", "do_not_truncate")
        padding, truncation = given.pop("padding", False), given.pop("truncation", None)
        max_length = given.pop("max_length", None)
        if padding is False and old_padding:
            padding = "longest" if max_length is None else "max_length"
        if truncation is None and old_truncation != "do_not_truncate":
            truncation = old_truncation
        pad, cut, length, remarks = resolve_strategies(padding, truncation, max_length, self.model_max_length)
        for remark in remarks:
            self._tell_once(remark, given.get("verbose", True))
        options = EncodeOptions(padding=pad, truncation=cut, max_length=length, **given)
        self._check(options)
        return options, kwargs

    def _ids_of(self, text: Any, is_split_into_words: bool, kwargs: Mapping[str, Any]) -> list[int]:
        if isinstance(text, str):
            return self.convert_tokens_to_ids(self.tokenize(text, **kwargs))
        if isinstance(text, (list, tuple)) and text and isinstance(text[0], str):
            if is_split_into_words:
                words = (self.tokenize(word, is_split_into_words=True, **kwargs) for word in text)
                text = list(chain.from_iterable(words))
            return self.convert_tokens_to_ids(text)
        if isinstance(text, (list, tuple)) and text and isinstance(text[0], int):
            return list(text)
        raise ValueError(f"cannot encode {text!r}: give a str, a list of str or a list of int (not empty)")

    def _assemble(self, ids: list[int], pair: list[int] | None, options: EncodeOptions) -> dict[str, Any]:
        """Truncated ids with special tokens and whatever else was asked for, not padded yet."""
        if options.return_token_type_ids and not options.add_special_tokens:
            raise ValueError("token types need the special tokens; drop return_token_type_ids or the latter")
        longest_first = options.truncation is TruncationStrategy.LONGEST_FIRST
        if options.return_overflowing_tokens and longest_first and pair is not None:
            raise ValueError("a pair cut 'longest_first' has no overflow; use 'only_first' or 'only_second'")
        special = self.num_special_tokens_to_add(pair is not None) if options.add_special_tokens else 0
        total = len(ids) + len(pair or []) + special
        overflow: list[int] = []
        if options.truncation is not TruncationStrategy.DO_NOT_TRUNCATE and options.max_length:
            ids, pair, overflow = truncate(
                ids,
                pair,
                total - options.max_length,
                options.truncation,
                options.stride,
                self.truncation_side,
            )
        out: dict[str, Any] = {}
        if options.return_overflowing_tokens:
            out["overflowing_tokens"] = overflow
            out["num_truncated_tokens"] = total - (options.max_length or 0)
        if options.add_special_tokens:
            out["input_ids"] = self.build_inputs_with_special_tokens(ids, pair)
            types = self.create_token_type_ids_from_sequences(ids, pair)
        else:
            out["input_ids"] = ids + (pair or [])
            types = [0] * len(out["input_ids"])
        wanted = options.return_token_type_ids
        if "token_type_ids" in self.model_input_names if wanted is None else wanted:
            out["token_type_ids"] = types
        if options.return_special_tokens_mask:
            mask = self.get_special_tokens_mask(ids, pair) if options.add_special_tokens else None
            out["special_tokens_mask"] = mask or [0] * len(out["input_ids"])
        self._warn_if_long(len(out["input_ids"]), options)
        return out

    def _warn_if_long(self, length: int, options: EncodeOptions) -> None:
        if options.max_length is None and length > self.model_max_length and "long" not in self._told:
            self._told.add("long")
            self._tell_once(
                f"{length} tokens are more than the model's {self.model_max_length}; pass truncation=True",
                options.verbose,
            )

    def _finish(self, row: dict[str, Any], options: EncodeOptions, prepend_batch_axis: bool) -> BatchEncoding:
        with_mask = options.return_attention_mask
        with_mask = "attention_mask" in self.model_input_names if with_mask is None else with_mask
        if options.padding is not PaddingStrategy.DO_NOT_PAD or with_mask:
            row = self.pad(
                row,
                padding=options.padding,
                max_length=options.max_length,
                pad_to_multiple_of=options.pad_to_multiple_of,
                return_attention_mask=with_mask,
            ).data
        if options.return_length:
            row["length"] = len(row["input_ids"])
        return BatchEncoding(row, None, options.return_tensors, prepend_batch_axis)


def _is_text(value: Any) -> bool:
    if isinstance(value, str):
        return True
    if not isinstance(value, (list, tuple)):
        return False
    if not value or isinstance(value[0], str):
        return True
    first = value[0]
    return isinstance(first, (list, tuple)) and (not first or isinstance(first[0], str))
