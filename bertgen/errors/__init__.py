"""Errors with parts: why something cannot be done, and what to do next.

    raise Trouble("device.unknown", device="tpu")

The English stands in one table (`bertgen.errors.english`), by key; a page in another language translates by
`key` and `values`. Whoever has to decide something asks for the type or the key, never for words.
"""

from __future__ import annotations

from typing import Any

from bertgen.errors.english import ENGLISH


class Trouble(ValueError):
    """What cannot be done; ``str()`` is "why; move".

    Attributes:
        key: names the kind of trouble in the table; "" for a text without a key.
        values: what the table's words are filled with: strings, numbers, lists of them.
        why: the reason, without an end mark.
        move: what the reader can do next; "" where nothing can be said.
    """

    def __init__(self, key: str, **values: Any) -> None:
        """
        Args:
            key: a key of the table, such as "hub.gated", or the whole message (a subclass of a reference's
                error is also raised with plain text by callers of their own).
            **values: for the table's words.
        """
        if key not in ENGLISH:
            self._say("", {}, key, "")
            return
        why, move = ENGLISH[key]
        self._say(key, values, why.format(**values), move.format(**values))

    def _say(self, key: str, values: dict[str, Any], why: str, move: str) -> None:
        self.key, self.values, self.why, self.move = key, values, why, move
        super().__init__("; ".join(filter(None, (why, move))))

    def __str__(self) -> str:
        # a KeyError among the parents would put its message in quotes
        return self.args[0]

    def __reduce__(self) -> tuple[Any, ...]:
        # any text makes an empty error of this type; the state then says everything
        return type(self), ("",), {**self.__dict__, "args": self.args}


# Where callers of the reference catch another type, the error is of both.


class FileTrouble(Trouble, OSError):
    """A file that is not there or cannot be read."""


class TypeTrouble(Trouble, TypeError):
    """A value of the wrong type."""


class IndexTrouble(Trouble, IndexError):
    """An id outside the vocabulary."""


class NotSupported(Trouble, NotImplementedError):
    """Something that the reference offers and this library does not."""


class WeightsMismatch(Trouble, RuntimeError):
    """Weights whose shapes are not those of the model."""
