"""The published checkpoints as a list: what each does, how it wants its input, where that is known from."""

from __future__ import annotations

import html
import inspect
from typing import Any

from bertgen.checkpoints.published import PUBLISHED, Known, PublishedCheckpoint
from components.models.checkpoint import BASE
from components.models.sizes import short_count, size
from components.strings import t, t_html

SOURCES = ("card", "files", "peer test", "issue thread", "inferred")
PICK_JS = """
    element.addEventListener('click', (event) => {
        const id = event.target.dataset && event.target.dataset.hub;
        if (id) trigger('select', { id });
    });
"""


def published_html() -> str:
    """All of them, each folded under its Hub id with a button that picks it."""
    legend = " · ".join(f"<i>{name}</i> {t_html(f'published.from.{name}')}" for name in SOURCES)
    entries = "".join(map(_entry, PUBLISHED.values()))
    intro = t_html("published.intro")
    return f'<div class="bx-published"><p>{intro}</p><p class="bx-legend">{legend}</p>{entries}</div>'


def _entry(checkpoint: PublishedCheckpoint) -> str:
    task = t(f"task.{checkpoint.task.value}")
    facts = "".join(
        f"<dt>{_esc(name)}</dt><dd>{_esc(text)} <i>{_esc(source)}</i></dd>"
        for name, text, source in _facts(checkpoint)
    )
    look = t_html("published.look")
    pick = f'<button type="button" data-hub="{_esc(checkpoint.hub_id)}">{look}</button>'
    return (
        f'<details class="bx-what"><summary>{_esc(checkpoint.title)} <i>{_esc(task)} · '
        f"{size(checkpoint.nbytes_fp32.value)}</i></summary><p>{_esc(checkpoint.hub_id)} {pick}</p>"
        f"<dl>{facts}</dl></details>"
    )


def _facts(checkpoint: PublishedCheckpoint) -> list[tuple[str, str, str]]:
    """(name, value, where known from) for people."""
    shared, task = t("published.shared_no"), t("published.no_task")
    if checkpoint.shared.value:
        shared = t("published.shared_yes")
    if checkpoint.task.value != BASE:
        task = t(f"task.{checkpoint.task.value}")
    # Of each value it is known where it comes from: a file of the repository, its card, the paper.
    weights = t("published.float32", size=size(checkpoint.nbytes_fp32.value))
    vocabulary = t("published.tokens", count=f"{checkpoint.vocab_size.value:,}")
    generation = _pairs(checkpoint.generation.value) or t("published.no_generation")
    rows: list[tuple[str, Known[Any], str]] = [
        ("task", checkpoint.task, task),
        ("weights", checkpoint.nbytes_fp32, weights),
        ("parameters", checkpoint.parameters, short_count(checkpoint.parameters.value)),
        ("shared", checkpoint.shared, shared),
        ("vocabulary", checkpoint.vocab_size, vocabulary),
        ("class", checkpoint.model_class, checkpoint.model_class.value),
        ("tokenizer", checkpoint.tokenizer_class, checkpoint.tokenizer_class.value),
        ("special_tokens", checkpoint.special_tokens, _pairs(checkpoint.special_tokens.value)),
        ("input", checkpoint.prepare_input, _sentence(checkpoint.prepare_input.value)),
        ("generation", checkpoint.generation, generation),
        ("licence", checkpoint.licence, checkpoint.licence.value),
    ]
    found = [(name, text, known.source) for name, known, text in rows]
    if checkpoint.example:
        source, target = checkpoint.example.value
        found += [("reads", source, checkpoint.example.source), ("writes", target, checkpoint.example.source)]
    found += [("note", note.value, note.source) for note in checkpoint.notes]
    return [(t(f"published.{name}"), text, source) for name, text, source in found]


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _sentence(rule: Any) -> str:
    """What a rule of preparation says of itself."""
    return " ".join((inspect.getdoc(rule) or "").split())


def _esc(text: str) -> str:
    return html.escape(text)
