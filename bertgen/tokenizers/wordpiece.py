"""The core of WordPiece tokenizers: words by BERT's rules, then the longest pieces of the vocabulary."""

from __future__ import annotations

import re
from typing import Any

from tokenizers.models import WordPiece

from bertgen.tokenizers.basic import BasicTokenizer
from bertgen.tokenizers.core import TokenizerCore
from bertgen.tokenizers.stream import WordPieceText

CONTINUATION = "##"
LONGEST_WORD = 100  # characters; longer words are unknown


class WordPieceTokenizer(TokenizerCore):
    """Text to pieces, pieces to ids and back, by `vocab` and `basic_tokenizer`."""

    vocab: dict[str, int]
    ids_to_tokens: dict[int, str]
    basic_tokenizer: BasicTokenizer
    do_basic_tokenize: bool

    def _load_model(self, unk_token: str) -> None:
        self._unknown_piece = unk_token
        # The library's model needs its unknown token and numbers of its own; the ids are those of `vocab`.
        tokens = dict.fromkeys([*self.vocab, unk_token])
        vocab = {token: index for index, token in enumerate(tokens)}
        self._model = WordPiece(vocab, unk_token=unk_token, max_input_chars_per_word=LONGEST_WORD)

    # A pickle or a copy holds the vocabulary once; the library's model is made from it again.
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load_model(self._unknown_piece)

    @property
    def do_lower_case(self) -> bool:
        """Whether text is lower-cased (with `do_basic_tokenize`)."""
        return self.basic_tokenizer.do_lower_case

    @property
    def _lowers(self) -> bool:
        return self.do_basic_tokenize and self.do_lower_case

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary file, added tokens not counted."""
        return len(self.vocab)

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        return self.vocab | self.added_tokens_encoder

    # --- text -> tokens -> ids ---------------------------------------------------------------
    def _lower_text(self, text: str) -> str:
        """Lower-case all but the special and the normalized added tokens."""
        added = self._added_tokens_decoder.values()
        as_they_are = [*self.special_tokens, *(t.content for t in added if not t.special and t.normalized)]
        if not as_they_are:
            return _lower(text)
        pieces = re.split(f"({'|'.join(map(re.escape, as_they_are))})", text)
        # The split gives plain text and tokens in turn.
        pieces[::2] = map(_lower, pieces[::2])
        return "".join(pieces)

    def _tokenize(self, text: str) -> list[str]:
        # 1) Words.
        if self.do_basic_tokenize:
            words = self.basic_tokenizer.tokenize(text, never_split=self.special_tokens)
            whole = self.basic_tokenizer.never_split
        else:
            words = text.split()
            whole = set()
        # 2) Of each word the longest piece that begins it, then of the rest the longest one with ##, ...
        tokens: list[str] = []
        for word in words:
            if word in whole:
                tokens.append(word)
            else:
                tokens += [piece.value for piece in self._model.tokenize(word)]
        return tokens

    def _convert_token_to_id(self, token: str) -> int | None:
        index = self.vocab.get(token)
        if index is None:
            index = self._unknown_id(self.vocab)
        return index

    # --- ids -> tokens -> text ---------------------------------------------------------------
    def _convert_id_to_token(self, index: int) -> str:
        return self.ids_to_tokens.get(index, self.unk_token)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Words joined by spaces, continuations glued on."""
        return " ".join(tokens).replace(" " + CONTINUATION, "").strip()

    def incremental_decoder(self) -> WordPieceText:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        return WordPieceText(CONTINUATION)

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word, and its text."""
        return not piece.startswith(CONTINUATION), piece.removeprefix(CONTINUATION)


def _lower(text: str) -> str:
    # Character by character, as in the reference: a capital sigma at a word's end stays an inner one.
    if "Σ" in text:
        return "".join(map(str.lower, text))
    return text.lower()
