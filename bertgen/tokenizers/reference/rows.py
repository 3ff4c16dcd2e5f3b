"""The steps from one text, or a pair, to a row of ids and masks, with every option of the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import chain
from typing import Any

from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.reference.options import (
    EncodeOptions,
    TruncationStrategy,
    modern_spelling,
    resolve_strategies,
)
from bertgen.tokenizers.reference.padding import Padding
from bertgen.tokenizers.reference.truncation import truncate

_OPTION_NAMES = {field.name for field in dataclasses.fields(EncodeOptions)}


class Rows(Padding):
    """Mixin: options checked and resolved, ids truncated, special tokens put around, masks made."""

    def _resolve_options(self, kwargs: dict[str, Any]) -> tuple[EncodeOptions, dict[str, Any]]:
        """Split keyword arguments into resolved options and what is left for `tokenize`."""
        kwargs = modern_spelling(kwargs)
        if kwargs.pop("return_offsets_mapping", False):
            raise NotImplementedError("character offsets are not available from these tokenizers")
        options = {name: kwargs.pop(name) for name in list(kwargs) if name in _OPTION_NAMES}
        padding, truncation, length, remarks = resolve_strategies(
            options["padding"], options["truncation"], options["max_length"], self.model_max_length
        )
        if options.get("verbose", True):
            for remark in remarks:
                self._warn_once(remark)
        options.update(padding=padding, truncation=truncation, max_length=length)
        resolved = EncodeOptions(**options)
        self._check_padding(resolved)
        return resolved, kwargs

    def _ids_of(self, text: Any, is_split_into_words: bool, kwargs: Mapping[str, Any]) -> list[int]:
        """Ids of a text, of ready words or tokens, or ready ids."""
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

    def _ids_of_row(
        self, text: Any, pair: Any, is_split_into_words: bool, kwargs: Mapping[str, Any]
    ) -> tuple[list[int], list[int] | None]:
        """Ids of a text and of its pair, which may be None."""
        ids = self._ids_of(text, is_split_into_words, kwargs)
        if pair is None:
            return ids, None
        return ids, self._ids_of(pair, is_split_into_words, kwargs)

    def _assemble(self, ids: list[int], pair: list[int] | None, options: EncodeOptions) -> dict[str, Any]:
        """Truncated ids with special tokens and whatever else was asked for, not padded yet."""
        if options.return_token_type_ids and not options.add_special_tokens:
            raise ValueError("token types need the special tokens; drop return_token_type_ids or the latter")
        longest_first = options.truncation is TruncationStrategy.LONGEST_FIRST
        if options.return_overflowing_tokens and longest_first and pair is not None:
            raise ValueError("a pair cut 'longest_first' has no overflow; use 'only_first' or 'only_second'")
        # 1) Truncate: the special tokens count, but are never cut off.
        total = len(ids) + len(pair or [])
        if options.add_special_tokens:
            total += self.num_special_tokens_to_add(pair is not None)
        overflow: list[int] = []
        if options.truncates and options.max_length:
            remove = total - options.max_length
            cut = (options.truncation, options.stride, self.truncation_side)
            ids, pair, overflow = truncate(ids, pair, remove, *cut)
        row: dict[str, Any] = {}
        if options.return_overflowing_tokens:
            row["overflowing_tokens"] = overflow
            row["num_truncated_tokens"] = total - (options.max_length or 0)
        # 2) Put the special tokens around.
        if options.add_special_tokens:
            row["input_ids"] = self.build_inputs_with_special_tokens(ids, pair)
            types = self.create_token_type_ids_from_sequences(ids, pair)
        else:
            row["input_ids"] = ids + (pair or [])
            types = [0] * len(row["input_ids"])
        # 3) What goes with the ids.
        if self._wants("token_type_ids", options.return_token_type_ids):
            row["token_type_ids"] = types
        if options.return_special_tokens_mask and options.add_special_tokens:
            row["special_tokens_mask"] = self.get_special_tokens_mask(ids, pair)
        elif options.return_special_tokens_mask:
            row["special_tokens_mask"] = [0] * len(row["input_ids"])
        if options.max_length is None and options.verbose:
            self._warn_of_length(len(row["input_ids"]))
        return row

    def _finish(self, row: dict[str, Any], options: EncodeOptions, prepend_batch_axis: bool) -> BatchEncoding:
        """A row padded, with its mask, as lists or tensors."""
        with_mask = self._wants("attention_mask", options.return_attention_mask)
        if options.pads or with_mask:
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

    def _wants(self, name: str, asked: bool | None) -> bool:
        """Whether an input is given back: as asked, else as the model takes it."""
        if asked is None:
            return name in self.model_input_names
        return asked

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens encoding adds to a text (or a pair)."""
        second = None
        if pair:
            second = []
        return len(self.build_inputs_with_special_tokens([], second))

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 where `build_inputs_with_special_tokens` puts a special token, else 0.

        With `already_has_special_tokens=True`, 1 where `token_ids_0` holds one.
        """
        if already_has_special_tokens:
            if token_ids_1 is not None:
                raise ValueError("pass one finished sequence, not two, with already_has_special_tokens=True")
            return [int(index in self.special_ids) for index in token_ids_0]
        # Something in the place of every id that is no special token's shows where the others come.
        text: Any = object()
        pair = None
        if token_ids_1 is not None:
            pair = [text] * len(token_ids_1)
        built = self.build_inputs_with_special_tokens([text] * len(token_ids_0), pair)
        return [int(token is not text) for token in built]
