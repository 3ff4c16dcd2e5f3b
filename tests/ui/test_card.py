"""Model cards: what is shown of a card whose writer means harm, and of an honest one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from components.limits import MAX_CARD
from components.models.card import card_html

BLOCKS = {"div", "p", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "li", "blockquote", "hr", "br"}
TABLES = {"table", "thead", "tbody", "tr", "th", "td"}
ALLOWED = BLOCKS | TABLES | {"em", "strong", "code", "a", "span"}


class Elements(HTMLParser):
    """All elements of a document, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


HOSTILE = [
    "<script>alert(1)</script>",
    '<svg><a href="javascript:alert(1)"><text y="20">x</text></a></svg>',
    '<a href="java&#x09;script:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#x09;script:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](  javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](/gradio_api/file=secret)",
    "[x](//evil.example/x)",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](https://evil.example/track.png)",
    "![x](data:image/svg+xml;base64,AAAA)",
    '![x](https://evil.example/a.png "onerror=alert(1)")',
    "<javascript:alert(1)>",
    "<https://evil.example/>",
    '<img src=x onerror="alert(1)">',
    "<style>body{display:none}</style>",
    '<div style="position:fixed;inset:0">x</div>',
    '<form action="https://evil.example"><input name=password></form>',
    "<iframe src=https://evil.example></iframe>",
    "<video src=https://evil.example/a.mp4></video>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<math><mi href=javascript:alert(1)>x</mi></math>",
    "`<script>`\n\n```html\n<script>alert(1)</script>\n```\n",
    '```"><script>alert(1)</script>\ncode\n```',
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |\n",
    "# <b onclick=alert(1)>x</b>",
    '[x](https://a.example/" onclick="alert(1))',
    '[x](<https://a.example/" onmouseover="alert(1)>)',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_hostile_card_works(text):
    for tag, attributes in Elements(card_html(text)).found:
        assert tag in ALLOWED
        assert set(attributes) <= {"class", "href", "rel", "target", "title", "start", "style"}
        assert re.fullmatch(r"[\w+ -]*", attributes.get("class") or "")
        # Only a table's alignment is a style, and tables write it themselves.
        assert attributes.get("style") in (None, "text-align:left", "text-align:right", "text-align:center")
        if tag == "a":
            assert attributes["href"].startswith(("https://", "http://"))
            assert attributes["rel"] == "noopener noreferrer nofollow"


def test_an_honest_card_reads_as_it_was_meant():
    text = (
        "# Title\n\nWords with *emphasis*, **weight**, `code` and [a link](https://example.org/a?b=1&c=2).\n\n"
        "- one\n- two\n\n> quoted\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx < 1\n```\n\n"
        "![Loss over steps](curves.png)\n"
    )
    html = card_html(text)
    tags = [tag for tag, _ in Elements(html).found]
    for tag in ("h3", "em", "strong", "code", "a", "ul", "li", "blockquote", "table", "td", "pre"):
        assert tag in tags
    assert 'href="https://example.org/a?b=1&amp;c=2"' in html
    assert "x &lt; 1" in html
    assert "[picture: Loss over steps]" in html
    assert "img" not in tags


@pytest.mark.parametrize("sign", [">", "[", "*a ", "- ", "`", "| "])
def test_a_card_of_one_sign_is_shown(sign):
    assert card_html(sign * 30_000).endswith("</div>")


def test_a_card_without_end_is_cut():
    html = card_html("word " * MAX_CARD)
    assert "left out" in html
    assert len(html) < 2 * MAX_CARD
