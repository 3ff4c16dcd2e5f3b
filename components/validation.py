"""What a stranger sends, checked: texts, paths, choices, numbers. A value that will not do is refused."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import gradio as gr

from components.limits import MAX_PATH, MAX_TEXT
from components.refusal import Refusal
from components.settings import Settings
from components.strings import t
from components.texts.parts import joined, two_sentences


class NeedsTwo(Refusal):
    """One sentence where fusing takes two."""


def check_text(text: Any) -> str:
    """The text as sent; raises ``ValueError`` when it is no text, empty, too long or holds NUL."""
    if not isinstance(text, str):
        raise Refusal("refuse.text_type", got=_kind(text))
    if len(text) > MAX_TEXT:
        raise Refusal("refuse.text_long", most=f"{MAX_TEXT:,}", count=f"{len(text):,}")
    if "\0" in text:
        raise Refusal("refuse.text_nul")
    if not text.strip():
        raise Refusal("refuse.text_empty")
    # Half a surrogate pair is text to Python, but to no tokenizer and no file.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal("refuse.text_surrogate") from None
    return text.strip()


def check_source(text: Any, second: Any, task: str) -> str:
    """The one text that the model reads; for fusing of two boxes, or of one that holds two sentences.

    Raises ``ValueError`` as ``check_text``, and for a second text where the task takes none.
    """
    # One text, in which fusing finds its two sentences itself ...
    if second is None or second == "":
        source = check_text(text)
        if task == "fuse" and not two_sentences(source)[1]:
            raise NeedsTwo.saying(t("text.needs_two"))
        return source
    if task != "fuse":
        raise Refusal("refuse.second")
    # ... or two of them.
    first = check_text(text)
    if _is_blank(second):  # only white space: as if it had been left out
        return check_source(first, None, task)
    return check_text(joined(first, check_text(second)))


def _is_blank(text: Any) -> bool:
    return isinstance(text, str) and not text.strip()


def check_folder(settings: Settings, folder: Any) -> Path:
    """The path of a folder as sent. Raises ``ValueError`` where this page opens none, or it cannot be one."""
    if not settings.allow_folders:
        raise Refusal("refuse.no_folders")
    if not isinstance(folder, str) or not folder.strip():
        raise Refusal("refuse.folder_empty")
    if len(folder) > MAX_PATH or "\0" in folder:
        raise Refusal("refuse.folder_long", count=f"{len(folder):,}")
    return Path(folder.strip())


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """One of ``choices``; raises ``ValueError`` naming them."""
    if not isinstance(value, str) or value not in choices:
        got = _kind(value)
        if isinstance(value, str):
            got = f"{value[:60]!r}"  # the beginning is enough to find it by
        raise Refusal("refuse.choice", name=name, got=got, choices=", ".join(sorted(choices)))
    return value


def check_integer(name: str, value: Any, low: int, high: int, note: str = "") -> int:
    """An integer of a range; 3.0 is one. Raises ``ValueError`` with the range."""
    expected = t("expected.integer", low=low, high=high)
    number = check_number(name, value, expected, note)
    if number != int(number) or not low <= number <= high:
        raise _unfit(name, expected, f"{number:g}", note)
    return int(number)


def check_number(name: str, value: Any, expected: str, note: str) -> float:
    """A finite number; raises ``ValueError`` naming what is ``expected``."""
    # bool is an int to Python, and a form sends whatever it likes
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _unfit(name, expected, _kind(value), note)
    if isinstance(value, int) and abs(value) > 2**53:
        digits = len(str(abs(value)))
        raise _unfit(name, expected, t("expected.digits", count=digits), note)
    if not math.isfinite(value):
        raise _unfit(name, expected, value, note)
    return float(value)


def _unfit(name: str, expected: str, got: Any, note: str) -> Refusal:
    return Refusal("refuse.value", name=name, expected=expected, got=got, note=note)


def _kind(value: Any) -> str:
    if value is None:
        return t("expected.nothing")
    if isinstance(value, bool):
        return t("expected.truth")
    return t("expected.kind", type=type(value).__name__)


def page_error(error: ValueError) -> gr.Error:
    """The one place where a refused value becomes the page's (and the API's) error."""
    return gr.Error(str(error)[:600], title=t("page.refused"), duration=10, print_exception=False)


def refuses_politely(handler: Callable) -> Callable:
    """A handler whose ``ValueError`` reaches the visitor as a ``gr.Error`` with its text."""

    @functools.wraps(handler)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except ValueError as error:
            raise page_error(error) from error

    return checked
