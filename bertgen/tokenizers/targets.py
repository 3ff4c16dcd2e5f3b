"""Two vocabularies: the tokenizer of the encoder may carry the decoder's."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bertgen.tokenizers.encoding import BatchEncoding

if TYPE_CHECKING:
    from bertgen.tokenizers.base import PreTrainedTokenizer


class TargetSide:
    """Mixin: `decoder_tokenizer` and the calls that encode targets with it.

    `decoder_tokenizer` is None where encoder and decoder share one vocabulary. Set it where they do not:
    `tokenizer(text_target=...)` uses it, `save_pretrained` writes it to `decoder_tokenizer/`, and
    `from_pretrained` reads it back. Generated ids are turned to text by
    `(tokenizer.decoder_tokenizer or tokenizer).decode(ids)`.
    """

    _decoder_tokenizer: PreTrainedTokenizer | None = None
    _in_target_context_manager = False

    @property
    def decoder_tokenizer(self) -> PreTrainedTokenizer | None:
        """The decoder's tokenizer where it has its own vocabulary; else None."""
        return self._decoder_tokenizer

    @decoder_tokenizer.setter
    def decoder_tokenizer(self, tokenizer: PreTrainedTokenizer | None) -> None:
        if tokenizer is not None and not isinstance(tokenizer, TargetSide):
            raise TypeError(f"decoder_tokenizer must be a tokenizer or None, got {type(tokenizer).__name__}")
        self._decoder_tokenizer = None if tokenizer is self else tokenizer

    def _side(self) -> TargetSide:
        """The tokenizer that encodes now: the decoder's within `as_target_tokenizer`."""
        return (self._in_target_context_manager and self._decoder_tokenizer) or self

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
        for name in ("src_lang", "tgt_lang"):  # other models' arguments, ignored as in the reference
            kwargs.pop(name, None)
        kwargs.update(add_special_tokens=True, return_tensors=return_tensors)
        kwargs.update(padding=padding, truncation=truncation)
        max_length = self.model_max_length if max_length is None else max_length
        inputs = self(src_texts, max_length=max_length, **kwargs)
        if tgt_texts is not None:
            length = max_length if max_target_length is None else max_target_length
            inputs["labels"] = self(text_target=tgt_texts, max_length=length, **kwargs)["input_ids"]
        return inputs
