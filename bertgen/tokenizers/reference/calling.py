"""The calls of transformers: `tokenizer(...)`, `encode`, `encode_plus`, `batch_encode_plus`.

One text without options goes straight through the core; whatever else may be asked for goes through `rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.reference.options import CALL_ORDER, TruncationStrategy
from bertgen.tokenizers.reference.rows import Rows
from bertgen.tokenizers.reference.truncation import truncate

# The options of a call that asks for nothing but tensors or lists.
_NO_OPTIONS = {
    "add_special_tokens": True,
    "padding": False,
    "truncation": None,
    "max_length": None,
    "stride": 0,
    "is_split_into_words": False,
    "pad_to_multiple_of": None,
}


class Calling(Rows):
    """Mixin: `__call__`, `encode`, `encode_plus`, `batch_encode_plus`, `prepare_for_model`."""

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
            stride, pad_to_multiple_of: tokens that the overflow repeats; round the length up.
            return_tensors: "pt" or "np" (int64); None: lists.
            **kwargs: return_token_type_ids, return_attention_mask, return_overflowing_tokens,
                return_special_tokens_mask, return_length, verbose; the rest goes to `tokenize`.

        Returns: input_ids [B, S], attention_mask [B, S] (lists: [S] for one text), what was asked for.

        Raises:
            ValueError: nothing to encode, not a text, no pad token to pad with, unknown strategy.
            NotImplementedError: `return_offsets_mapping`.
        """
        kwargs.update(padding=padding, truncation=truncation, max_length=max_length, stride=stride)
        kwargs.update(add_special_tokens=add_special_tokens, is_split_into_words=is_split_into_words)
        kwargs.update(pad_to_multiple_of=pad_to_multiple_of)
        one_text = isinstance(text, str) and text_pair is None and text_target is None
        if one_text and kwargs == _NO_OPTIONS and not self._in_target_context_manager:
            return self._encode_one_text(text, return_tensors)
        texts, targets = (text, text_pair), (text_target, text_pair_target)
        return self._encode_both_sides(texts, targets, return_tensors=return_tensors, **kwargs)

    def _encode_one_text(self, text: str, return_tensors: str | None) -> BatchEncoding:
        """What `encode_plus(text, return_tensors=...)` gives, straight from the core."""
        ids = self.encode_text(text, add_special_tokens=False)
        row = {"input_ids": self.build_inputs_with_special_tokens(ids)}
        if "token_type_ids" in self.model_input_names:
            row["token_type_ids"] = self.create_token_type_ids_from_sequences(ids)
        if "attention_mask" in self.model_input_names:
            row["attention_mask"] = [1] * len(row["input_ids"])
        if len(row["input_ids"]) > self.model_max_length:
            self._warn_of_length(len(row["input_ids"]))
        return BatchEncoding(row, None, return_tensors, prepend_batch_axis=True)

    def _encode_both_sides(
        self, texts: tuple[Any, Any], targets: tuple[Any, Any], **kwargs: Any
    ) -> BatchEncoding:
        """Sources and targets, each of them a text or batch and its pair; either may be None."""
        if texts[0] is None and targets[0] is None:
            raise ValueError("nothing to encode: pass text= or text_target=")
        labels = None
        if targets[0] is not None:
            labels = (self.decoder_tokenizer or self)._encode_text_or_batch(*targets, **kwargs)
        if texts[0] is None:
            return labels
        encoding = self._encoding_tokenizer()._encode_text_or_batch(*texts, **kwargs)
        if labels is not None:
            encoding["labels"] = labels["input_ids"]
        return encoding

    def _encode_text_or_batch(
        self, text: Any, pair: Any, is_split_into_words: bool, **kwargs: Any
    ) -> BatchEncoding:
        # 1) Texts, or lists of them.
        for value in (text, pair):
            if value is not None and not _is_text(value):
                raise ValueError(
                    "text must be a str, a list of str (a batch, or the words of one text with "
                    f"is_split_into_words=True) or a list of lists of words, got {type(value).__name__}"
                )
        # 2) A list of words is one text when it is said to be; a list of lists is always a batch.
        batched = isinstance(text, (list, tuple))
        if is_split_into_words:
            batched = batched and bool(text) and isinstance(text[0], (list, tuple))
        if not batched:
            return self.encode_plus(text, pair, is_split_into_words=is_split_into_words, **kwargs)
        # 3) A batch has as many pairs as texts.
        rows = text
        if pair is not None:
            if isinstance(pair, str):
                raise TypeError("text is a batch, so text_pair must be a list of the same length, not a str")
            if len(pair) != len(text):
                raise ValueError(f"text has {len(text)} rows, text_pair {len(pair)}; they must be as many")
            rows = list(zip(text, pair, strict=True))
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
        # One text: as a call, which knows the short way.
        if isinstance(text, str) and text_pair is None:
            return self(text, **kwargs)["input_ids"]
        return self.encode_plus(text, text_pair, **kwargs)["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, *args: Any, **kwargs: Any) -> BatchEncoding:
        """Encode one text, list of tokens, or list of ids (or a pair of them).

        Further arguments are those of a call, in a call's order from `add_special_tokens` on.
        """
        kwargs.update(zip(CALL_ORDER, args, strict=False))
        host = self._encoding_tokenizer()
        if host is not self:
            return host.encode_plus(text, text_pair, **kwargs)
        is_split_into_words = kwargs.pop("is_split_into_words", False)
        options, kwargs = self._resolve_options(kwargs)
        ids, pair = self._ids_of_row(text, text_pair, is_split_into_words, kwargs)
        return self._finish(self._assemble(ids, pair, options), options, prepend_batch_axis=True)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: Sequence[Any], *args: Any, **kwargs: Any
    ) -> BatchEncoding:
        """Encode rows, each a text, a pair, or ready tokens or ids.

        Further arguments are those of a call, in a call's order from `add_special_tokens` on.
        """
        kwargs.update(zip(CALL_ORDER, args, strict=False))
        host = self._encoding_tokenizer()
        if host is not self:
            return host.batch_encode_plus(batch_text_or_text_pairs, **kwargs)
        is_split_into_words = kwargs.pop("is_split_into_words", False)
        options, kwargs = self._resolve_options(kwargs)
        # 1) Each row by itself.
        rows = []
        for row in batch_text_or_text_pairs:
            single = not isinstance(row, (list, tuple))
            if single or (is_split_into_words and not isinstance(row[0], (list, tuple))):
                row = (row, None)
            first, second = row
            ids, pair = self._ids_of_row(first, second, is_split_into_words, kwargs)
            encoded = self._assemble(ids, pair, options)
            if options.return_length:
                encoded["length"] = len(encoded["input_ids"])
            rows.append(encoded)
        # 2) All of them to one length.
        columns = {}
        if rows:
            columns = {key: [row[key] for row in rows] for key in rows[0]}
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
        order = [name for name in CALL_ORDER if name != "is_split_into_words"]
        kwargs.update(zip(order, args, strict=False))
        options, _ = self._resolve_options(kwargs)
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


def _is_text(value: Any) -> bool:
    """Whether a value is a text, a list of texts or a list of lists of texts, by its first items."""
    if isinstance(value, str):
        return True
    if not isinstance(value, (list, tuple)):
        return False
    if not value or isinstance(value[0], str):
        return True
    first = value[0]
    return isinstance(first, (list, tuple)) and (not first or isinstance(first[0], str))
