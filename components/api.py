"""The page's public endpoint, ``/generate``: for gradio_client, curl and other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from components.context import AppContext
from components.refusal import Refusal
from components.runs.run import Run
from components.runs.settings import check_settings
from components.strings import t
from components.validation import check_choice, check_source, page_error


def generate_texts(
    ctx: AppContext, text: Any, task: Any, checkpoint: Any, settings: tuple[Any, ...], text2: Any = None
) -> Iterator[str]:
    """The text so far, again and again until it is finished. Raises ``ValueError`` on a refused value."""
    # 1) As on the page: all is checked before a model is touched.
    checked = check_settings(*settings)
    task = check_choice("task", task, ctx.registry.tasks())
    source = check_source(text, text2, task)
    if checkpoint is None:
        found = ctx.registry.default(task)
    else:
        found = ctx.registry.describe(checkpoint)
    if found.task != task:
        names = ", ".join(c.name for c in ctx.registry.checkpoints(task))
        raise Refusal("refuse.not_for_task", name=repr(found.name), task=repr(task), choices=names)

    # 2) A run without attention, and without a session: nothing of it is kept.
    with ctx.registry.use(found) as loaded:
        run = Run(loaded, source, checked, keep=None, seconds=ctx.settings.run_seconds)
        yield from run.texts()
    if run.state == "stopped":
        why = t("run.stopped")
        if run.notes:
            why = run.notes[-1]
        raise ValueError(why)


def add_api(ctx: AppContext) -> None:
    """Defines ``/generate`` in the current ``gr.Blocks``."""

    def generate(
        text: str,
        task: str = "translate",
        checkpoint: str | None = None,
        mode: str = "greedy",
        num_beams: int = 4,
        temperature: float = 1.0,
        top_k: int = 50,
        top_p: float = 1.0,
        max_new_tokens: int = 128,
        seed: int = 0,
        text2: str | None = None,
    ) -> Iterator[str]:
        """Runs a text through a checkpoint and yields the text written so far; the last one is the answer.

        The tasks: "translate" (English to German), "translate-de-en" (German to English), "split" (a long
        sentence into simple ones), "fuse" (two sentences into one), "summarize" (a text into one line); those
        that this page has a checkpoint for. A text is run sentence by sentence for split, and for both
        translations where it has lines or is longer than the model was trained on; a longer one is cut for
        summarize and refused for fuse.
        An answer equal to the text means that the model found nothing to do.

        Values:
            text: What the model reads, at most 5,000 characters; for fuse both sentences, or the first.
            task: "translate", "translate-de-en", "split", "fuse" or "summarize".
            checkpoint: The name of a checkpoint of this page; null is the task's own.
            mode: "greedy", "sample" or "beam". Values that the mode does not use are ignored.
            num_beams: Drafts that a beam search keeps, 1 to 8.
            temperature: For sampling, above 0; 1.0 leaves the model's probabilities as they are.
            top_k: For sampling: only the k most probable tokens; 0 turns the filter off.
            top_p: For sampling: above 0 and at most 1; 1.0 turns the filter off.
            max_new_tokens: Where it ends at the latest, 1 to 256.
            seed: For sampling: same seed, same answer.
            text2: For fuse: the second sentence, when text holds the first alone. Null for other tasks.
        """
        values = (mode, num_beams, temperature, top_k, top_p, max_new_tokens, seed)
        try:
            yield from generate_texts(ctx, text, task, checkpoint, values, text2)
        except ValueError as error:
            raise page_error(error) from error

    gr.api(
        generate,
        api_name="generate",
        concurrency_id="model",
        concurrency_limit=ctx.settings.concurrency,
        api_visibility="public",
    )
