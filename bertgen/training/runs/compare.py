"""Several variants of one recipe trained and scored alike, as one table and one picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertgen.training.recipe.reader import read_recipe
from bertgen.training.recipe.tables import Recipe
from bertgen.training.reports.card import is_figure
from bertgen.training.reports.curves import CURVES, draw_curves
from bertgen.training.reports.evaluate import evaluate
from bertgen.training.runs.processes import processes
from bertgen.training.runs.run import fine_tune, open_run
from bertgen.training.runs.state import agree, read_log, validation_losses

RESULTS, OUTPUTS, TABLE = "results.json", "outputs.json", "table.md"
Results = dict[str, Any]


def compare(
    path: Path,
    variants: Mapping[str, Sequence[str]],
    data: Path,
    out: Path,
    split: str,
    decoding: Sequence[dict[str, Any]],
    device: str = "cpu",
) -> bool:
    """Train the recipe at `path` once a variant and score each; true when all are done.

    `variants` are settings ("table.key=value") by name; a variant lives in `out`/name. What an earlier call
    finished is kept (results.json and train.jsonl are enough), what it began goes on, so a long comparison
    may be stopped at any moment; results of other settings are a ValueError. Writes table.md and curves.png
    of all that is finished. One process trains and scores: ValueError where torchrun started several.
    """
    if processes() > 1:
        raise ValueError("compare runs in one process; let torchrun `train` the variants, each with --set")
    # 1) All variants are checked before the first one trains.
    recipes = {name: read_recipe(path, settings) for name, settings in variants.items()}
    for name, recipe in recipes.items():
        _check_same(out / name, recipe, split, decoding)
    # 2) One after the other, unless an earlier call finished it.
    for name, recipe in recipes.items():
        run = out / name
        finished = (run / RESULTS).exists()
        if not finished:
            finished = _run_one(recipe, data, run, split, decoding, device)
        if not finished:
            return False
        # 3) Table and picture after each: whoever stops the comparison has what is there.
        found = {done: _read(out / done) for done in recipes if (out / done / RESULTS).exists()}
        (out / TABLE).write_text(tables(found), encoding="utf-8")
        draw_curves({done: result["log"] for done, result in found.items()}, out / CURVES)
    return True


def _check_same(run: Path, recipe: Recipe, split: str, decoding: Sequence[dict[str, Any]]) -> None:
    """ValueError where `run` holds results that were made in another way than is asked for now."""
    if not (run / RESULTS).exists():
        return
    stored = json.loads((run / RESULTS).read_text("utf-8"))
    # By way of JSON, as the stored one went: tuples become lists.
    asked = json.loads(json.dumps(recipe.as_dict()))
    scored = [row for row in stored["metrics"] if "decoding" in row]
    made = [row["decoding"] for row in scored]
    same_scores = {row["split"] for row in scored} == {split} and all(
        [row in decoding for row in made] + [row in made for row in decoding]
    )
    if not same_scores or not agree(stored["recipe"], asked):
        raise ValueError(
            f"{run} holds results of other settings; choose another --out, or remove that folder"
        )


def _run_one(
    recipe: Recipe, data: Path, run: Path, split: str, decoding: Sequence[dict[str, Any]], device: str
) -> bool:
    """Train a variant, or go on with it, and score it; false where a signal stopped it."""
    checkpoint = fine_tune(recipe, data, run, open_run(run, resume=None), device)
    if checkpoint is None:
        return False
    rows, outputs = evaluate(checkpoint, recipe, data, split, decoding, device)
    _write(run / OUTPUTS, outputs)
    _write(run / RESULTS, {"recipe": recipe.as_dict(), "metrics": rows})
    return True


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")


def _read(run: Path) -> Results:
    return {**json.loads((run / RESULTS).read_text("utf-8")), "log": read_log(run)}


def tables(results: Mapping[str, Results]) -> str:
    """Markdown: one table a set, kind of references and decoding, one row a variant, baselines first.

    `loss` is the last validation's on the first set, the lowest of its weights'.
    """
    groups: dict[str, list[str]] = {}
    for name, result in results.items():
        loss = ""
        losses = validation_losses(result["log"])
        if losses:
            loss = f"{min(losses[-1].values()):.3f}"
        for row in result["metrics"]:
            # 1) The line of a variant, or of a baseline, which has no loss.
            figures = {key: value["score"] for key, value in row.items() if is_figure(value)}
            cells = [row.get("baseline", ""), ""]
            if "decoding" in row:
                cells = [name, loss]
            line = _line([*cells, *(f"{value:.2f}" for value in figures.values())])
            # 2) The table that it belongs to.
            setting = ", ".join(f"{key} {value}" for key, value in row.get("decoding", {}).items())
            rows = f"{row['set']} {row['split']}, {row['rows']:,} rows, references: {row['references']}"
            title = f"{rows}, {setting or 'baselines'}"
            head = [_line(["variant", "loss", *figures]), f"|{'---|' * (len(figures) + 2)}"]
            lines = groups.setdefault(title, head)
            # Every variant brings the same baselines.
            if line not in lines:
                lines.append(line)
    return "\n".join("\n".join([f"### {title}\n", *lines, ""]) for title, lines in groups.items())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
