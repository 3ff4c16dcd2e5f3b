"""What happened to every weight on loading, in words a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

# What can happen to a weight.
LOADED, TIED, INITIALISED, DROPPED, MISMATCHED = "loaded", "tied", "initialised", "dropped", "mismatched"


@dataclass(frozen=True)
class LoadRow:
    """One weight: its key, what happened to it, and why."""

    key: str
    what: str
    why: str = ""


class Advice(NamedTuple):
    """Something about a loaded model that a person should know: what it is, why, and the next move."""

    what: str
    why: str
    move: str


@dataclass
class LoadReport:
    """Rows of (key, what, why), remarks and advice; ``str()`` is for people."""

    rows: list[LoadRow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    found: list[Advice] = field(default_factory=list)
    # Advice that needs files beside the weights, and so waits until somebody asks for it.
    pending: list[Callable[[], list[Advice]]] = field(default_factory=list, repr=False, compare=False)

    @property
    def advice(self) -> list[Advice]:
        """(what, why, next move) of everything that a person should know before using the model."""
        while self.pending:
            self.found += self.pending.pop(0)()
        return self.found

    def add(self, key: str, what: str, why: str = "") -> None:
        self.rows.append(LoadRow(key, what, why))

    def keys(self, what: str) -> list[str]:
        """The keys to which ``what`` happened."""
        return [row.key for row in self.rows if row.what == what]

    def counts(self) -> dict[str, int]:
        return dict(Counter(row.what for row in self.rows))

    def joined(self, other: LoadReport, prefix: str, other_prefix: str) -> LoadReport:
        """Two reports as one, each one's keys under its prefix."""
        rows = [replace(row, key=prefix + row.key) for row in self.rows]
        rows += [replace(row, key=other_prefix + row.key) for row in other.rows]
        return LoadReport(rows, self.remarks + other.remarks, self.found + other.found)

    def as_loading_info(self) -> dict[str, list[Any]]:
        """The reference's ``output_loading_info`` dict."""
        return {
            "missing_keys": self.keys(INITIALISED),
            "unexpected_keys": self.keys(DROPPED),
            "mismatched_keys": self.keys(MISMATCHED),
            "error_msgs": [],
        }

    def __str__(self) -> str:
        counts = self.counts()
        order = (LOADED, TIED, INITIALISED, DROPPED, MISMATCHED)
        # 1) how many of each
        lines = [", ".join(f"{counts[what]} {what}" for what in order if what in counts) or "nothing loaded"]
        # 2) why, for what was not simply loaded
        for what in (INITIALISED, MISMATCHED, DROPPED):
            reasons = Counter(row.why for row in self.rows if row.what == what)
            for why, count in reasons.items():
                example = next(row.key for row in self.rows if row.what == what and row.why == why)
                if count > 1:
                    example += f" and {count - 1} more"
                lines.append(f"{what}: {example}: {why}")
        # 3) the rest, in words
        lines += self.remarks
        lines += [f"advice: {what}; {why}. Next: {move}" for what, why, move in self.advice]
        return "\n".join(lines)
