"""Added tokens and the split of a text on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class AddedToken:
    """A token kept whole by the tokenizer, outside the model's own vocabulary rules.

    Two added tokens are equal when their contents are. `lstrip`/`rstrip` swallow the white space
    beside the token, `single_word` refuses a match inside a word, `special` marks what decoding may
    skip. `normalized` is stored for files and defaults to `not special`.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    special: bool = False
    normalized: bool | None = None

    def __post_init__(self) -> None:
        if self.normalized is None:
            self.normalized = not self.special

    def __str__(self) -> str:
        return self.content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddedToken) and other.content == self.content

    def __hash__(self) -> int:
        return hash(("AddedToken", self.content))

    def to_dict(self) -> dict[str, Any]:
        """The six fields as they stand in tokenizer files."""
        names = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], **override: Any) -> AddedToken:
        """Read one back; unknown keys (`id`, `__type`) are ignored, `override` wins."""
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        return cls(**{**known, **override})


class TokenSplitter:
    """Cuts a text at every occurrence of a set of tokens: leftmost first, longest at each place."""

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        contents = sorted({token for token in tokens if token}, key=len, reverse=True)
        # A capturing group makes re.split return the separators too.
        self._pattern = re.compile(f"({'|'.join(map(re.escape, contents))})") if contents else None

    def split(self, text: str) -> list[str]:
        """`"Hi<s> you"` -> `["Hi", "<s>", " you"]`; no empty pieces."""
        if self._pattern is None:
            return [text] if text else []
        return [piece for piece in self._pattern.split(text) if piece]


def strip_beside(pieces: list[str], added: Mapping[str, AddedToken]) -> list[str]:
    """Apply `lstrip`, `rstrip` and `single_word` of the added tokens among `pieces` to their neighbours.

    A `single_word` token that touches a word is glued to it, so that it is tokenized as plain text.
    """
    pieces = list(pieces)
    for i, piece in enumerate(pieces):
        token = added.get(piece)
        if token is None:
            continue
        left = pieces[i - 1] if i > 0 else ""
        right = pieces[i + 1] if i + 1 < len(pieces) else ""
        if token.rstrip and right:
            pieces[i + 1] = right.lstrip()
        if token.lstrip and left:
            pieces[i - 1] = left.rstrip()
        if token.single_word and left and not left.endswith(" "):
            pieces[i - 1] += piece
            pieces[i] = ""
        elif token.single_word and right and not right.startswith(" "):
            pieces[i + 1] = piece + pieces[i + 1]
            pieces[i] = ""
    return [piece for piece in pieces if piece]
