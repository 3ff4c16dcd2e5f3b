"""`GPT2Tokenizer` and `RobertaTokenizer`: byte-level BPE."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.runs import ByteLevelRun
from bertgen.tokenizers.tokens import AddedToken
from bertgen.tokenizers.vocabulary import VocabularyError, read_fast_file, read_merges, read_vocab_json

logger = logging.getLogger(__name__)


def _byte_alphabet() -> dict[str, int]:
    """Character -> byte: printable Latin-1 stands for itself, the rest for U+0100 on, as in GPT-2."""
    itself = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in set(itself)]
    return {chr(byte): byte for byte in itself} | {chr(256 + i): byte for i, byte in enumerate(others)}


BYTE_OF = _byte_alphabet()


def bytes_of(token: str) -> bytes:
    """The bytes that a token stands for; characters outside the alphabet stand for themselves."""
    try:
        return bytes([BYTE_OF[char] for char in token])
    except KeyError:  # a token that was put into the vocabulary as plain text
        parts = (bytes([BYTE_OF[c]]) if c in BYTE_OF else c.encode("utf-8", "surrogatepass") for c in token)
        return b"".join(parts)


class UnknownIdError(IndexError, TypeError):
    """An id without a token was to be decoded."""


class ByteLevelTokenizer(PreTrainedTokenizer):
    """What GPT-2's and RoBERTa's tokenizers share; ids and texts are those of the slow classes.

    Args: see `GPT2Tokenizer`.
    """

    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}  # noqa: RUF012
    model_input_names = ("input_ids", "attention_mask")
    fast_kind = "BPE"

    def __init__(
        self,
        vocab_file: str | os.PathLike | None,
        merges_file: str | os.PathLike | None,
        errors: str,
        add_prefix_space: bool | None,
        tokenizer_file: str | os.PathLike | None,
        **kwargs: Any,
    ) -> None:
        options: dict[str, Any] = {}
        if vocab_file is not None and merges_file is not None:
            self.encoder, self._merges = read_vocab_json(vocab_file), read_merges(merges_file)
        elif tokenizer_file is None:
            raise VocabularyError(
                f"{type(self).__name__} needs vocab_file= and merges_file= (vocab.json and merges.txt), or "
                "tokenizer_file="
            )
        else:
            fast = read_fast_file(tokenizer_file)
            if fast.kind != "BPE":
                raise VocabularyError(f"{os.fspath(tokenizer_file)!r} is {fast.kind}; try BertTokenizer")
            self.encoder, self._merges, options = fast.vocab, fast.merges, fast.options
        self.decoder = {index: token for token, index in self.encoder.items()}
        self.errors = errors
        if add_prefix_space is None:
            add_prefix_space = options.get("add_prefix_space", False)
        self.add_prefix_space = add_prefix_space
        self._load()
        super().__init__(errors=errors, add_prefix_space=add_prefix_space, **kwargs)

    def _load(self) -> None:
        """The merges as a BPE model over every piece they can make: which of them are in the
        vocabulary is decided when pieces become ids, as in the reference."""
        pieces = dict.fromkeys([*BYTE_OF, *self.encoder])
        pieces.update(dict.fromkeys(part for a, b in self._merges for part in (a, b, a + b)))
        ids = {piece: index for index, piece in enumerate(pieces)}
        self._model = BPE(vocab=ids, merges=self._merges)
        self._words = ByteLevel(add_prefix_space=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None, "_words": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()

    # --- vocabulary --------------------------------------------------------------------------
    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary file, added tokens not counted."""
        return len(self.encoder)

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        return self.encoder | self.added_tokens_encoder

    def _tokenize(self, text: str) -> list[str]:
        words = self._words.pre_tokenize_str(text)
        return [piece.value for word, _ in words for piece in self._model.tokenize(word)]

    def bpe(self, token: str) -> str:
        """The pieces of one word of byte characters, joined by spaces."""
        return " ".join(piece.value for piece in self._model.tokenize(token)) if token else token

    @property
    def byte_decoder(self) -> dict[str, int]:
        """Character of the byte alphabet -> byte."""
        return dict(BYTE_OF)

    @property
    def byte_encoder(self) -> dict[int, str]:
        """Byte -> its character."""
        return {byte: char for char, byte in BYTE_OF.items()}

    @property
    def bpe_ranks(self) -> dict[tuple[str, str], int]:
        """Merge -> its rank, 0 for the first."""
        return {pair: rank for rank, pair in enumerate(self._merges)}

    def _convert_token_to_id(self, token: str) -> int | None:
        index = self.encoder.get(token)
        return self._unknown_id(self.encoder) if index is None else index

    def _convert_id_to_token(self, index: int) -> str | None:
        return self.decoder.get(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of the tokens' bytes; broken characters as `errors` says."""
        return b"".join(map(self._bytes, tokens)).decode("utf-8", errors=self.errors)

    def _bytes(self, token: str | None) -> bytes:
        if token is None:
            raise UnknownIdError(f"an id is outside the vocabulary of {len(self)} tokens")
        return bytes_of(token)

    def run_decoder(self) -> ByteLevelRun:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        return ByteLevelRun(self._bytes, self.errors)

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word (with white space), and its whole characters."""
        text = bytes_of(piece).decode("utf-8", errors="ignore")
        return text[:1].isspace(), text.strip()

    # --- files -------------------------------------------------------------------------------
    def save_vocabulary(
        self, save_directory: str, filename_prefix: str | None = None
    ) -> tuple[str, str] | None:
        """Write vocab.json and merges.txt into a folder and return their paths.

        Returns None, with an error logged, when the folder does not exist.

        Raises:
            ValueError: a piece of a merge holds white space, which a merges.txt cannot.
        """
        if not os.path.isdir(save_directory):
            logger.error("%s is not a folder; make it first", save_directory)
            return None
        broken = [pair for pair in self._merges if len(" ".join(pair).split()) != 2]
        if broken:
            raise ValueError(f"the merge {broken[0]!r} holds white space, which a merges.txt cannot keep")
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        names = self.vocab_files_names
        vocab, merges = (os.path.join(save_directory, prefix + names[key]) for key in names)
        with open(vocab, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.encoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        with open(merges, "w", encoding="utf-8") as file:
            file.write("#version: 0.2\n")
            file.writelines(f"{first} {second}\n" for first, second in self._merges)
        return vocab, merges


class GPT2Tokenizer(ByteLevelTokenizer):
    """The byte-level BPE tokenizer of GPT-2 models. It adds no special tokens and has no pad token.

    Args:
        vocab_file, merges_file: vocab.json and merges.txt.
        errors: what to do with bytes that are no UTF-8 when decoding: "replace", "ignore", "strict".
        unk_token, bos_token, eos_token, pad_token: the special tokens.
        add_prefix_space: put a space before the text.
        add_bos_token: put `bos_token` before each text.
        tokenizer_file: a tokenizer.json, in place of the two files.
        **kwargs: see `PreTrainedTokenizer`.

    Raises:
        VocabularyError: a file is missing or is no such vocabulary (an `OSError` and a `ValueError`).
    """

    def __init__(
        self,
        vocab_file: str | os.PathLike | None = None,
        merges_file: str | os.PathLike | None = None,
        errors: str = "replace",
        unk_token: Any = "<|endoftext|>",
        bos_token: Any = "<|endoftext|>",
        eos_token: Any = "<|endoftext|>",
        pad_token: Any = None,
        add_prefix_space: bool | None = None,
        add_bos_token: bool = False,
        *,
        tokenizer_file: str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> None:
        self.add_bos_token = add_bos_token
        super().__init__(
            vocab_file,
            merges_file,
            errors,
            add_prefix_space,
            tokenizer_file,
            unk_token=_as_token(unk_token),
            bos_token=_as_token(bos_token),
            eos_token=_as_token(eos_token),
            pad_token=_as_token(pad_token),
            add_bos_token=add_bos_token,
            **kwargs,
        )

    def prepare_for_tokenization(
        self, text: str, is_split_into_words: bool = False, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """A space before the text with `add_prefix_space`, and before each ready word."""
        add_prefix_space = kwargs.pop("add_prefix_space", self.add_prefix_space)
        return (" " + text if is_split_into_words or add_prefix_space else text), kwargs

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The ids as they are; with `add_bos_token`, `bos_token` before each sequence."""
        bos = [self.bos_token_id] if self.add_bos_token else []
        first = [*bos, *token_ids_0]
        return first if token_ids_1 is None else [*first, *bos, *token_ids_1]


class RobertaTokenizer(ByteLevelTokenizer):
    """The byte-level BPE tokenizer of RoBERTa models: `<s> a </s>`, `<s> a </s></s> b </s>`.

    Args:
        vocab_file, merges_file: vocab.json and merges.txt.
        errors: what to do with bytes that are no UTF-8 when decoding: "replace", "ignore", "strict".
        bos_token ... mask_token: the special tokens; `mask_token` swallows the space before it.
        add_prefix_space: put a space before a text that begins with none.
        tokenizer_file: a tokenizer.json, in place of the two files.
        **kwargs: see `PreTrainedTokenizer`.

    Raises:
        VocabularyError: a file is missing or is no such vocabulary (an `OSError` and a `ValueError`).
    """

    def __init__(
        self,
        vocab_file: str | os.PathLike | None = None,
        merges_file: str | os.PathLike | None = None,
        errors: str = "replace",
        bos_token: Any = "<s>",
        eos_token: Any = "</s>",
        sep_token: Any = "</s>",
        cls_token: Any = "<s>",
        unk_token: Any = "<unk>",
        pad_token: Any = "<pad>",
        mask_token: Any = "<mask>",
        add_prefix_space: bool | None = None,
        *,
        tokenizer_file: str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocab_file,
            merges_file,
            errors,
            add_prefix_space,
            tokenizer_file,
            bos_token=_as_token(bos_token),
            eos_token=_as_token(eos_token),
            unk_token=_as_token(unk_token),
            sep_token=_as_token(sep_token),
            cls_token=_as_token(cls_token),
            pad_token=_as_token(pad_token),
            mask_token=_as_token(mask_token, lstrip=True, normalized=False),
            **kwargs,
        )

    def prepare_for_tokenization(
        self, text: str, is_split_into_words: bool = False, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """A space before the text with `add_prefix_space`, and before each ready word, unless there
        is white space."""
        wanted = kwargs.pop("add_prefix_space", self.add_prefix_space) or is_split_into_words
        return (" " + text if wanted and text and not text[0].isspace() else text), kwargs

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """`<s> ids_0 </s>`, or `<s> ids_0 </s></s> ids_1 </s>`."""
        sep = self.sep_token_id
        first = [self.cls_token_id, *token_ids_0, sep]
        return first if token_ids_1 is None else [*first, sep, *token_ids_1, sep]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 everywhere: RoBERTa tells sequences apart by `</s></s>`."""
        return [0] * len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1))


def _as_token(value: Any, **fields: bool) -> Any:
    return AddedToken(value, **fields) if isinstance(value, str) else value
