"""`BertTokenizer`: WordPiece, `[CLS] a [SEP] b [SEP]`."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from typing import Any

from tokenizers.models import WordPiece

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.basic import BasicTokenizer
from bertgen.tokenizers.runs import WordPieceRun
from bertgen.tokenizers.vocabulary import VocabularyError, read_fast_file, read_vocab_txt

logger = logging.getLogger(__name__)

CONTINUATION = "##"
LONGEST_WORD = 100  # characters; longer words are unknown


class BertTokenizer(PreTrainedTokenizer):
    """The WordPiece tokenizer of BERT models; ids and texts are those of the slow `BertTokenizer`.

    Args:
        vocab_file: a vocab.txt.
        do_lower_case: lower-case the text, special tokens excepted.
        do_basic_tokenize: cut by BERT's rules before WordPiece; False: at white space only.
        never_split: words left whole (with `do_basic_tokenize`).
        unk_token, sep_token, pad_token, cls_token, mask_token: the special tokens.
        tokenize_chinese_chars: cut around each Chinese character.
        strip_accents: drop combining marks; None: when lower-casing.
        tokenizer_file: a tokenizer.json, in place of `vocab_file`; what it says of lower-casing, accents
            and Chinese characters holds unless the arguments say otherwise.
        **kwargs: see `PreTrainedTokenizer`.

    Raises:
        VocabularyError: the file is missing or is no such vocabulary (an `OSError` and a `ValueError`).
    """

    vocab_files_names = {"vocab_file": "vocab.txt"}  # noqa: RUF012 - read only, as in the ecosystem
    fast_kind = "WordPiece"

    def __init__(
        self,
        vocab_file: str | os.PathLike | None = None,
        do_lower_case: bool | None = None,
        do_basic_tokenize: bool = True,
        never_split: Iterable[str] | None = None,
        unk_token: Any = None,
        sep_token: Any = "[SEP]",
        pad_token: Any = "[PAD]",
        cls_token: Any = "[CLS]",
        mask_token: Any = "[MASK]",
        tokenize_chinese_chars: bool | None = None,
        strip_accents: bool | None = None,
        *,
        tokenizer_file: str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> None:
        settled = {"do_lower_case": True, "tokenize_chinese_chars": True, "unk_token": "[UNK]"}
        if vocab_file is None:
            self.vocab, from_file = _from_fast_file(tokenizer_file)
            settled |= from_file
        else:
            self.vocab = read_vocab_txt(vocab_file)
        given = {
            "do_lower_case": do_lower_case,
            "tokenize_chinese_chars": tokenize_chinese_chars,
            "strip_accents": strip_accents,
            "unk_token": unk_token,
        }
        settled |= {name: value for name, value in given.items() if value is not None}
        unk_token, strip_accents = settled["unk_token"], settled.get("strip_accents")
        do_lower_case, chinese = settled["do_lower_case"], settled["tokenize_chinese_chars"]
        self.ids_to_tokens = {index: token for token, index in self.vocab.items()}
        self.do_basic_tokenize = do_basic_tokenize
        self.basic_tokenizer = BasicTokenizer(do_lower_case, never_split, chinese, strip_accents)
        self._load(str(unk_token))
        super().__init__(
            do_lower_case=do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=chinese,
            strip_accents=strip_accents,
            **kwargs,
        )

    def _load(self, unk_token: str) -> None:
        self._unknown_piece = unk_token
        tokens = dict.fromkeys([*self.vocab, unk_token])  # the model needs its unknown token; ids are ours
        vocab = {token: index for index, token in enumerate(tokens)}
        self._model = WordPiece(vocab, unk_token=unk_token, max_input_chars_per_word=LONGEST_WORD)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load(self._unknown_piece)

    # --- vocabulary --------------------------------------------------------------------------
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

    def prepare_for_splitting(self, text: str) -> str:
        """Lower-case all but the special and the normalized added tokens."""
        if not self._lowers:
            return text
        tokens = self._added_tokens_decoder.values()
        kept = self.all_special_tokens + [t.content for t in tokens if not t.special and t.normalized]
        pieces = re.split(f"({'|'.join(map(re.escape, kept))})", text) if kept else [text]
        pieces[::2] = map(_lower, pieces[::2])
        return "".join(pieces)

    def _tokenize(self, text: str) -> list[str]:
        if not self.do_basic_tokenize:
            return [piece.value for word in text.split() for piece in self._model.tokenize(word)]
        pieces: list[str] = []
        for word in self.basic_tokenizer.tokenize(text, never_split=self.all_special_tokens):
            if word in self.basic_tokenizer.never_split:
                pieces.append(word)
            else:
                pieces += [piece.value for piece in self._model.tokenize(word)]
        return pieces

    def _convert_token_to_id(self, token: str) -> int | None:
        index = self.vocab.get(token)
        return self._unknown_id(self.vocab) if index is None else index

    def _convert_id_to_token(self, index: int) -> str:
        return self.ids_to_tokens.get(index, self.unk_token)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Words joined by spaces, continuations glued on."""
        return " ".join(tokens).replace(" " + CONTINUATION, "").strip()

    def run_decoder(self) -> WordPieceRun:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        return WordPieceRun(CONTINUATION)

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word, and its text."""
        return not piece.startswith(CONTINUATION), piece.removeprefix(CONTINUATION)

    # --- special tokens around ---------------------------------------------------------------
    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """`[CLS] ids_0 [SEP]`, or `[CLS] ids_0 [SEP] ids_1 [SEP]`."""
        first = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        return first if token_ids_1 is None else [*first, *token_ids_1, self.sep_token_id]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 for the first sequence and its special tokens, 1 for the second and its own."""
        second = 0 if token_ids_1 is None else len(token_ids_1) + 1
        return [0] * (len(token_ids_0) + 2) + [1] * second

    # --- files -------------------------------------------------------------------------------
    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.txt into a folder (where there is none of the name: to a file of that name).

        Raises:
            ValueError: a token holds a line break, which a vocab.txt cannot.
        """
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        target = prefix + os.fspath(save_directory)
        if os.path.isdir(save_directory):
            target = os.path.join(save_directory, prefix + self.vocab_files_names["vocab_file"])
        tokens = sorted(self.vocab, key=self.vocab.__getitem__)
        broken = [token for token in tokens if "\n" in token or "\r" in token]
        if broken:
            raise ValueError(f"{broken[0]!r} holds a line break, which a vocab.txt cannot keep")
        if list(range(len(tokens))) != [self.vocab[token] for token in tokens]:
            logger.warning("%s: the ids have gaps, which a vocab.txt cannot keep", target)
        with open(target, "w", encoding="utf-8") as file:
            file.writelines(token + "\n" for token in tokens)
        return (target,)


def _from_fast_file(path: str | os.PathLike | None) -> tuple[dict[str, int], dict[str, Any]]:
    if path is None:
        raise VocabularyError("BertTokenizer needs vocab_file= (a vocab.txt) or tokenizer_file=")
    fast = read_fast_file(path)
    if fast.kind != "WordPiece":
        raise VocabularyError(f"{os.fspath(path)!r} is {fast.kind}, not WordPiece; try GPT2Tokenizer")
    return fast.vocab, fast.options


def _lower(text: str) -> str:
    # Character by character, as in the reference: a capital sigma at a word's end stays an inner one.
    return "".join(map(str.lower, text)) if "Σ" in text else text.lower()
