"""Why the page does not do something, and what the visitor can do next."""

from __future__ import annotations

from bertgen.errors import Trouble


class Refusal(Trouble):
    """Why something is not done and the next move, in the page's own words; everything stays as it was."""

    def __init__(self, why: str, move: str = "") -> None:
        self._say("", {}, why, move)


def parts_of_error(error: BaseException) -> tuple[str, str]:
    """(why, next move) of any error; other libraries' errors name no move."""
    if isinstance(error, Trouble):
        return error.why, error.move
    return str(error), ""
