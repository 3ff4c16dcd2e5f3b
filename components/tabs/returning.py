"""A visitor comes back: what they had opened is kept in their browser, and opened again on a reload.

A browser's storage is as untrusted as any input: every entry is checked like one typed by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from bertgen import hub
from components.context import AppContext
from components.models.downloads import check_name, check_revision, check_token, origin_of
from components.session import OPENED
from components.strings import t
from components.tabs import checkpoints, generate
from components.validation import check_folder

STORAGE = "bx-opened"
# Kept in the visitor's own browser, and checked when it comes back: there is nothing to hide from them.
SECRET = "bertgen-explorer"


def opened(ctx: AppContext, session: str | None) -> list[dict[str, str]]:
    """What a session opened, as its browser keeps it: folders, and Hub ids with their commits."""
    entries = []
    for checkpoint in ctx.registry.opened(session):
        entry = {"folder": str(checkpoint.folder)}
        if checkpoint.hub_id:  # its folder in the Hub's cache is named after its commit
            entry = {"hub": checkpoint.hub_id, "revision": checkpoint.folder.name}
        entries.append(entry)
    return entries


def reopen(ctx: AppContext, entries: Any, session: str | None) -> int:
    """Opens again what a browser kept, without loading any model; returns how many.

    What is not there any more, or not allowed, is passed over. Nothing is downloaded.
    """
    if not isinstance(entries, list):
        return 0
    count = 0
    for entry in entries[:OPENED]:
        if not isinstance(entry, dict):
            continue
        try:
            folder, facts = _find(ctx, entry)
            ctx.registry.add(folder, session=session or "", **facts)
        except (ValueError, OSError):
            continue
        count += 1
    return count


def _find(ctx: AppContext, entry: dict[str, Any]) -> tuple[Path, dict[str, str]]:
    """An entry's folder, and the facts for `describe`; ValueError or OSError where there is none."""
    if "hub" not in entry:
        return check_folder(ctx.settings, entry.get("folder")), {}
    repo_id, revision = check_name(ctx.settings, entry["hub"]), check_revision(entry.get("revision"))
    secret = check_token(ctx.settings, None)
    # Asks the Hub whether this visitor may read it, as for one who types the id.
    plan = hub.plan_download(repo_id, revision=revision, token=secret)
    if plan.missing_bytes:
        raise ValueError(t("hub.gone", name=repo_id))
    return Path(hub.download(plan, token=secret)), {"hub_id": repo_id, "origin": origin_of(plan)}


def build(
    ctx: AppContext, demo: gr.Blocks, tab: checkpoints.CheckpointsTab, run: generate.GenerateTab
) -> None:
    """Wires the browser's storage in the current ``gr.Blocks``."""
    stored = gr.BrowserState([], storage_key=STORAGE, secret=SECRET)

    def remember(request: gr.Request):
        return opened(ctx, request.session_hash)

    def come_back(entries, task, request: gr.Request):
        if not reopen(ctx, entries, request.session_hash):
            return gr.skip(), gr.skip(), gr.skip()
        tasks, choices = generate.on_opened(ctx, task, request.session_hash)
        return gr.update(choices=checkpoints.choices(ctx, request.session_hash)), tasks, choices

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    demo.load(come_back, [stored, run.task], [tab.picker, run.task, run.checkpoint], api_name="back", **quiet)
    tab.picker.change(remember, None, stored, api_name="remember", **quiet)
