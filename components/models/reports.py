"""What happened on loading, as HTML for people: advice first, then every weight by what became of it."""

from __future__ import annotations

import html
from typing import Any

from bertgen.checkpoints import LoadReport
from components.models.registry import Loaded
from components.models.sizes import size
from components.refusal import parts_of_error
from components.strings import t_html

# The order in which a reader wants them: what may be wrong before what went well.
ORDER = ("initialised", "mismatched", "dropped", "tied", "loaded")
OPEN_ROWS = 40  # a group of at most so many rows stands open, when something may be wrong with it
FIND_ROWS = 12
# Listens on the element itself, so it survives every new value.
FIND_JS = """
    element.addEventListener('input', (event) => {
        if (!event.target.classList.contains('bx-find')) return;
        const wanted = event.target.value.trim().toLowerCase();
        for (const group of element.querySelectorAll('details')) {
            let hits = 0;
            for (const row of group.querySelectorAll('li')) {
                row.hidden = !!wanted && !row.textContent.toLowerCase().includes(wanted);
                hits += !row.hidden;
            }
            group.hidden = !hits;
            if (wanted) group.open = !!hits;
        }
    });
"""


def report_html(loaded: Loaded) -> str:
    """A checkpoint's load report; every text of a file is escaped."""
    # 1) what may be wrong, and the numbers
    report = loaded.report
    counts = report.counts()
    order = [what for what in ORDER if what in counts]
    total = sum(counts.values())
    parts = [*map(_advice, report.advice), _summary(loaded, total)]
    parts += [f"<p>{_esc(_sentence(remark))}</p>" for remark in report.remarks]
    # 2) every weight, those of one fate in one fold, with a box to find one in
    if total > FIND_ROWS:
        hint, label = t_html("report.find"), t_html("report.find_label")
        parts.append(f'<input type="search" class="bx-find" placeholder="{hint}" aria-label="{label}">')
    parts += [_group(report, what, counts[what]) for what in order]
    return f'<div class="bx-report">{"".join(parts)}</div>'


def _summary(loaded: Loaded, total: int) -> str:
    values = {
        "weights": f"{total:,}",
        "size": size(loaded.nbytes),
        "device": loaded.device,
        "dtype": loaded.dtype,
        "tokens": f"{len(loaded.tokenizer):,}",
    }
    if loaded.target_tokenizer is loaded.tokenizer:
        return f"<p>{t_html('report.summary', **values)}</p>"
    target = f"{len(loaded.target_tokenizer):,}"
    return f"<p>{t_html('report.summary_two', target=target, **values)}</p>"


def _group(report: LoadReport, what: str, count: int) -> str:
    """One thing that happened, with its weights; those of one reason stand together under it."""
    reasons: dict[str, list[str]] = {}
    for row in report.rows:
        if row.what != what:
            continue
        # The reason of a tied weight is the other's name: it stands with the weight, not above the list.
        if what == "tied":
            reasons.setdefault("", []).append(_row(row.key, row.why))
        else:
            reasons.setdefault(row.why, []).append(_row(row.key, ""))
    lists = "".join(_paragraph(why) + f"<ul>{''.join(rows)}</ul>" for why, rows in reasons.items())
    # What went well stays folded.
    opened = ""
    if what not in ("loaded", "tied") and count <= OPEN_ROWS:
        opened = " open"
    summary = f"<summary>{count:,} {t_html(f'report.{what}')}</summary>"
    return f'<details class="bx-what" data-what="{_esc(what)}"{opened}>{summary}{lists}</details>'


def _row(key: str, note: str) -> str:
    if not note:
        return f"<li>{_esc(key)}</li>"
    return f"<li>{_esc(key)} <i>{_esc(note)}</i></li>"


def _paragraph(text: str) -> str:
    if not text:
        return ""
    return f"<p>{_esc(_sentence(text))}</p>"


def opened_html(loaded: Loaded) -> str:
    """That a checkpoint has been opened, and what to know of it at once."""
    said = f"<p>{t_html('report.opened', title=loaded.checkpoint.title)}</p>"
    return f'<div class="bx-report">{"".join(map(_warning, loaded.warnings))}{said}</div>'


def refusal_html(error: ValueError) -> str:
    """Why something was not opened, and the next move, where its report would stand."""
    why, move = map(_sentence, parts_of_error(error))
    # Other libraries' errors may be pages long and name no move.
    following = ""
    if move:
        following = f"<p>{t_html('report.next', move=move[:1000])}</p>"
    refused = f"<p>{t_html('report.refused', why=why[:1500])}</p>"
    return f'<div class="bx-report bx-refused" role="alert">{refused}{following}</div>'


def _advice(advice: Any) -> str:
    """What the library advises: what it is, why, and the next move."""
    what, why, move = map(_sentence, advice)
    return f'<p class="bx-advice">{t_html("report.advice", what=what, why=why, move=move)}</p>'


def _warning(text: str) -> str:
    return f'<p class="bx-warning" role="note">{_esc(text)}</p>'


def _sentence(text: str) -> str:
    """With a capital (unless it begins with a name) and a full stop."""
    text = text.strip()
    if not text:
        return ""
    # "config.json", "vocab_size" and their like stay as they are written.
    if text.split()[0].isalpha():
        text = text[0].upper() + text[1:]
    if text[-1] not in ".!?":
        text += "."
    return text


def _esc(text: str) -> str:
    return html.escape(text)
