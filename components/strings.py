"""Every sentence of the page, by key: ``t("run.out_of_time", seconds=90)``.

The texts stand in ``assets/strings/en.json``, a flat object of keys by place ("hub.cancel") and texts with
named placeholders ("Cancelled at {how_far}."). A text may have two forms, ``key.one`` and ``key.other``: the
value ``n`` chooses. A part between stars (``*{title}* is open``) stands out: bold on the page.

The scripts have the same table, without what only Python says, and the same rules: ``BX.t`` and ``BX.words``.
"""

from __future__ import annotations

import functools
import html
import json
import re
from contextvars import ContextVar
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "strings"
# The language of whoever is being answered; a visitor's own would be set here, where a request comes in.
LANGUAGE: ContextVar[str] = ContextVar("LANGUAGE", default="en")
# Places that scripts speak of: their keys reach the browser.
IN_THE_BROWSER = ("gradio.", "header.", "player.", "live_map.", "explorer.", "map.")
_VALUE = re.compile(r"\{(\w+)\}")


@functools.cache
def table(language: str = "en") -> dict[str, str]:
    """All texts of a language, by key."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def t(key: str, /, **values: Any) -> str:
    """The text of a key as plain text, its placeholders filled with ``values`` as they are.

    What goes into HTML is escaped by whoever puts it there, texts and values alike; ``t_html`` does both.
    Raises ``KeyError`` for an unknown key, and for a placeholder without a value.
    """
    text = _text(key, values).replace("*", "")
    return _VALUE.sub(lambda found: str(values[found[1]]), text)


def t_html(key: str, /, **values: Any) -> str:
    """As ``t``, for HTML: the text and every value are escaped, what stands between stars is bold."""
    # The stars are the text's own: one in a value means nothing.
    parts = [html.escape(part) for part in _text(key, values).split("*")]
    bold = [f"<b>{part}</b>" for part in parts[1::2]]
    parts[1::2] = bold
    return _VALUE.sub(lambda found: html.escape(str(values[found[1]])), "".join(parts))


def _text(key: str, values: dict[str, Any]) -> str:
    texts = table(LANGUAGE.get())
    if key in texts or "n" not in values:
        return texts[key]
    form = "other"
    if values["n"] == 1:
        form = "one"
    return texts[f"{key}.{form}"]


def script() -> str:
    """The browser's part of the table as a script, which runs before all others."""
    texts = {key: text for key, text in table(LANGUAGE.get()).items() if key.startswith(IN_THE_BROWSER)}
    # ASCII alone: such a script reads the same in whatever encoding it is served.
    return f"(window.BX = window.BX || {{}}).strings = {json.dumps(texts)};\n"
