"""`BertGenerationTokenizer`: SentencePiece, no special tokens added."""

from __future__ import annotations

import functools
import logging
import os
import shutil
from typing import Any

import sentencepiece

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.runs import SentencePieceRun, SentencePieceText, find_anchor

logger = logging.getLogger(__name__)

SPACE = "▁"  # U+2581, a leading space inside a piece


class BertGenerationTokenizer(PreTrainedTokenizer):
    """The SentencePiece tokenizer of BertGeneration models.

    It adds no special tokens: a text's ids are those of its pieces. Special tokens missing from the
    model file get ids from its size on, in the order bos, eos, unk, sep, pad.

    Args:
        vocab_file: a SentencePiece model, usually `spiece.model`.
        bos_token, eos_token, unk_token, pad_token, sep_token: the special tokens.
        sp_model_kwargs: for `SentencePieceProcessor`; subword regularisation by `enable_sampling`,
            `nbest_size` (0 or 1: none; above 1: among so many best; -1: among all) and `alpha` (its
            smoothing, or the dropout of merges). Drawn from sentencepiece's own generator, see its
            `set_random_generator_seed`.
        **kwargs: see `PreTrainedTokenizer`.

    Raises:
        OSError: the file is missing. RuntimeError: it is no SentencePiece model.
    """

    vocab_files_names = {"vocab_file": "spiece.model"}  # noqa: RUF012 - read only, as in the ecosystem
    model_input_names = ("input_ids", "attention_mask")
    prefix_tokens: tuple[int, ...] = ()  # ids that encoding puts first: none

    def __init__(
        self,
        vocab_file: str,
        bos_token: str = "<s>",
        eos_token: str = "</s>",
        unk_token: str = "<unk>",
        pad_token: str = "<pad>",
        sep_token: str = "<::::>",
        sp_model_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.sp_model_kwargs = {} if sp_model_kwargs is None else sp_model_kwargs
        self.vocab_file = os.fspath(vocab_file)
        self._anchor: tuple[str, int] | None = None
        self._load()
        super().__init__(
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            sep_token=sep_token,
            sp_model_kwargs=self.sp_model_kwargs,
            **kwargs,
        )

    def _load(self, proto: bytes | None = None) -> None:
        options = {**self.sp_model_kwargs, "model_file": None, "model_proto": None}  # those come below
        if options.get("nbest_size") in (0, 1):  # documented as "no sampling"; the library itself raises
            options["enable_sampling"] = False
        self.sp_model = sentencepiece.SentencePieceProcessor(**options)
        if proto is not None:
            self.sp_model.LoadFromSerializedProto(proto)
        elif not os.path.isfile(self.vocab_file):
            raise OSError(f"no SentencePiece model at {self.vocab_file!r}; give the path of a spiece.model")
        else:
            try:
                self.sp_model.Load(self.vocab_file)
            except RuntimeError as error:
                raise RuntimeError(
                    f"{self.vocab_file!r} is no SentencePiece model ({error}); a file of a few hundred bytes "
                    "is a Git LFS pointer: fetch the real one with `git lfs pull`"
                ) from error

    # --- pickling ----------------------------------------------------------------------------
    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["sp_model"] = None
        if not os.path.isfile(self.vocab_file):  # the file is gone: carry the model itself
            state["_proto"] = self.sp_model.serialized_model_proto()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load(self.__dict__.pop("_proto", None))

    # --- vocabulary --------------------------------------------------------------------------
    @property
    def vocab_size(self) -> int:
        """Size of the SentencePiece model, added tokens not counted."""
        return self.sp_model.get_piece_size()

    def get_vocab(self) -> dict[str, int]:
        """Token -> id, added tokens included."""
        ids = list(range(self.vocab_size))
        pieces = self.sp_model.id_to_piece(ids)
        for index in self._added_tokens_decoder.keys() & ids:
            pieces[index] = self._added_tokens_decoder[index].content
        return dict(zip(pieces, ids, strict=True)) | self.added_tokens_encoder

    def _tokenize(self, text: str) -> list[str]:
        return self.sp_model.encode(text, out_type=str)

    def _convert_token_to_id(self, token: str) -> int:
        return self.sp_model.piece_to_id(token)

    def _convert_id_to_token(self, index: int) -> str:
        if not 0 <= index < self.vocab_size:
            raise IndexError(f"id {index} is outside the vocabulary of {len(self)} tokens")
        return self.sp_model.id_to_piece(index)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """Text of pieces; special tokens are glued in as they are, the ends are stripped."""
        special = set(self.all_special_tokens)
        text, run = "", []
        for token in tokens:
            if token in special:
                text += self.sp_model.decode(run) + token
                run = []
            else:
                run.append(token)
        return (text + self.sp_model.decode(run)).strip()

    def run_decoder(self) -> SentencePieceText:
        """A fresh incremental `convert_tokens_to_string`, see `StreamDecoder`."""
        if self._anchor is None:
            self._anchor = find_anchor(self.sp_model)
        new_run = functools.partial(SentencePieceRun, self.sp_model, self._anchor)
        return SentencePieceText(new_run, set(self.all_special_tokens))

    def piece_surface(self, piece: str) -> tuple[bool, str]:
        """Whether a piece begins a word, and its text; "" for a byte piece."""
        if self.sp_model.is_byte(self.sp_model.piece_to_id(piece)):
            return False, ""
        return piece.startswith(SPACE), piece.replace(SPACE, "")

    # --- files -------------------------------------------------------------------------------
    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str] | None:
        """Copy the model file (or write the loaded model when the file is gone) into a folder.

        Returns the path written; None, with an error logged, when the folder does not exist.
        """
        if not os.path.isdir(save_directory):
            logger.error("%s is not a folder; make it first", save_directory)
            return None
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        target = os.path.join(save_directory, prefix + self.vocab_files_names["vocab_file"])
        if not os.path.isfile(self.vocab_file):
            with open(target, "wb") as file:
                file.write(self.sp_model.serialized_model_proto())
        elif os.path.abspath(self.vocab_file) != os.path.abspath(target):
            shutil.copyfile(self.vocab_file, target)
        return (target,)
