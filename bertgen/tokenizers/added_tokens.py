"""Added tokens, and how a text is cut at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_MATCHES_NOTHING = re.compile("(?!)")


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
        known = {key: value for key, value in data.items() if key in cls.__dataclass_fields__}
        return cls(**{**known, **override})


def splitting_pattern(contents: Iterable[str]) -> re.Pattern[str]:
    """A pattern whose `split` cuts a text at these tokens and keeps them.

    `"Hi<s> you"` -> `["Hi", "<s>", " you"]`; there may be empty pieces, at the ends and between two tokens.
    """
    # The leftmost token is found first, and at one place the longest: the order of the alternatives says so.
    longest_first = sorted({content for content in contents if content}, key=len, reverse=True)
    if not longest_first:
        return _MATCHES_NOTHING
    # The capturing group makes `split` return the tokens too.
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")


def strip_beside(pieces: list[str], added: Mapping[str, AddedToken]) -> list[str]:
    """Apply `lstrip`, `rstrip` and `single_word` of the added tokens among `pieces` to their neighbours.

    A `single_word` token that touches a word is glued to it, so that it is tokenized as plain text.
    No piece may be empty; pieces that become empty are left out.
    """
    # An empty piece at either end stands for "no neighbour".
    pieces = ["", *pieces, ""]
    for i in range(1, len(pieces) - 1):
        piece = pieces[i]
        token = added.get(piece)
        if token is None:
            continue
        left, right = pieces[i - 1], pieces[i + 1]
        # 1) White space beside the token belongs to it.
        if token.rstrip and right:
            pieces[i + 1] = right.lstrip()
        if token.lstrip and left:
            pieces[i - 1] = left.rstrip()
        # 2) Inside a word it is no token; `left` and `right` are the neighbours before they were stripped.
        if token.single_word and left and not left.endswith(" "):
            pieces[i - 1] += piece
            pieces[i] = ""
        elif token.single_word and right and not right.startswith(" "):
            pieces[i + 1] = piece + pieces[i + 1]
            pieces[i] = ""
    return [piece for piece in pieces if piece]
