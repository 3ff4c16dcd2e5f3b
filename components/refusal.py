"""Why the page does not do something, and what the visitor can do next."""

from __future__ import annotations

from typing import Any

from bertgen.errors import Trouble
from components.strings import t


class Refusal(Trouble):
    """Why something is not done and the next move, in the page's own words; everything stays as it was.

    ``Refusal("refuse.busy", name="mini")`` says the texts "refuse.busy.why" and "refuse.busy.move".
    """

    def __init__(self, key: str = "", /, **values: Any) -> None:
        why, move = "", ""
        if key:  # unpickling has none
            why, move = t(f"{key}.why", **values), t(f"{key}.move", **values)
        self._say(key, values, why, move)

    @classmethod
    def saying(cls, why: str, move: str = "") -> Refusal:
        """One in the words of another library, or of a text that is more than a refusal."""
        refusal = cls()
        refusal._say("", {}, why, move)
        return refusal


def parts_of_error(error: BaseException) -> tuple[str, str]:
    """(why, next move) of any error; other libraries' errors name no move."""
    if isinstance(error, Trouble):
        return error.why, error.move
    return str(error), ""
