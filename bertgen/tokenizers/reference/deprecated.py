"""Older spellings that 4.37.2 still knows, with the warnings that it gives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bertgen.tokenizers.core import TokenizerCore
from bertgen.tokenizers.encoding import BatchEncoding


class DeprecatedCalls(TokenizerCore):
    """Mixin: `as_target_tokenizer`, `prepare_seq2seq_batch`, `sanitize_special_tokens`."""

    _in_target_context_manager = False

    def _encoding_tokenizer(self) -> DeprecatedCalls:
        """The tokenizer that encodes now: the decoder's within `as_target_tokenizer`."""
        if self._in_target_context_manager and self._decoder_tokenizer is not None:
            return self._decoder_tokenizer
        return self

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Within it, calls of this tokenizer encode (and pad) targets. Older form of `text_target=`."""
        warnings.warn(
            "as_target_tokenizer() is the older form; use tokenizer(text_target=...)",
            FutureWarning,
            stacklevel=3,
        )
        self._in_target_context_manager = True
        try:
            yield
        finally:
            self._in_target_context_manager = False

    def prepare_seq2seq_batch(
        self,
        src_texts: Sequence[str],
        tgt_texts: Sequence[str] | None = None,
        max_length: int | None = None,
        max_target_length: int | None = None,
        padding: bool | str = "longest",
        return_tensors: str | None = None,
        truncation: bool | str = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Padded inputs of `src_texts`, with `labels` of `tgt_texts`. Older form of `text_target=`.

        `max_length` defaults to `model_max_length`, `max_target_length` to `max_length`.
        """
        warnings.warn(
            "prepare_seq2seq_batch() is the older form; use tokenizer(texts, text_target=...)",
            FutureWarning,
            stacklevel=2,
        )
        # Other models' arguments, ignored as in the reference.
        for name in ("src_lang", "tgt_lang"):
            kwargs.pop(name, None)
        kwargs.update(add_special_tokens=True, return_tensors=return_tensors)
        kwargs.update(padding=padding, truncation=truncation)
        # 1) The sources.
        if max_length is None:
            max_length = self.model_max_length
        inputs = self(src_texts, max_length=max_length, **kwargs)
        # 2) The targets.
        if tgt_texts is not None:
            if max_target_length is None:
                max_target_length = max_length
            targets = self(text_target=tgt_texts, max_length=max_target_length, **kwargs)
            inputs["labels"] = targets["input_ids"]
        return inputs

    def sanitize_special_tokens(self) -> int:
        """Add the special tokens that the vocabulary lacks; returns how many (0: it is always done)."""
        return self.add_tokens(self.all_special_tokens_extended, special_tokens=True)
