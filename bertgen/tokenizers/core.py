"""The core of every tokenizer: a text becomes ids, and ids become text again.

Read this file first. A kind of vocabulary (`sentence_piece.py`, `wordpiece.py`, `byte_level.py`) fills in the
steps that this one leaves open; `base.py` and the folder `reference` put around it what transformers has:
batches, pairs, padding, truncation, loading and saving.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bertgen.tokenizers.added_tokens import strip_beside
from bertgen.tokenizers.encoding import to_lists
from bertgen.tokenizers.special_tokens import SpecialTokens

logger = logging.getLogger(__name__)

NO_LIMIT = int(1e30)  # model_max_length of a tokenizer that knows none
# Decoding undoes English tokenization spaces with these, in this order.
_CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


class IncrementalDecoder(Protocol):
    """A tokenizer's `convert_tokens_to_string`, token by token; made by its `incremental_decoder()`.

    The texts of all `put` calls and of `end` joined are the text of all tokens.
    """

    def put(self, token: str) -> str:
        """Text that is certain once `token` is known."""

    def end(self) -> str:
        """What was held back."""


class TokenizerCore(SpecialTokens):
    """`encode_text(text) -> ids` and `decode(ids) -> text`.

    A kind of vocabulary gives `vocab_size`, `get_vocab`, `_tokenize`, `_convert_token_to_id`,
    `_convert_id_to_token`, `convert_tokens_to_string`, `incremental_decoder` and `piece_surface`; a model's
    tokenizer gives `build_inputs_with_special_tokens` where it puts special tokens around a text.
    """

    model_max_length: float = NO_LIMIT
    clean_up_tokenization_spaces = True
    split_special_tokens = False
    _decoder_tokenizer: TokenizerCore | None = None
    _warned_of_length = False

    @property
    def decoder_tokenizer(self) -> TokenizerCore | None:
        """The decoder's tokenizer where it has a vocabulary of its own; None where both sides share one.

        `tokenizer(text_target=...)` uses it, `save_pretrained` writes it to `decoder_tokenizer/`, and
        `from_pretrained` reads it back. Generated ids are turned to text by
        `(tokenizer.decoder_tokenizer or tokenizer).decode(ids)`.
        """
        return self._decoder_tokenizer

    @decoder_tokenizer.setter
    def decoder_tokenizer(self, tokenizer: TokenizerCore | None) -> None:
        if tokenizer is not None and not isinstance(tokenizer, TokenizerCore):
            raise TypeError(f"decoder_tokenizer must be a tokenizer or None, got {type(tokenizer).__name__}")
        # A tokenizer given as its own decoder's means one vocabulary.
        if tokenizer is self:
            tokenizer = None
        self._decoder_tokenizer = tokenizer

    def __len__(self) -> int:
        """Number of distinct tokens, added ones included."""
        return len(self.get_vocab())

    # --- text -> tokens -> ids ---------------------------------------------------------------
    def encode_text(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The ids of one text, with the model's special tokens around them unless told otherwise."""
        # 1) The text is cut into tokens: pieces of the vocabulary, and added tokens.
        tokens = self.tokenize(text)
        # 2) Each has its number.
        ids = self.convert_tokens_to_ids(tokens)
        if not add_special_tokens:
            return ids
        # 3) [CLS] and [SEP], <s> and </s>, or nothing, as the model was trained.
        ids = self.build_inputs_with_special_tokens(ids)
        if len(ids) > self.model_max_length:
            self._warn_of_length(len(ids))
        return ids

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """Cut `text` into tokens: first at the added tokens, then the rest by the vocabulary's rules.

        `split_special_tokens=True` treats special tokens in the text as plain text; other arguments are
        those of `prepare_for_tokenization`.
        """
        split_special = kwargs.pop("split_special_tokens", self.split_special_tokens)
        # 1) What the kind does to a text as a whole.
        text, unused = self.prepare_for_tokenization(text, **kwargs)
        if unused:
            self._warn_once(f"arguments not known to the tokenizer are ignored: {sorted(unused)}")
        if self._lowers:
            text = self._lower_text(text)
        if split_special:
            return self._tokenize(text) if text else []
        # 2) Added tokens stay whole. Most texts hold none and are one piece.
        pieces = [piece for piece in self._added_pattern.split(text) if piece]
        if len(pieces) > 1:
            pieces = strip_beside(pieces, self._added_tokens)
        # 3) Everything between them goes by the vocabulary.
        tokens: list[str] = []
        for piece in pieces:
            if piece in self._added_tokens:
                tokens.append(piece)
            else:
                tokens += self._tokenize(piece)
        return tokens

    def prepare_for_tokenization(self, text: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Hook: change the text before it is tokenized; returns it and the arguments not used."""
        kwargs.pop("is_split_into_words", None)
        return text, kwargs

    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any:
        """Id of a token, or ids of a sequence of tokens; unknown ones give the unknown id."""
        if isinstance(tokens, str):
            return self.convert_tokens_to_ids([tokens])[0]
        if tokens is None:
            return None
        ids = []
        for token in tokens:
            # An added token goes before a piece of the same text; None has no id.
            index = self._added_tokens_encoder.get(token)
            if index is None and token is not None:
                index = self._convert_token_to_id(token)
            ids.append(index)
        return ids

    def _unknown_id(self, vocab: Mapping[str, int]) -> int | None:
        """Id of the unknown token, which may be an added one; None when there is none."""
        index = vocab.get(self.unk_token)
        if index is None:
            index = self._added_tokens_encoder.get(self.unk_token)
        return index

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Hook: put special tokens around one or two sequences; none here."""
        if token_ids_1 is None:
            return token_ids_0
        return token_ids_0 + token_ids_1

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Hook: 0 for tokens of the first sequence, 1 for those of the second."""
        return [0] * len(token_ids_0) + [1] * len(token_ids_1 or [])

    # --- ids -> tokens -> text ---------------------------------------------------------------
    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        **kwargs: Any,
    ) -> str:
        """Text of a sequence of ids (list, array, tensor, or one id).

        Runs between added tokens are turned to text one by one; added tokens that are not special are
        set off by spaces unless `spaces_between_special_tokens=False`. Other arguments are ignored, as
        in the reference.

        Raises:
            IndexError: an id outside the vocabulary (-100 in labels: replace it by the pad id first).
        """
        # 1) Ids to tokens.
        ids = to_lists(token_ids)
        if isinstance(ids, int):
            ids = [ids]
        tokens = self.convert_ids_to_tokens(ids, skip_special_tokens)
        # 2) Tokens to parts of text: each run of ordinary tokens is one, each token set off is one.
        set_off = self.tokens_set_off
        parts: list[str] = []
        run: list[str] = []
        for token in tokens:
            if token not in set_off:
                run.append(token)
                continue
            # Before a token that is set off, a run without text is no part; at the end it is one.
            text = ""
            if run:
                text = self.convert_tokens_to_string(run)
            if text:
                parts.append(text)
            parts.append(token)
            run = []
        if run:
            parts.append(self.convert_tokens_to_string(run))
        # 3) Parts to text.
        separator = " " if spaces_between_special_tokens else ""
        text = separator.join(parts)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        if clean_up_tokenization_spaces:
            text = self.clean_up_tokenization(text)
        return text

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Token of an id, or tokens of a sequence of ids (special ones left out on request).

        Raises:
            IndexError: an id outside the vocabulary.
        """
        if isinstance(ids, int):
            return self.convert_ids_to_tokens([ids])[0]
        skip: frozenset[int] = frozenset()
        if skip_special_tokens:
            skip = self.special_ids
        tokens = []
        for index in map(int, ids):
            if index in skip:
                continue
            # An added token goes before the piece whose id it was given.
            added = self._added_tokens_decoder.get(index)
            if added is None:
                tokens.append(self._convert_id_to_token(index))
            else:
                tokens.append(added.content)
        return tokens

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Undo the spaces of English tokenization: " ." -> ".", " n't" -> "n't", ..."""
        for old, new in _CLEAN_UP:
            out_string = out_string.replace(old, new)
        return out_string

    # --- remarks for the user ----------------------------------------------------------------
    def _warn_once(self, message: str) -> None:
        if message not in self._warnings_given:
            self._warnings_given.add(message)
            logger.warning(message)

    def _warn_of_length(self, length: int) -> None:
        """Once for a tokenizer: a text longer than the model's longest."""
        if length > self.model_max_length and not self._warned_of_length:
            self._warned_of_length = True
            self._warn_once(
                f"{length} tokens are more than the model's {self.model_max_length}; pass truncation=True"
            )
