"""`PreTrainedTokenizer`: the core with everything that transformers puts around it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from bertgen.errors import Trouble
from bertgen.tokenizers.core import NO_LIMIT
from bertgen.tokenizers.pretrained import TokenizerFiles
from bertgen.tokenizers.reference.calling import Calling


class PreTrainedTokenizer(Calling, TokenizerFiles):
    """Base of the tokenizers; behaviour of the slow tokenizers of transformers 4.37.2.

    A subclass gives what `TokenizerCore` leaves open (from one of the kinds of vocabulary), and
    `save_vocabulary`.

    Keyword Args:
        model_max_length: longest input in tokens, used when truncation or padding names no length.
        padding_side, truncation_side: "right" or "left".
        clean_up_tokenization_spaces: rewrite " ." to "." and the like after decoding.
        split_special_tokens: treat special tokens in a text as plain text.
        bos_token ... additional_special_tokens: the special tokens.
        Anything else is kept in `init_kwargs` and written by `save_pretrained`.
    """

    vocab_files_names: Mapping[str, str] = {}
    model_input_names: Sequence[str] = ("input_ids", "token_type_ids", "attention_mask")
    padding_side = "right"
    truncation_side = "right"
    is_fast = False

    def __init__(self, **kwargs: Any) -> None:
        # 1) What `save_pretrained` writes back.
        added = kwargs.pop("added_tokens_decoder", {})
        self.init_inputs: tuple = ()
        self.init_kwargs = copy.deepcopy(kwargs)
        self.name_or_path = kwargs.get("name_or_path", "")
        self.chat_template = kwargs.get("chat_template")
        # 2) Lengths and sides.
        limit = kwargs.get("model_max_length", kwargs.get("max_len"))
        if limit is None:
            limit = NO_LIMIT
        if not isinstance(limit, (int, float)):
            raise Trouble("tokenizer.limit", got=repr(limit))
        self.model_max_length = limit
        self.padding_side = kwargs.get("padding_side", self.padding_side)
        self.truncation_side = kwargs.get("truncation_side", self.truncation_side)
        for name in ("padding_side", "truncation_side"):
            if getattr(self, name) not in ("right", "left"):
                raise Trouble("tokenizer.side", name=name, got=repr(getattr(self, name)))
        # 3) What the core goes by.
        self.model_input_names = list(kwargs.get("model_input_names", self.model_input_names))
        self.clean_up_tokenization_spaces = kwargs.get("clean_up_tokenization_spaces", True)
        self.split_special_tokens = kwargs.get("split_special_tokens", False)
        self._warnings_given: set[str] = set()
        self._warned_of_length = False
        self._init_special_tokens(kwargs, added)

    @property
    def max_len_single_sentence(self) -> int:
        """Longest text in tokens, once special tokens have taken their places."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """Longest pair of texts in tokens, once special tokens have taken their places."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map}, "
            f"clean_up_tokenization_spaces={self.clean_up_tokenization_spaces})"
        )

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`decode` of each row."""
        options = (skip_special_tokens, clean_up_tokenization_spaces)
        return [self.decode(row, *options, **kwargs) for row in sequences]

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Refused: these are no chat models, and a checkpoint's template would be a program to run.

        Raises:
            NotImplementedError: always. `chat_template` itself is read, kept and saved.
        """
        raise NotImplementedError(
            f"{type(self).__name__} applies no chat templates; write the text out and encode that"
        )
