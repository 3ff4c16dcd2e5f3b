"""Padding ready ids to one length."""

from __future__ import annotations

from typing import Any

from bertgen.tokenizers.encoding import BatchEncoding, to_lists
from bertgen.tokenizers.strategies import (
    EncodeOptions,
    PaddingStrategy,
    TruncationStrategy,
    padded,
    resolve_strategies,
)


class Padding:
    """Mixin: `pad`. The host provides the special token attributes, sides and lengths."""

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
        if self._side() is not self:
            rest = (padding, max_length, pad_to_multiple_of, return_attention_mask, return_tensors)
            return self._side().pad(encoded_inputs, *rest, verbose)
        if isinstance(encoded_inputs, (list, tuple)) and encoded_inputs:
            encoded_inputs = {key: [row[key] for row in encoded_inputs] for key in encoded_inputs[0]}
        main = self.model_input_names[0]
        if main not in encoded_inputs:
            raise ValueError(f"nothing to pad: {main!r} is missing, got {list(encoded_inputs)}")
        if return_tensors is None:
            return_tensors = _kind(encoded_inputs[main])
        columns = {key: to_lists(value) for key, value in encoded_inputs.items()}
        if not columns[main]:  # one empty row stays empty, as in the reference
            return BatchEncoding({**columns, "attention_mask": []} if return_attention_mask else columns)
        strategy, _, length, remarks = resolve_strategies(padding, None, max_length, self.model_max_length)
        for remark in remarks:
            self._tell_once(remark, verbose)
        self._check(EncodeOptions(padding=strategy))
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        rows = columns[main]
        if not isinstance(rows[0], list):
            length = len(rows) if strategy is PaddingStrategy.LONGEST else length
            length = _round_up(length, pad_to_multiple_of)
            row = self._pad_row(columns, strategy, length, return_attention_mask)
            return BatchEncoding(row, None, return_tensors)
        length = max(map(len, rows)) if strategy is PaddingStrategy.LONGEST else length
        length = _round_up(length, pad_to_multiple_of)
        out = self._pad_rows(columns, strategy, length, return_attention_mask)
        return BatchEncoding(out, None, return_tensors)

    def _pad_rows(self, columns: dict[str, Any], *how: Any) -> dict[str, list[Any]]:
        count = len(columns[self.model_input_names[0]])
        if any(len(column) != count for column in columns.values()):
            raise AssertionError(f"columns differ in rows: { {k: len(v) for k, v in columns.items()} }")
        out: dict[str, list[Any]] = {}
        for i in range(count):
            row = {key: column[i] for key, column in columns.items()}
            for key, value in self._pad_row(row, *how).items():
                out.setdefault(key, []).append(value)
        return out

    def _pad_row(
        self, row: dict[str, Any], strategy: PaddingStrategy, length: int | None, with_mask: bool
    ) -> dict[str, Any]:
        main = self.model_input_names[0]
        row = dict(row)
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
        for key, filler in fillers.items():
            if key in row:
                row[key] = padded(row[key], filler, missing, self.padding_side)
        return row

    def _check(self, options: EncodeOptions) -> None:
        pads = options.padding is not PaddingStrategy.DO_NOT_PAD
        if pads and (self.pad_token is None or self.pad_token_id < 0):
            raise ValueError(
                "padding needs a pad token: set tokenizer.pad_token = tokenizer.eos_token, or add one "
                "with tokenizer.add_special_tokens({'pad_token': '[PAD]'})"
            )
        multiple, length = options.pad_to_multiple_of, options.max_length
        cuts = options.truncation is not TruncationStrategy.DO_NOT_TRUNCATE
        if pads and cuts and multiple is not None and length is not None and length % multiple:
            raise ValueError(f"max_length {length} is not a multiple of pad_to_multiple_of {multiple}")


def _kind(column: Any) -> str | None:
    """ "pt" or "np" when a column is, or holds, tensors or arrays."""
    while isinstance(column, (list, tuple)) and column:
        column = column[0]
    if type(column).__module__.startswith("torch"):
        return "pt"
    return "np" if hasattr(column, "dtype") else None


def _round_up(length: int | None, multiple: int | None) -> int | None:
    return length if length is None or not multiple else -(-length // multiple) * multiple
