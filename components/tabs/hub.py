"""The part of Checkpoints that opens Hub repositories: look up, see the size, confirm, watch, cancel."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from bertgen import hub
from bertgen.checkpoints.published import PUBLISHED
from components.context import AppContext
from components.models import advice
from components.models.downloads import (
    Download,
    cache_for,
    check_name,
    check_revision,
    check_token,
    origin_of,
)
from components.models.published_view import PICK_JS, published_html
from components.models.reports import refusal_html
from components.models.sizes import size
from components.strings import t, t_html
from components.tabs.checkpoints import CheckpointsTab, after_opening

WEIGHTS = (".safetensors", ".bin")


@dataclass(frozen=True, eq=False)
class HubPart:
    """What the visitor touches, and ``line``, which says how it goes."""

    repo: gr.Textbox
    look: gr.Button
    revision: gr.Textbox
    token: gr.Textbox
    line: gr.HTML
    confirm: gr.Button
    cancel: gr.Button
    published: gr.HTML


# ---- what happens


def on_look(ctx: AppContext, repo_id: Any, revision: Any, token: Any, session: str | None) -> tuple[Any, Any]:
    """Looks a repository up: its files and size, and the button that confirms the download.

    Raises ``Refusal`` (a ``ValueError``) with the reason and the next move.
    """
    # 1) What was looked up before is forgotten, whatever becomes of this.
    _set_plan(ctx, session, None)
    repo_id, secret = check_name(ctx.settings, repo_id), check_token(ctx.settings, token)
    cache = cache_for(ctx.settings, secret)

    # 2) The repository's files and sizes.
    try:
        plan = hub.plan_download(repo_id, revision=check_revision(revision), token=secret, cache_dir=cache)
    except OSError as error:
        raise advice.hub_refusal(repo_id, error, secret) from error

    # 3) What could not be run is refused before it is downloaded.
    needed = _least_memory(plan, ctx.registry.dtype)
    if needed > ctx.registry.memory.limit:
        raise advice.too_large(repo_id, needed, ctx.registry.memory.limit)
    _check_family(plan, secret, cache)
    _set_plan(ctx, session, plan)
    verb = t("hub.confirm_here")
    if plan.missing_bytes:
        verb = t("hub.confirm_size", size=size(plan.missing_bytes))
    return plan_html(plan), gr.update(value=verb, visible=True)


def _set_plan(ctx: AppContext, session: str | None, plan: hub.HubPlan | None) -> None:
    """What this session looked up last."""
    with ctx.sessions.change(session) as held:
        held.plan = plan


def _least_memory(plan: hub.HubPlan, dtype: str) -> int:
    """Bytes that the weights take once loaded, at least: files mostly hold float32, at times less."""
    held = sum(file.size for file in plan.files if file.name.endswith(WEIGHTS))
    return held // 4 * getattr(torch, dtype).itemsize


def _check_family(plan: hub.HubPlan, secret: str | bool | None, cache: str | None) -> None:
    """Refuses a model that this page cannot run: its config.json, a few kB, says so before the download."""
    try:
        hub_kwargs = {"revision": plan.revision, "token": secret, "cache_dir": cache}
        path = hub.cached_file(plan.repo_id, "config.json", **hub_kwargs)
        config = {}
        if path:
            config = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise advice.hub_refusal(plan.repo_id, error, secret) from error
    except ValueError as error:
        raise advice.Refusal("refuse.hub_config", name=plan.repo_id) from error
    if not isinstance(config, dict):
        config = {}
    advice.check_config(config)
    if advice.is_base(config):
        raise advice.no_writer(plan.repo_id)


def on_confirm(ctx: AppContext, token: Any, session: str | None) -> Iterator[tuple[Any, ...]]:
    """Downloads what was looked up and opens it: yields (line, confirm, cancel, picker, *shown)."""
    rest = (gr.skip(),) * 6
    plan = ctx.sessions.look(session).plan
    if plan is None:
        yield refusal_html(advice.Refusal("refuse.hub_nothing")), *_buttons(), *rest
        return
    try:
        # 1) Checked again: both come anew from the browser, and the page may have been restarted.
        secret = check_token(ctx.settings, token)
        check_name(ctx.settings, plan.repo_id)

        # 2) Downloaded, with Cancel in the place of Download.
        download = Download(plan, secret, cache_for(ctx.settings, secret))
        with ctx.sessions.change(session) as held:
            held.download = download
        yield progress_html(download), *_buttons(running=True), *rest
        for _ in download.watch():
            yield progress_html(download), gr.skip(), gr.skip(), *rest

        # 3) Opened, and shown as any checkpoint.
        yield opening_html(plan), gr.skip(), gr.update(visible=False), *rest
        about = {"hub_id": plan.repo_id, "origin": origin_of(plan)}
        loaded = ctx.registry.open(download.folder, session=session or "", **about)
        picker, line, *shown = after_opening(ctx, loaded, session)
        _set_plan(ctx, session, None)
        yield line, *_buttons(), picker, *shown
    except hub.DownloadCancelled:
        yield cancelled_html(download), *_buttons(plan), *rest
    except OSError as error:
        yield refusal_html(advice.hub_refusal(plan.repo_id, error, token)), *_buttons(plan), *rest
    except ValueError as error:
        yield refusal_html(error), *_buttons(), *rest
    finally:
        with ctx.sessions.change(session) as held:
            held.download = None


def on_pick(event: gr.EventData) -> Any:
    """A published checkpoint was picked from the list: its id goes into the box."""
    data = event._data  # whatever the browser sent
    if isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"] in PUBLISHED:
        return data["id"]
    return gr.skip()


def on_cancel(ctx: AppContext, session: str | None) -> None:
    """Stops this session's download; ``on_confirm`` says so."""
    download = ctx.sessions.look(session).download
    if download is not None:
        download.cancel()


def _buttons(plan: hub.HubPlan | None = None, *, running: bool = False) -> tuple[Any, Any]:
    """Confirm and Cancel: one of them while something can be confirmed or is running, else none."""
    return gr.update(visible=plan is not None and not running), gr.update(visible=running)


# ---- how it looks


def plan_html(plan: hub.HubPlan) -> str:
    """What a download takes, file by file."""
    there = plan.nbytes - plan.missing_bytes
    values = {
        "name": plan.repo_id,
        "asked": plan.asked,
        "commit": plan.revision[:12],
        "count": len(plan.files),
        "size": size(plan.nbytes),
    }
    # 1) All of it, a part or nothing may be here already.
    if not plan.missing_bytes:
        line = t_html("hub.plan_all_here", **values)
    elif there:
        line = t_html("hub.plan_some_here", here=size(there), **values)
    else:
        line = t_html("hub.plan", **values)

    # 2) Every file, folded.
    rows = ""
    for file in plan.files:
        about = size(file.size)
        if file.cached:
            about = t("hub.file_here", size=about)
        rows += f"<li>{_esc(file.name)} <i>{_esc(about)}</i></li>"
    return (
        f'<div class="bx-report"><p>{line}</p><details class="bx-what">'
        f"<summary>{t_html('hub.files')}</summary><ul>{rows}</ul></details></div>"
    )


def progress_html(download: Download) -> str:
    """How far a download is, as a bar with its numbers."""
    done, total = download.done, max(1, download.total)
    share = min(100, round(100 * done / total))
    line, label = t_html("hub.downloading", name=download.plan.repo_id), t_html("hub.download")
    return (
        f'<div class="bx-report"><p>{line} '
        f'<span class="bx-bytes">{_esc(_how_far(done, total))}</span></p>'
        f'<div class="bx-bar" role="progressbar" aria-label="{label}" aria-valuenow="{share}" '
        f'aria-valuemin="0" aria-valuemax="100"><i style="width:{share}%"></i></div></div>'
    )


def opening_html(plan: hub.HubPlan) -> str:
    return f'<div class="bx-report"><p>{t_html("hub.opening", name=plan.repo_id)}</p></div>'


def cancelled_html(download: Download) -> str:
    line = t_html("hub.cancelled", how_far=_how_far(download.done, download.total))
    return f'<div class="bx-report"><p>{line}</p></div>'


def _how_far(done: float, total: float) -> str:
    """Bytes that are there, of all, in megabytes for people."""
    return t("hub.how_far", done=f"{done / 1e6:,.1f}", total=f"{total / 1e6:,.1f}")


def _esc(text: str) -> str:
    return html.escape(text)


def build(ctx: AppContext, tab: CheckpointsTab) -> HubPart:
    """Lays the part out where it is called, and wires it; it shows what it opened in ``tab``."""
    repo = gr.Textbox(
        label=t("hub.id"),
        info=t("hub.id_info"),
        placeholder=t("hub.id_hint"),
        max_lines=1,
        elem_id="bx-hub-id",
    )
    with gr.Accordion(t("hub.more"), open=False, elem_id="bx-hub-more", elem_classes="bx-fold"):
        revision = gr.Textbox(
            label=t("hub.revision"),
            info=t("hub.revision_info"),
            max_lines=1,
            elem_id="bx-hub-revision",
        )
        token = gr.Textbox(
            label=t("hub.token"),
            info=t("hub.token_info"),
            type="password",
            html_attributes=gr.InputHTMLAttributes(autocomplete="new-password", spellcheck=False),
            max_lines=1,
            elem_id="bx-hub-token",
        )
    look = gr.Button(t("hub.look"), elem_id="bx-hub-look")
    line = gr.HTML("", elem_id="bx-hub-line", apply_default_css=False)
    confirm = gr.Button(t("hub.confirm"), variant="primary", visible=False, elem_id="bx-hub-confirm")
    cancel = gr.Button(t("hub.cancel"), visible=False, elem_id="bx-hub-cancel")
    with gr.Accordion(t("hub.published"), open=False, elem_id="bx-published", elem_classes="bx-fold"):
        published = gr.HTML(published_html(), js_on_load=PICK_JS, apply_default_css=False)
    part = HubPart(repo, look, revision, token, line, confirm, cancel, published)
    _wire(ctx, part, tab)
    return part


def _wire(ctx: AppContext, part: HubPart, tab: CheckpointsTab) -> None:
    def look_up(repo_id, revision, token, request: gr.Request):
        try:
            return on_look(ctx, repo_id, revision, token, request.session_hash)
        except ValueError as error:
            return refusal_html(error), gr.update(visible=False)

    def confirm(token, request: gr.Request):
        yield from on_confirm(ctx, token, request.session_hash)

    def cancel(request: gr.Request):
        on_cancel(ctx, request.session_hash)

    instant = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    shared = {"api_visibility": "private", "concurrency_id": "hub", "concurrency_limit": 4}
    picked = part.published.select(on_pick, None, part.repo, api_name="hub_pick", **instant)
    looking = {
        "fn": look_up,
        "inputs": [part.repo, part.revision, part.token],
        "outputs": [part.line, part.confirm],
        "show_progress": "minimal",
        "show_progress_on": part.line,
        **shared,
    }
    gr.on([part.look.click, part.repo.submit], api_name="hub_look", **looking)
    picked.success(api_name="hub_look_picked", **looking)
    part.confirm.click(
        confirm,
        part.token,
        [part.line, part.confirm, part.cancel, tab.picker, *tab.shown],
        api_name="hub_open",
        show_progress="hidden",
        **shared,
    )
    part.cancel.click(cancel, None, None, api_name="hub_cancel", **instant)
