"""Whole runs from a recipe: pre-training, fine-tuning with the export behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bertgen.training.data.corpus import build_corpus, build_vocabulary
from bertgen.training.data.text import ROWS_FILE, build_base_vocabulary, load_rows
from bertgen.training.data.vocabulary import write_tokenizer_files
from bertgen.training.objectives.base import Objective
from bertgen.training.objectives.masked_lm import MaskedLM
from bertgen.training.objectives.seq2seq import Seq2Seq
from bertgen.training.recipe.tables import PretrainingRecipe, Recipe
from bertgen.training.reports.curves import CURVES, draw_curves
from bertgen.training.runs.export import AUTO, export_base, export_checkpoint
from bertgen.training.runs.processes import Team, leads
from bertgen.training.runs.snapshots import BEST, SNAPSHOT_FILES
from bertgen.training.runs.start import start_tokenizer
from bertgen.training.runs.state import LOG, STATE, read_log
from bertgen.training.trainer import Trainer

# Below a finished run.
CHECKPOINT = "checkpoint"
# What a run writes: while it prepares, and from its first step on beside its state.
PREPARED, TRACES = (ROWS_FILE.format("*"), "spiece.model"), (LOG, BEST, SNAPSHOT_FILES)
# A file that says whose the prepared ones are, until there is a state.
PREPARING = "preparing"


def open_run(out: Path, resume: bool | None) -> bool:
    """Make the folder of a run, and say whether it holds a state to go on from.

    `resume` None goes on where there is one. What a start left behind that ended before its first state is
    made anew. ValueError where a run would overwrite or mix with another, or resume none.
    """
    # 1) The leading process alone judges and writes.
    exists, begun = (out / STATE).exists(), (out / PREPARING).exists()
    if not leads():
        return exists
    if exists and resume is False:
        raise ValueError(f"{out} holds a run already; go on with --resume, or choose another --out")
    if resume and not (exists or begun):
        raise ValueError(f"{out} holds no run to resume; leave --resume out to start one")
    if exists:
        return True
    # 2) A new run: what an earlier start of it prepared goes, what is another's stays.
    if begun:
        for path in _find(out, PREPARED):
            path.unlink()
    found = [path.name for path in _find(out, (*PREPARED, *TRACES))]
    if found:
        raise ValueError(
            f"{out} holds {', '.join(found)} of something else; choose another --out, or move them away"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / PREPARING).write_text("A run without a state yet: a new start makes anew what lies here.\n")
    return False


def _find(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _vocabulary(out: Path, build: Callable[[], bytes]) -> bytes:
    """The run's SentencePiece model, made at its first start."""
    path = out / "spiece.model"
    if not path.exists():
        print("training the vocabulary", file=sys.stderr)
        path.write_bytes(build())
    return path.read_bytes()


def _run(prepare: Callable[[], Objective], out: Path, resume: bool, device: str) -> bool:
    """Train; true in the leading process once the schedule is at its end."""
    team = Team()
    # A device that is not there ends the run before the data take their minutes.
    chosen = team.device(device)
    trainer = Trainer(team.after_the_lead(prepare), out, chosen)
    if resume:
        trainer.resume()
    trainer.run()
    if team.leads:
        (out / PREPARING).unlink(missing_ok=True)
    return trainer.finished and team.leads


def _with_curves(out: Path) -> Path:
    draw_curves({out.name: read_log(out)}, out / CHECKPOINT / CURVES)
    return out / CHECKPOINT


def pre_train(
    recipe: PretrainingRecipe, data: Path, out: Path, resume: bool = False, device: str = "cpu"
) -> Path | None:
    """Pre-train, or with `resume` go on; a finished run is exported to `out`/checkpoint, whose path returns.

    None when a signal stopped the run first, and in all processes but the leading one.
    """

    def prepare() -> MaskedLM:
        vocabulary = _vocabulary(out, lambda: build_base_vocabulary(recipe, data))
        return MaskedLM(recipe, load_rows(recipe, data, out, vocabulary))

    if not _run(prepare, out, resume, device):
        return None
    export_base(recipe, out, out / CHECKPOINT, AUTO)
    return _with_curves(out)


def fine_tune(
    recipe: Recipe, data: Path, out: Path, resume: bool = False, device: str = "cpu"
) -> Path | None:
    """As `pre_train`, for an encoder-decoder."""

    def prepare() -> Seq2Seq:
        # A warm start brings its vocabulary.
        if recipe.warm_start is None:
            vocabulary = _vocabulary(out, lambda: build_vocabulary(recipe, data))
            write_tokenizer_files(out, vocabulary, recipe.longest_source)
        tokenizer = start_tokenizer(recipe, out)
        corpus = build_corpus(recipe, data, tokenizer)
        if leads():
            print(*corpus.summary, sep="\n", file=sys.stderr)
        return Seq2Seq(recipe, corpus, data)

    if not _run(prepare, out, resume, device):
        return None
    export_checkpoint(recipe, out, out / CHECKPOINT, AUTO)
    return _with_curves(out)
