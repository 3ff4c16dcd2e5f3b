"""Two vocabularies: the tokenizer of the encoder may carry the decoder's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertgen.tokenizers.base import PreTrainedTokenizer


class DecoderSide:
    """Mixin: `decoder_tokenizer`.

    It is None where encoder and decoder share one vocabulary. Set it where they do not:
    `tokenizer(text_target=...)` uses it, `save_pretrained` writes it to `decoder_tokenizer/`, and
    `from_pretrained` reads it back. Generated ids are turned to text by
    `(tokenizer.decoder_tokenizer or tokenizer).decode(ids)`.
    """

    _decoder_tokenizer: PreTrainedTokenizer | None = None

    @property
    def decoder_tokenizer(self) -> PreTrainedTokenizer | None:
        """The decoder's tokenizer where it has its own vocabulary; else None."""
        return self._decoder_tokenizer

    @decoder_tokenizer.setter
    def decoder_tokenizer(self, tokenizer: PreTrainedTokenizer | None) -> None:
        if tokenizer is not None and not isinstance(tokenizer, DecoderSide):
            raise TypeError(f"decoder_tokenizer must be a tokenizer or None, got {type(tokenizer).__name__}")
        # A tokenizer given as its own decoder's means one vocabulary.
        if tokenizer is self:
            tokenizer = None
        self._decoder_tokenizer = tokenizer
