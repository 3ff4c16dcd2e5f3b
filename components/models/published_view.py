"""The published checkpoints as a list: what each does, how it wants its input, where that is known from."""

from __future__ import annotations

import html
import inspect
from typing import Any

from bertgen.checkpoints.published import PUBLISHED, Known, PublishedCheckpoint
from components.models.checkpoint import BASE, TASKS, short_count, size

SOURCES = {
    "card": "its model card",
    "files": "the names and sizes of its files",
    "peer test": "the tests of another implementation",
    "issue thread": "its authors, in public",
    "inferred": "concluded from the others",
}
INTRO = (
    "Published with the paper, 24 layers each; none is shipped here, and their weights were not at hand when "
    "this page was made: the small word after a fact says where it is known from."
)
PICK_JS = """
    element.addEventListener('click', (event) => {
        const id = event.target.dataset && event.target.dataset.hub;
        if (id) trigger('select', { id });
    });
"""


def published_html() -> str:
    """All of them, each folded under its Hub id with a button that picks it."""
    legend = " · ".join(f"<i>{name}</i> {text}" for name, text in SOURCES.items())
    entries = "".join(map(_entry, PUBLISHED.values()))
    return f'<div class="bx-published"><p>{INTRO}</p><p class="bx-legend">{legend}</p>{entries}</div>'


def _entry(checkpoint: PublishedCheckpoint) -> str:
    task = "Base"
    if checkpoint.task.value != BASE:
        task = TASKS[checkpoint.task.value]
    facts = "".join(
        f"<dt>{_esc(name)}</dt><dd>{_esc(text)} <i>{_esc(source)}</i></dd>"
        for name, text, source in _facts(checkpoint)
    )
    pick = f'<button type="button" data-hub="{_esc(checkpoint.hub_id)}">Look it up</button>'
    return (
        f'<details class="bx-what"><summary>{_esc(checkpoint.title)} <i>{_esc(task)} · '
        f"{size(checkpoint.nbytes_fp32.value)}</i></summary><p>{_esc(checkpoint.hub_id)} {pick}</p>"
        f"<dl>{facts}</dl></details>"
    )


def _facts(checkpoint: PublishedCheckpoint) -> list[tuple[str, str, str]]:
    """(name, value, where known from) for people."""
    shared = "no"
    if checkpoint.shared.value:
        shared = "one stack for both sides"
    # Of each value it is known where it comes from: a file of the repository, its card, the paper.
    rows: list[tuple[str, Known[Any], str]] = [
        ("Task", checkpoint.task, TASKS.get(checkpoint.task.value, "none: it reads and cannot write")),
        ("Weights", checkpoint.nbytes_fp32, f"{size(checkpoint.nbytes_fp32.value)} as float32"),
        ("Parameters", checkpoint.parameters, short_count(checkpoint.parameters.value)),
        ("Shared", checkpoint.shared, shared),
        ("Vocabulary", checkpoint.vocab_size, f"{checkpoint.vocab_size.value:,} tokens"),
        ("Class", checkpoint.model_class, checkpoint.model_class.value),
        ("Tokenizer", checkpoint.tokenizer_class, checkpoint.tokenizer_class.value),
        ("Special tokens", checkpoint.special_tokens, _pairs(checkpoint.special_tokens.value)),
        ("Its input", checkpoint.prepare_input, _sentence(checkpoint.prepare_input.value)),
        ("Generation", checkpoint.generation, _pairs(checkpoint.generation.value) or "none"),
        ("Licence", checkpoint.licence, checkpoint.licence.value),
    ]
    found = [(name, text, known.source) for name, known, text in rows]
    if checkpoint.example:
        source, target = checkpoint.example.value
        found += [("Reads", source, checkpoint.example.source), ("Writes", target, checkpoint.example.source)]
    return found + [("Note", note.value, note.source) for note in checkpoint.notes]


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _sentence(rule: Any) -> str:
    """What a rule of preparation says of itself."""
    return " ".join((inspect.getdoc(rule) or "").split())


def _esc(text: str) -> str:
    return html.escape(text)
