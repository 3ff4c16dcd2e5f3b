"""`BertGenerationTokenizer`: SentencePiece, no special tokens added."""

from __future__ import annotations

import logging
import os
import shutil
from typing import Any

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.registry import register
from bertgen.tokenizers.sentence_piece import SentencePieceTokenizer, load_model

logger = logging.getLogger(__name__)


@register("bert-generation")
class BertGenerationTokenizer(PreTrainedTokenizer, SentencePieceTokenizer):
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
        self.sp_model_kwargs = sp_model_kwargs
        if sp_model_kwargs is None:
            self.sp_model_kwargs = {}
        self.vocab_file = os.fspath(vocab_file)
        # The model comes first: the special tokens are looked up in it.
        self.sp_model = load_model(self.vocab_file, self.sp_model_kwargs)
        super().__init__(
            bos_token=bos_token,
            eos_token=eos_token,
            unk_token=unk_token,
            pad_token=pad_token,
            sep_token=sep_token,
            sp_model_kwargs=self.sp_model_kwargs,
            **kwargs,
        )

    # --- pickling: a SentencePiece model cannot be pickled, so it is read again ------------------
    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["sp_model"] = None
        # The file may be gone by now: then the state carries the model itself.
        if not os.path.isfile(self.vocab_file):
            state["_proto"] = self.sp_model.serialized_model_proto()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        proto = self.__dict__.pop("_proto", None)
        self.sp_model = load_model(self.vocab_file, self.sp_model_kwargs, proto)

    # --- files -------------------------------------------------------------------------------
    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str] | None:
        """Copy the model file (or write the loaded model when the file is gone) into a folder.

        Returns the path written; None, with an error logged, when the folder does not exist.
        """
        if not os.path.isdir(save_directory):
            logger.error("%s is not a folder; make it first", save_directory)
            return None
        target = self._vocabulary_path(save_directory, "vocab_file", filename_prefix)
        if not os.path.isfile(self.vocab_file):
            with open(target, "wb") as file:
                file.write(self.sp_model.serialized_model_proto())
        # Saving a checkpoint over itself leaves the file alone.
        elif os.path.abspath(self.vocab_file) != os.path.abspath(target):
            shutil.copyfile(self.vocab_file, target)
        return (target,)
