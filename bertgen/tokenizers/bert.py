"""`BertTokenizer`: WordPiece, `[CLS] a [SEP] b [SEP]`."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.basic import BasicTokenizer
from bertgen.tokenizers.pretrained import file_prefix
from bertgen.tokenizers.reference.exceptions import VocabularyError
from bertgen.tokenizers.registry import register
from bertgen.tokenizers.vocabulary import WORD_PIECE, read_tokenizer_json, read_vocab_txt
from bertgen.tokenizers.wordpiece import WordPieceTokenizer

logger = logging.getLogger(__name__)


@register("bert")
class BertTokenizer(PreTrainedTokenizer, WordPieceTokenizer):
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
    fast_kind = WORD_PIECE

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
        # 1) What holds unless something says otherwise, then what a tokenizer.json says, then the arguments.
        settings: dict[str, Any] = {
            "do_lower_case": True,
            "tokenize_chinese_chars": True,
            "strip_accents": None,
            "unk_token": "[UNK]",
        }
        if vocab_file is None:
            self.vocab, from_file = _vocabulary_of(tokenizer_file)
            settings |= from_file
        else:
            self.vocab = read_vocab_txt(vocab_file)
        arguments = {
            "do_lower_case": do_lower_case,
            "tokenize_chinese_chars": tokenize_chinese_chars,
            "strip_accents": strip_accents,
            "unk_token": unk_token,
        }
        settings |= {name: value for name, value in arguments.items() if value is not None}
        # 2) The parts that cut a text. They come first: the special tokens are looked up in the vocabulary.
        self.ids_to_tokens = {index: token for token, index in self.vocab.items()}
        self.do_basic_tokenize = do_basic_tokenize
        self.basic_tokenizer = BasicTokenizer(
            settings["do_lower_case"],
            never_split,
            settings["tokenize_chinese_chars"],
            settings["strip_accents"],
        )
        self._load_model(str(settings["unk_token"]))
        super().__init__(
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            **settings,
            **kwargs,
        )

    # --- special tokens around ---------------------------------------------------------------
    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """`[CLS] ids_0 [SEP]`, or `[CLS] ids_0 [SEP] ids_1 [SEP]`."""
        sep = self.sep_token_id
        first = [self.cls_token_id, *token_ids_0, sep]
        if token_ids_1 is None:
            return first
        return [*first, *token_ids_1, sep]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 for the first sequence and its special tokens, 1 for the second and its own."""
        first = [0] * (len(token_ids_0) + 2)  # with [CLS] and [SEP]
        if token_ids_1 is None:
            return first
        return first + [1] * (len(token_ids_1) + 1)  # with its own [SEP]

    # --- files -------------------------------------------------------------------------------
    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.txt into a folder (where there is none of the name: to a file of that name).

        Raises:
            ValueError: a token holds a line break, which a vocab.txt cannot.
        """
        if os.path.isdir(save_directory):
            target = self._vocabulary_path(save_directory, "vocab_file", filename_prefix)
        else:
            target = file_prefix(filename_prefix) + os.fspath(save_directory)
        # One token a line: what a line cannot say is an error, gaps in the ids are closed up.
        tokens = sorted(self.vocab, key=self.vocab.__getitem__)
        broken = [token for token in tokens if "\n" in token or "\r" in token]
        if broken:
            raise ValueError(f"{broken[0]!r} holds a line break, which a vocab.txt cannot keep")
        if list(range(len(tokens))) != [self.vocab[token] for token in tokens]:
            logger.warning("%s: the ids have gaps, which a vocab.txt cannot keep", target)
        with open(target, "w", encoding="utf-8") as file:
            file.writelines(token + "\n" for token in tokens)
        return (target,)


def _vocabulary_of(path: str | os.PathLike | None) -> tuple[dict[str, int], dict[str, Any]]:
    if path is None:
        raise VocabularyError("BertTokenizer needs vocab_file= (a vocab.txt) or tokenizer_file=")
    fast = read_tokenizer_json(path)
    if fast.kind != WORD_PIECE:
        raise VocabularyError("vocabulary.no_wordpiece", path=os.fspath(path), kind=fast.kind)
    return fast.vocab, fast.options
