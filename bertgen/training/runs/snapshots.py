"""Weights kept beside the state: the best ones of a run, and the last few to average."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

BEST, LOSS = "best.safetensors", "loss"
# Seven digits, so that sorted names are in the order of their steps.
SNAPSHOT, SNAPSHOT_FILES = "kept-{:07d}.safetensors", "kept-*.safetensors"


def save_snapshot(
    folder: Path, step: int, names: Sequence[str], tensors: Sequence[Tensor], count: int
) -> None:
    """Save the weights of `step`, and drop all but the last `count` saved ones."""
    # Saved before the oldest is dropped: a kill leaves one too many, never one too few.
    _save(folder / SNAPSHOT.format(step), names, tensors)
    for path in snapshot_files(folder)[:-count]:
        path.unlink()


def drop_after(folder: Path, step: int) -> None:
    """Drop kept weights of steps after `step`: a resumed run does those steps again."""
    for path in snapshot_files(folder):
        if path.name > SNAPSHOT.format(step):
            path.unlink()


def save_best(folder: Path, names: Sequence[str], tensors: Sequence[Tensor], loss: float) -> None:
    """Save the weights as the run's best so far, with their validation loss."""
    _save(folder / BEST, names, tensors, {LOSS: repr(loss)})


def best_loss(folder: Path) -> float | None:
    """Validation loss of the best weights; None where a run kept none.

    Asked of the file, not of the log: after a resumption without patience the log's lowest may be another's.
    """
    if not (folder / BEST).exists():
        return None
    with safe_open(folder / BEST, "pt") as file:
        return float((file.metadata() or {}).get(LOSS, "inf"))


def _save(
    path: Path, names: Sequence[str], tensors: Sequence[Tensor], notes: dict[str, str] | None = None
) -> None:
    temporary = path.with_suffix(".tmp")
    values = {name: tensor.contiguous() for name, tensor in zip(names, tensors, strict=True)}
    try:
        save_file(values, temporary, notes)
    except SafetensorError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(f"{path} was not saved ({error}); is the disk full?") from error
    # A kill leaves the old file or the new one.
    temporary.replace(path)


def snapshot_files(folder: Path) -> list[Path]:
    """The kept weights, oldest first."""
    return sorted(folder.glob(SNAPSHOT_FILES))


def load_best(folder: Path) -> dict[str, Tensor]:
    """The best weights by name; FileNotFoundError where a run kept none."""
    if not (folder / BEST).exists():
        raise FileNotFoundError(f"{folder} keeps no best weights; set optimisation.patience in the recipe")
    return load_file(folder / BEST)


def load_mean(folder: Path) -> dict[str, Tensor]:
    """The mean of the kept weights (Vaswani et al. 2017 average the last few checkpoints)."""
    files = snapshot_files(folder)
    if not files:
        raise FileNotFoundError(f"{folder} keeps no checkpoints; set optimisation.keep_last in the recipe")
    # A running mean: two files in memory, however many there are.
    mean = load_file(files[0])
    for number, path in enumerate(files[1:], start=2):
        for name, tensor in load_file(path).items():
            mean[name].lerp_(tensor, 1 / number)
    return mean
