"""Learning curves of one or more runs as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Log = Sequence[Mapping[str, Any]]
CURVES = "curves.png"
# Log lines to average: single ones jump from batch to batch.
SMOOTHED = 5
# What the right panel shows: the first of these that a log has.
FIGURES = ("accuracy", "exact", "sari", "bleu", "rouge-l")


def _points(log: Log, key: str) -> tuple[list[int], list[float]]:
    lines = [line for line in log if key in line]
    return [line["step"] for line in lines], [line[key] for line in lines]


def smooth(values: Sequence[float], width: int = SMOOTHED) -> list[float]:
    """Running mean over the last `width` values."""
    return [sum(values[max(0, end - width) : end]) / min(end, width) for end in range(1, len(values) + 1)]


def draw_curves(logs: Mapping[str, Log], path: Path) -> None:
    """Write `path` (.png or .svg): left training and held-out loss, right the first figure that was watched.

    `logs` are lists of log lines (`state.read_log`) by the name to show. One without a step is a ValueError.
    """
    # Only who draws needs the library; this canvas needs no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    watched = ""
    for number, (name, log) in enumerate(logs.items()):
        steps, losses = _points(log, "loss")
        if not steps:
            raise ValueError(f"the log of {name} holds no training step; nothing to draw")
        # 1) Left: the training loss, and the held-out one of the last weights.
        colour = f"C{number}"
        left.plot(steps, smooth(losses), color=colour, label=name)
        keys = [key for line in log for key in line if key.startswith("last_")]
        held_out = next((key for key in keys if key.startswith("last_loss")), "")
        left.plot(*_points(log, held_out), color=colour, linestyle="--", marker=".")
        # 2) Right: one figure for all runs, the first run's.
        watched = watched or next((name for name in FIGURES if f"last_{name}" in keys), "")
        right.plot(*_points(log, f"last_{watched}"), color=colour, marker=".", label=name)
    left.set(xlabel="step", ylabel="loss in nats (dashed: held out)")
    right.set(xlabel="step", ylabel=f"{watched or 'figure'} on held-out rows")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.legend(frameon=False)
    figure.savefig(path, dpi=110)
