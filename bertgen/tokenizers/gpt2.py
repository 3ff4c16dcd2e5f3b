"""`GPT2Tokenizer` and `RobertaTokenizer`: byte-level BPE."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from bertgen.tokenizers.added_tokens import AddedToken
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.byte_level import BYTE_OF, ByteLevelTokenizer
from bertgen.tokenizers.reference.exceptions import VocabularyError
from bertgen.tokenizers.registry import register
from bertgen.tokenizers.vocabulary import BYTE_LEVEL_BPE, read_merges, read_tokenizer_json, read_vocab_json

logger = logging.getLogger(__name__)


class ByteLevelFiles(PreTrainedTokenizer, ByteLevelTokenizer):
    """What GPT-2's and RoBERTa's tokenizers share: the files, and the reference's views of the vocabulary.

    Args: see `GPT2Tokenizer`.
    """

    vocab_files_names = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}  # noqa: RUF012
    model_input_names = ("input_ids", "attention_mask")
    fast_kind = BYTE_LEVEL_BPE

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
            saved = read_tokenizer_json(tokenizer_file)
            if saved.kind != BYTE_LEVEL_BPE:
                raise VocabularyError("vocabulary.no_bpe", path=os.fspath(tokenizer_file), kind=saved.kind)
            self.encoder, self._merges, options = saved.vocab, saved.merges, saved.options
        self.decoder = {index: token for token, index in self.encoder.items()}
        self.errors = errors
        if add_prefix_space is None:
            add_prefix_space = options.get("add_prefix_space", False)
        self.add_prefix_space = add_prefix_space
        # The model comes first: the special tokens are looked up in the vocabulary.
        self._load_model()
        super().__init__(errors=errors, add_prefix_space=add_prefix_space, **kwargs)

    # --- the reference's views of the vocabulary -----------------------------------------------
    def bpe(self, token: str) -> str:
        """The pieces of one word of byte characters, joined by spaces."""
        if not token:
            return token
        return " ".join(piece.value for piece in self._model.tokenize(token))

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
        # A merge is written "first second": white space inside a piece would be read as another merge.
        broken = [pair for pair in self._merges if len(" ".join(pair).split()) != 2]
        if broken:
            raise ValueError(f"the merge {broken[0]!r} holds white space, which a merges.txt cannot keep")
        vocab = self._vocabulary_path(save_directory, "vocab_file", filename_prefix)
        merges = self._vocabulary_path(save_directory, "merges_file", filename_prefix)
        with open(vocab, "w", encoding="utf-8") as file:
            file.write(json.dumps(self.encoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        with open(merges, "w", encoding="utf-8") as file:
            file.write("#version: 0.2\n")
            file.writelines(f"{first} {second}\n" for first, second in self._merges)
        return vocab, merges


@register("gpt2")
class GPT2Tokenizer(ByteLevelFiles):
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
        if is_split_into_words or add_prefix_space:
            text = " " + text
        return text, kwargs

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The ids as they are; with `add_bos_token`, `bos_token` before each sequence."""
        bos = []
        if self.add_bos_token:
            bos = [self.bos_token_id]
        first = [*bos, *token_ids_0]
        if token_ids_1 is None:
            return first
        return [*first, *bos, *token_ids_1]


@register("roberta")
class RobertaTokenizer(ByteLevelFiles):
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
            # The mask stands where a word with its space stood.
            mask_token=_as_token(mask_token, lstrip=True, normalized=False),
            **kwargs,
        )

    def prepare_for_tokenization(
        self, text: str, is_split_into_words: bool = False, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """A space before the text with `add_prefix_space`, and before each ready word, unless there
        is white space."""
        wanted = kwargs.pop("add_prefix_space", self.add_prefix_space) or is_split_into_words
        if wanted and text and not text[0].isspace():
            text = " " + text
        return text, kwargs

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """`<s> ids_0 </s>`, or `<s> ids_0 </s></s> ids_1 </s>`."""
        sep = self.sep_token_id
        first = [self.cls_token_id, *token_ids_0, sep]
        if token_ids_1 is None:
            return first
        return [*first, sep, *token_ids_1, sep]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """0 everywhere: RoBERTa tells sequences apart by `</s></s>`."""
        return [0] * len(self.build_inputs_with_special_tokens(token_ids_0, token_ids_1))


def _as_token(value: Any, **fields: bool) -> Any:
    if isinstance(value, str):
        return AddedToken(value, **fields)
    return value
