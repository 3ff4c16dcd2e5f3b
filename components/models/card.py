"""A model card as HTML that is safe to show: its writer may be anybody.

What is allowed is a list: headings, paragraphs, emphasis, lists, quotes, code, tables, rules and links to web
pages. Raw HTML is shown as the text that it is; pictures are named, not loaded, so no other server learns who
reads the card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from components.limits import MAX_CARD
from components.strings import t

# Nested quotes and lists cost the parser and the browser alike.
DEEPEST = 20
SCHEMES = ("https://", "http://")


class _CardRenderer(RendererHTML):
    """HTML of a card's tokens; every attribute and text is escaped by the parent."""

    def image(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """A picture's description in its place."""
        described = self.renderInlineAsText(tokens[index].children, options, env)
        picture = t("checkpoints.picture", description=described or t("checkpoints.picture_untold"))
        return f"<em>{_escaped(picture)}</em>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero", {"html": False, "maxNesting": DEEPEST}, renderer_cls=_CardRenderer)
    parser.enable(["heading", "lheading", "list", "blockquote", "code", "fence", "hr", "table"])
    parser.enable(["emphasis", "backticks", "link", "image", "escape", "entity", "newline", "reference"])
    # Every link is parsed; `_harmless` decides which of them stays one.
    parser.validateLink = lambda url: True
    return parser


_PARSER = _parser()


def _harmless(tokens: Sequence[Token]) -> None:
    """Links to web pages learn nothing of this page and cannot reach into it; all others become plain text.

    Others are scripts (javascript:), data, files and paths of this server.
    """
    open_links: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href")).strip().lower()
            if target.startswith(SCHEMES):
                open_links.append("a")
                token.attrSet("rel", "noopener noreferrer nofollow")
                token.attrSet("target", "_blank")
            else:
                open_links.append("span")
                token.attrs.clear()
            token.tag = open_links[-1]
        elif token.type == "link_close":
            token.tag = open_links.pop()


def card_html(text: str) -> str:
    """``text`` (Markdown without its front matter) as HTML of the allowed kinds.

    Headings move two levels down: the page has its own.
    """
    if len(text) > MAX_CARD:
        text = text[:MAX_CARD] + "\n\n" + t("checkpoints.card_cut")
    tokens = _PARSER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            level = min(6, int(token.tag[1]) + 2)
            token.tag = f"h{level}"
        elif token.type == "fence":
            # The language becomes a class name.
            token.info = "".join(re.findall(r"^[\w+-]{1,20}", token.info.strip()))
        elif token.children:
            _harmless(token.children)
    body = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return f'<div class="bx-card-body prose">{body}</div>'
