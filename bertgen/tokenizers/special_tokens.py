"""Special and added tokens of a tokenizer: attributes, ids, adding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from bertgen.tokenizers.added_tokens import AddedToken, splitting_pattern

NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
# Also the order in which missing ones are appended to the vocabulary.
SPECIAL_TOKENS_ATTRIBUTES = (*NAMED_TOKENS, "additional_special_tokens")


def _token(name: str) -> property:
    """The attribute `bos_token`, ...: a text; kept as it was given in `_bos_token`."""
    slot = "_" + name

    def read(self: SpecialTokens) -> str | None:
        value = getattr(self, slot)
        return None if value is None else str(value)

    def write(self: SpecialTokens, value: str | AddedToken | None) -> None:
        if value is not None and not isinstance(value, (str, AddedToken)):
            raise ValueError(f"{name} must be a str, an AddedToken or None, got {type(value).__name__}")
        setattr(self, slot, value)
        self._special_tokens_changed()

    return property(read, write, doc=f"The {name.replace('_', ' ')}; None when there is none.")


def _token_id(name: str) -> property:
    """The attribute `bos_token_id`, ...: worked out from the token, so that both always agree."""

    def read(self: SpecialTokens) -> int | None:
        return self.convert_tokens_to_ids(getattr(self, name))

    def write(self: SpecialTokens, value: int | None) -> None:
        token = None
        if value is not None:
            token = self.convert_ids_to_tokens(value)
        setattr(self, name, token)

    return property(read, write, doc=f"Id of the {name.replace('_', ' ')}; None when there is none.")


class SpecialTokens:
    """Mixin: named special tokens, added tokens and their ids.

    The host provides `vocab_size`, `get_vocab`, `convert_tokens_to_ids` and `convert_ids_to_tokens`.
    """

    bos_token, bos_token_id = _token("bos_token"), _token_id("bos_token")
    eos_token, eos_token_id = _token("eos_token"), _token_id("eos_token")
    unk_token, unk_token_id = _token("unk_token"), _token_id("unk_token")
    sep_token, sep_token_id = _token("sep_token"), _token_id("sep_token")
    pad_token, pad_token_id = _token("pad_token"), _token_id("pad_token")
    cls_token, cls_token_id = _token("cls_token"), _token_id("cls_token")
    mask_token, mask_token_id = _token("mask_token"), _token_id("mask_token")
    SPECIAL_TOKENS_ATTRIBUTES = SPECIAL_TOKENS_ATTRIBUTES
    pad_token_type_id = 0
    _lowers = False  # whether `_lower_text` lower-cases a text before it is cut at the added tokens

    def _init_special_tokens(self, tokens: Mapping[str, Any], added: Mapping[int, AddedToken]) -> None:
        # 1) The added tokens that a checkpoint's files list, with their ids.
        self._added_tokens_decoder: dict[int, AddedToken] = dict(added)
        self._added_tokens_encoder = {token.content: index for index, token in added.items()}
        # 2) The special tokens by name, and the unnamed ones.
        self._additional_special_tokens: list[str | AddedToken] | None = []
        for name in NAMED_TOKENS:
            value = tokens.get(name)
            if value is not None and not isinstance(value, (str, AddedToken)):
                raise TypeError(f"{name} must be a str or an AddedToken, got {type(value).__name__}")
            setattr(self, name, value)
        if tokens.get("additional_special_tokens") is not None:
            self.additional_special_tokens = tokens["additional_special_tokens"]
        # 3) Every special token is an added one, too: it stays whole in a text.
        self._add_tokens(self.all_special_tokens_extended, special_tokens=True)

    # --- the named tokens together -----------------------------------------------------------
    @property
    def additional_special_tokens(self) -> list[str] | None:
        """Special tokens without a name of their own; None once it was set so."""
        if self._additional_special_tokens is None:
            return None
        return [str(token) for token in self._additional_special_tokens]

    @additional_special_tokens.setter
    def additional_special_tokens(self, values: Sequence[str | AddedToken] | None) -> None:
        if values is not None:
            _check_token_list(values)
            values = list(values)
        self._additional_special_tokens = values
        self._special_tokens_changed()

    @property
    def additional_special_tokens_ids(self) -> list[int] | None:
        """Ids of `additional_special_tokens`; setting them sets the tokens."""
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, values: Sequence[int]) -> None:
        self.additional_special_tokens = [self.convert_ids_to_tokens(value) for value in values]

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """Name -> token as it was given (`str` or `AddedToken`), set ones only."""
        values = {name: getattr(self, "_" + name) for name in SPECIAL_TOKENS_ATTRIBUTES}
        return {name: value for name, value in values.items() if value}

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """Name -> token as text, set ones only."""
        return {name: getattr(self, name) for name in self.special_tokens_map_extended}

    @property
    def all_special_tokens_extended(self) -> list[str | AddedToken]:
        """Every special token once, as it was given."""
        named = [getattr(self, "_" + name) for name in NAMED_TOKENS]
        tokens = [token for token in named if token]
        unique: dict[str, str | AddedToken] = {}
        for token in tokens + (self._additional_special_tokens or []):
            unique.setdefault(str(token), token)
        return list(unique.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once, as text."""
        return list(self.special_tokens)

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of `all_special_tokens`, in that order."""
        return self.convert_tokens_to_ids(self.all_special_tokens)

    # --- the same for every text: worked out once, and again when a token changes -----------------
    @cached_property
    def special_tokens(self) -> tuple[str, ...]:
        """`all_special_tokens`, which every text needs."""
        return tuple(str(token) for token in self.all_special_tokens_extended)

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """`all_special_ids` as a set."""
        return frozenset(self.all_special_ids)

    @cached_property
    def tokens_set_off(self) -> frozenset[str]:
        """Added tokens that `decode` joins with spaces instead of gluing: the ones that are not
        special, and unnamed special ones beyond the base vocabulary."""
        unnamed = self.additional_special_tokens or []
        beyond = {token for token in unnamed if self.convert_tokens_to_ids(token) >= self.vocab_size}
        return frozenset(self._added_tokens_encoder.keys() - set(self.special_tokens) | beyond)

    def _special_tokens_changed(self) -> None:
        for name in ("special_tokens", "special_ids", "tokens_set_off"):
            self.__dict__.pop(name, None)

    # --- added tokens ------------------------------------------------------------------------
    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Id -> added token, by rising id."""
        return dict(sorted(self._added_tokens_decoder.items()))

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Added token -> id, by rising id."""
        return {token.content: index for index, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """Added token -> id (special tokens of the base vocabulary are among them)."""
        return dict(self._added_tokens_encoder)

    def add_tokens(
        self,
        new_tokens: str | AddedToken | Sequence[str | AddedToken],
        special_tokens: bool = False,
    ) -> int:
        """Keep these tokens whole from now on; ones the vocabulary lacks get new ids at its end.

        Returns how many ids were new: pass `len(tokenizer)` to `model.resize_token_embeddings` then.
        """
        if not new_tokens:
            return 0
        if not isinstance(new_tokens, (list, tuple)):
            new_tokens = [new_tokens]
        return self._add_tokens(new_tokens, special_tokens=special_tokens)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Any],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Set named special tokens (`{"cls_token": "<cls>"}`), adding those the vocabulary lacks.

        With `replace_additional_special_tokens=False` the unnamed ones are extended, not replaced.
        Returns how many ids were new.
        """
        added: list[AddedToken] = []
        for name, value in (special_tokens_dict or {}).items():
            if name not in SPECIAL_TOKENS_ATTRIBUTES:
                raise AssertionError(f"{name!r} is no special token; choose of {SPECIAL_TOKENS_ATTRIBUTES}")
            if name == "additional_special_tokens":
                added += self._set_unnamed_tokens(value, replace_additional_special_tokens)
                continue
            if not isinstance(value, (str, AddedToken)):
                raise ValueError(f"{name} must be a str or an AddedToken, got {type(value).__name__}")
            token = _as_special(value)
            setattr(self, name, token)
            if token not in added:
                added.append(token)
        return self.add_tokens(added, special_tokens=True)

    def _set_unnamed_tokens(self, values: Any, replace: bool) -> list[AddedToken]:
        """Replace or extend the unnamed special tokens; returns the ones that are new among them."""
        _check_token_list(values)
        known: list[str] = []
        if not replace:
            known = self.additional_special_tokens or []
        tokens = [_as_special(token) for token in values if str(token) not in known]
        # An empty list replaces nothing, as in the reference.
        if replace and tokens:
            self._additional_special_tokens = list(tokens)
        else:
            self._additional_special_tokens = [*(self._additional_special_tokens or []), *tokens]
        self._special_tokens_changed()
        return tokens

    def _add_tokens(self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False) -> int:
        vocabulary = self.get_vocab()
        before = len(vocabulary)
        for token in new_tokens:
            if not isinstance(token, (str, AddedToken)):
                raise TypeError(
                    f"a token must be a str or an AddedToken, got {type(token).__name__}: {token!r}"
                )
            # 1) A text that is an added token already changes nothing; an AddedToken brings its own options.
            if not str(token) or (isinstance(token, str) and token in self._added_tokens_encoder):
                continue
            if isinstance(token, str):
                token = AddedToken(token, special=special_tokens or token in self.special_tokens)
            elif special_tokens:
                token.special = True
            # 2) It must be written as the text will be when it is looked for.
            if not token.special and token.normalized and self._lowers:
                token.content = token.content.lower()
            # 3) It keeps the vocabulary's id, or gets the next one.
            index = vocabulary.setdefault(token.content, len(vocabulary))
            if token.special and token.content not in self.special_tokens:
                self._additional_special_tokens = [*(self._additional_special_tokens or []), token]
                self._special_tokens_changed()
            self._added_tokens_decoder[index] = token
            self._added_tokens_encoder[token.content] = index
        self._special_tokens_changed()
        # What `tokenize` needs of them, once for all texts.
        self._added_tokens = {token.content: token for token in self._added_tokens_decoder.values()}
        self._added_pattern = splitting_pattern(self._added_tokens_encoder)
        return len(vocabulary) - before


def _as_special(token: str | AddedToken) -> AddedToken:
    if isinstance(token, AddedToken):
        return token
    return AddedToken(token, special=True)


def _check_token_list(values: Any) -> None:
    if not isinstance(values, (list, tuple)) or not all(isinstance(v, (str, AddedToken)) for v in values):
        raise AssertionError(f"additional_special_tokens must be a list of str or AddedToken, got {values!r}")
