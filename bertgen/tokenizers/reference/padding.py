"""Padding ready ids to one length."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from bertgen.tokenizers.encoding import BatchEncoding, to_lists
from bertgen.tokenizers.reference.deprecated import DeprecatedCalls
from bertgen.tokenizers.reference.options import EncodeOptions, PaddingStrategy, resolve_strategies


class Padding(DeprecatedCalls):
    """Mixin: `pad`. The host provides sides and lengths."""

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str | PaddingStrategy = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad ready ids: one row, a dict of columns, or a list of dicts (so it can serve as collate).

        Arrays and tensors come back as the same kind unless `return_tensors` says otherwise. Only
        input_ids, attention_mask, token_type_ids and special_tokens_mask are padded.

        Raises:
            ValueError: no input_ids in it, or no pad token.
        """
        host = self._encoding_tokenizer()
        if host is not self:
            options = (padding, max_length, pad_to_multiple_of, return_attention_mask, return_tensors)
            return host.pad(encoded_inputs, *options, verbose)
        # 1) Whatever it came as, columns of lists.
        main = self.model_input_names[0]
        encoded_inputs = _as_columns(encoded_inputs)
        if main not in encoded_inputs:
            raise ValueError(f"nothing to pad: {main!r} is missing, got {list(encoded_inputs)}")
        if return_tensors is None:
            return_tensors = _kind(encoded_inputs[main])
        columns = {key: to_lists(value) for key, value in encoded_inputs.items()}
        # One empty row stays empty, as in the reference.
        if not columns[main]:
            if return_attention_mask:
                columns["attention_mask"] = []
            return BatchEncoding(columns)
        # 2) What is meant by the options.
        strategy, _, length, remarks = resolve_strategies(padding, None, max_length, self.model_max_length)
        if verbose:
            for remark in remarks:
                self._warn_once(remark)
        self._check_padding(EncodeOptions(padding=strategy))
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        # 3) One row, or many.
        is_batch = isinstance(columns[main][0], list)
        if not is_batch:
            columns = {key: [value] for key, value in columns.items()}
        if strategy is PaddingStrategy.LONGEST:
            length = max(map(len, columns[main]))
        length = _round_up(length, pad_to_multiple_of)
        padded = self._pad_rows(columns, strategy, length, return_attention_mask)
        if not is_batch:
            padded = {key: rows[0] for key, rows in padded.items()}
        return BatchEncoding(padded, None, return_tensors)

    def _pad_rows(
        self, columns: dict[str, Any], strategy: PaddingStrategy, length: int | None, with_mask: bool
    ) -> dict[str, list[Any]]:
        count = len(columns[self.model_input_names[0]])
        if any(len(column) != count for column in columns.values()):
            raise AssertionError(f"columns differ in rows: { {k: len(v) for k, v in columns.items()} }")
        padded: dict[str, list[Any]] = {}
        for i in range(count):
            row = {key: column[i] for key, column in columns.items()}
            for key, value in self._pad_row(row, strategy, length, with_mask).items():
                padded.setdefault(key, []).append(value)
        return padded

    def _pad_row(
        self, row: dict[str, Any], strategy: PaddingStrategy, length: int | None, with_mask: bool
    ) -> dict[str, Any]:
        main = self.model_input_names[0]
        if with_mask and "attention_mask" not in row:
            row["attention_mask"] = [1] * len(row[main])
        if strategy is PaddingStrategy.DO_NOT_PAD:
            return row
        missing = length - len(row[main])
        fillers = {
            main: self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "special_tokens_mask": 1,
        }
        if with_mask:
            fillers["attention_mask"] = 0
        # Other columns (labels, lengths) stay as they are: only their owner knows what fills them.
        for key, filler in fillers.items():
            if key in row:
                row[key] = _padded(row[key], filler, missing, self.padding_side)
        return row

    def _check_padding(self, options: EncodeOptions) -> None:
        """Whether these options can be done; a `ValueError` with a way out when not."""
        if not options.pads:
            return
        if self.pad_token is None or self.pad_token_id < 0:
            raise ValueError(
                "padding needs a pad token: set tokenizer.pad_token = tokenizer.eos_token, or add one "
                "with tokenizer.add_special_tokens({'pad_token': '[PAD]'})"
            )
        multiple, length = options.pad_to_multiple_of, options.max_length
        if options.truncates and multiple and length is not None and length % multiple:
            raise ValueError(f"max_length {length} is not a multiple of pad_to_multiple_of {multiple}")


def _as_columns(encoded_inputs: Any) -> Any:
    """A list of dicts as a dict of lists; anything else as it is."""
    if isinstance(encoded_inputs, (list, tuple)) and encoded_inputs:
        return {key: [row[key] for row in encoded_inputs] for key in encoded_inputs[0]}
    return encoded_inputs


def _kind(column: Any) -> str | None:
    """ "pt" or "np" when a column is, or holds, tensors or arrays."""
    while isinstance(column, (list, tuple)) and column:
        column = column[0]
    if type(column).__module__.startswith("torch"):
        return "pt"
    if hasattr(column, "dtype"):
        return "np"
    return None


def _round_up(length: int | None, multiple: int | None) -> int | None:
    if multiple is not None and (not isinstance(multiple, Integral) or multiple < 0):
        raise ValueError(f"pad_to_multiple_of must be a whole number, got {multiple!r}")
    if length is None or not multiple:
        return length
    return -(-length // multiple) * multiple


def _padded(ids: list[Any], filler: Any, count: int, side: str) -> list[Any]:
    """`ids` with `count` fillers on `side`; anything but "left" and "right" is a ValueError."""
    if side == "right":
        return ids + [filler] * count
    if side == "left":
        return [filler] * count + ids
    raise ValueError(f"padding_side must be 'right' or 'left', got {side!r}")
