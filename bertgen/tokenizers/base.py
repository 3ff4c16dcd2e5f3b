"""What every tokenizer here shares: calling, padding, truncating, decoding."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bertgen.tokenizers.calling import Calling
from bertgen.tokenizers.encoding import to_lists
from bertgen.tokenizers.files import TokenizerFiles
from bertgen.tokenizers.special import SpecialTokens
from bertgen.tokenizers.strategies import NO_LIMIT
from bertgen.tokenizers.targets import TargetSide
from bertgen.tokenizers.tokens import strip_beside

logger = logging.getLogger(__name__)

# Decoding undoes English tokenization spaces with these, in this order.
_CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


class PreTrainedTokenizer(Calling, SpecialTokens, TargetSide, TokenizerFiles):
    """Base of the tokenizers; behaviour of the slow tokenizers of transformers 4.37.2.

    A subclass gives `vocab_size`, `get_vocab`, `_tokenize`, `_convert_token_to_id`,
    `_convert_id_to_token`, `convert_tokens_to_string` and `save_vocabulary`.

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
        added = kwargs.pop("added_tokens_decoder", {})
        self.init_inputs: tuple = ()
        self.init_kwargs = copy.deepcopy(kwargs)
        self.name_or_path = kwargs.get("name_or_path", "")
        limit = kwargs.get("model_max_length", kwargs.get("max_len"))
        self.model_max_length = NO_LIMIT if limit is None else limit
        if not isinstance(self.model_max_length, (int, float)):
            raise ValueError(f"model_max_length must be a number of tokens, got {limit!r}")
        self.padding_side = kwargs.get("padding_side", self.padding_side)
        self.truncation_side = kwargs.get("truncation_side", self.truncation_side)
        for name in ("padding_side", "truncation_side"):
            if getattr(self, name) not in ("right", "left"):
                raise ValueError(f"{name} must be 'right' or 'left', got {getattr(self, name)!r}")
        self.model_input_names = list(kwargs.get("model_input_names", self.model_input_names))
        self.clean_up_tokenization_spaces = kwargs.get("clean_up_tokenization_spaces", True)
        self.split_special_tokens = kwargs.get("split_special_tokens", False)
        self.chat_template = kwargs.get("chat_template")
        self._told: set[str] = set()
        self._init_special_tokens(kwargs, added)

    # --- sizes -------------------------------------------------------------------------------
    def __len__(self) -> int:
        """Number of distinct tokens, added ones included."""
        return len(self.get_vocab())

    @property
    def max_len_single_sentence(self) -> int:
        """Longest text in tokens, once special tokens have taken their places."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """Longest pair of texts in tokens, once special tokens have taken their places."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens encoding adds to a text (or a pair)."""
        return len(self.build_inputs_with_special_tokens([], [] if pair else None))

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map}, "
            f"clean_up_tokenization_spaces={self.clean_up_tokenization_spaces})"
        )

    def _tell_once(self, message: str, verbose: bool = True) -> None:
        if verbose and message not in self._told:
            self._told.add(message)
            logger.warning(message)

    # --- text -> tokens -> ids ---------------------------------------------------------------
    def prepare_for_tokenization(self, text: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        """Hook: change the text before it is tokenized; returns it and the arguments not used."""
        kwargs.pop("is_split_into_words", None)
        return text, kwargs

    def prepare_for_splitting(self, text: str) -> str:
        """Hook: change the text before it is cut at the added tokens; nothing here."""
        return text

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """Cut `text` into tokens: first at the added tokens, then the rest by the vocabulary's rules."""
        split_special = kwargs.pop("split_special_tokens", self.split_special_tokens)
        text, unused = self.prepare_for_tokenization(text, **kwargs)
        if unused:
            self._tell_once(f"arguments not known to the tokenizer are ignored: {sorted(unused)}")
        text = self.prepare_for_splitting(text)
        if split_special:
            return self._tokenize(text) if text else []
        added = {token.content: token for token in self._added_tokens_decoder.values()}
        tokens: list[str] = []
        for piece in strip_beside(self._splitter.split(text), added):
            tokens.extend([piece] if piece in added else self._tokenize(piece))
        return tokens

    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any:
        """Id of a token, or ids of a sequence of tokens; unknown ones give the unknown id."""
        if tokens is None or isinstance(tokens, str):
            return None if tokens is None else self._token_to_id(tokens)
        return [None if token is None else self._token_to_id(token) for token in tokens]

    def _token_to_id(self, token: str) -> int:
        index = self._added_tokens_encoder.get(token)
        return self._convert_token_to_id(token) if index is None else index

    def _unknown_id(self, vocab: Mapping[str, int]) -> int | None:
        """Id of the unknown token, which may be an added one; None when there is none."""
        index = vocab.get(self.unk_token)
        return self._added_tokens_encoder.get(self.unk_token) if index is None else index

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Token of an id, or tokens of a sequence of ids (special ones left out on request).

        Raises:
            IndexError: an id outside the vocabulary.
        """
        if isinstance(ids, int):
            return self._id_to_token(ids)
        skip = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._id_to_token(index) for index in map(int, ids) if index not in skip]

    def _id_to_token(self, index: int) -> str:
        token = self._added_tokens_decoder.get(index)
        return self._convert_id_to_token(index) if token is None else token.content

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Hook: put special tokens around one or two sequences; none here."""
        return token_ids_0 if token_ids_1 is None else token_ids_0 + token_ids_1

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Hook: 0 for tokens of the first sequence, 1 for those of the second."""
        return [0] * len(token_ids_0) + [1] * len(token_ids_1 or [])

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 where `build_inputs_with_special_tokens` puts a special token, else 0.

        With `already_has_special_tokens=True`, 1 where `token_ids_0` holds one.
        """
        if not already_has_special_tokens:
            text: Any = object()  # in the place of every id that is no special token's
            pair = None if token_ids_1 is None else [text] * len(token_ids_1)
            built = self.build_inputs_with_special_tokens([text] * len(token_ids_0), pair)
            return [int(token is not text) for token in built]
        if token_ids_1 is not None:
            raise ValueError("pass one finished sequence, not two, with already_has_special_tokens=True")
        special = set(self.all_special_ids)
        return [int(index in special) for index in token_ids_0]

    # --- ids -> text -------------------------------------------------------------------------
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
        ids = to_lists(token_ids)
        tokens = self.convert_ids_to_tokens([ids] if isinstance(ids, int) else ids, skip_special_tokens)
        set_off = self.tokens_set_off()
        parts, run = [], []
        for token in tokens:
            if token not in set_off:
                run.append(token)
                continue
            text = self.convert_tokens_to_string(run) if run else ""
            parts += [text, token] if text else [token]
            run = []
        if run:
            parts.append(self.convert_tokens_to_string(run))
        text = (" " if spaces_between_special_tokens else "").join(parts)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return self.clean_up_tokenization(text) if clean_up_tokenization_spaces else text

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """`decode` of each row."""
        how = (skip_special_tokens, clean_up_tokenization_spaces)
        return [self.decode(row, *how, **kwargs) for row in sequences]

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """Refused: these are no chat models, and a checkpoint's template would be a program to run.

        Raises:
            NotImplementedError: always. `chat_template` itself is read, kept and saved.
        """
        raise NotImplementedError(
            f"{type(self).__name__} applies no chat templates; write the text out and encode that"
        )

    def tokens_set_off(self) -> set[str]:
        """Added tokens that `decode` joins with spaces instead of gluing: the ones that are not
        special, and unnamed special ones beyond the base vocabulary."""
        special = set(self.all_special_tokens)
        unnamed = {t for t in self.additional_special_tokens if self._token_to_id(t) >= self.vocab_size}
        return (set(self._added_tokens_encoder) - special) | unnamed

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Undo the spaces of English tokenization: " ." -> ".", " n't" -> "n't", ..."""
        for old, new in _CLEAN_UP:
            out_string = out_string.replace(old, new)
        return out_string
