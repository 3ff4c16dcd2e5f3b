"""The checkpoints that the page can run: found on disk, described unloaded, loaded once when asked for."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bertgen import BertGenerationTokenizer, EncoderDecoderModel

EMBEDDED = Path(__file__).resolve().parents[1] / "assets" / "checkpoints"
TASKS = {
    "translate": "Translate",
    "split": "Split",
    "fuse": "Fuse",
    "summarize": "Summarise",
    "other": "Other",
}
LOADED_AT_ONCE = 4
OPENED_AT_ONCE = 16
# A step of a small model is too short to be split between threads: waiting for each other costs more than
# it saves (on a busy machine ten times as much), and runs at the same time share the cores anyway.
SMALL_MODEL = 50_000_000
_CORES = torch.get_num_threads()
_DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class Checkpoint:
    """What is known of a checkpoint before it is loaded. ``parameters`` is 0 when the weights do not tell."""

    name: str
    folder: Path
    task: str
    title: str
    default: bool
    examples: tuple[str, ...]
    longest_source: int
    longest_target: int
    licence: str
    metrics: dict[str, Any]
    parameters: int
    nbytes: int
    embedded: bool

    @property
    def label(self) -> str:
        """As the picker shows it: title, parameters, megabytes on disk."""
        parts = [self.title]
        if self.parameters:
            parts.append(f"{_short(self.parameters)} parameters")
        parts.append(f"{self.nbytes / 1e6:.1f} MB")
        return " · ".join(parts)

    def card(self) -> str:
        """The model card's text without its front matter; empty when the folder has none."""
        path = self.folder / "README.md"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if text.startswith("---"):
            text = text.partition("\n---")[2].partition("\n")[2]
        return text.strip()


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint ready to run; nobody writes to it. Its vocabulary is that of the tokenizer."""

    checkpoint: Checkpoint
    model: EncoderDecoderModel
    tokenizer: BertGenerationTokenizer
    device: str
    dtype: str
    special_ids: frozenset[int] = field(default_factory=frozenset)

    def count(self, text: str) -> int:
        """How many tokens the model reads for a text."""
        return len(self.tokenizer.tokenize(text))  # unlike a call, silent on long texts

    @property
    def positions(self) -> int:
        """How many tokens the decoder can write at most: it has no embedding for more."""
        return int(getattr(self.model.config.decoder, "max_position_embeddings", 512))

    @property
    def report(self) -> str:
        """What loading did with every key, for people; empty when the model keeps no report."""
        return str(getattr(self.model, "load_report", None) or "")


def describe(folder: Path, *, embedded: bool = False) -> Checkpoint:
    """What a checkpoint folder says of itself. Raises ``ValueError`` when it is none."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give the folder that holds config.json and the weights")
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds no config.json; give a folder written by save_pretrained")
    profile = _read_json(folder / "profile.json", missing={})
    config = _read_json(folder / "config.json")
    weights = sorted([*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")])
    if not weights:
        raise ValueError(f"{folder} holds no weights (model.safetensors); save the model there again")
    task = profile.get("task")
    return Checkpoint(
        name=folder.name,
        folder=folder,
        task=task if task in TASKS else "other",
        title=str(profile.get("title") or folder.name),
        default=bool(profile.get("default", False)),
        examples=tuple(str(text) for text in profile.get("examples") or ())[:12],
        longest_source=_limit(profile.get("longest_source"), config),
        longest_target=_limit(profile.get("longest_target"), config),
        licence=str(profile.get("licence") or "not stated"),
        metrics=profile["metrics"] if isinstance(profile.get("metrics"), dict) else {},
        parameters=sum(_parameters(path) for path in weights if path.suffix == ".safetensors"),
        nbytes=sum(path.stat().st_size for path in weights),
        embedded=embedded,
    )


def _read_json(path: Path, missing: dict | None = None) -> dict[str, Any]:
    if missing is not None and not path.is_file():
        return missing
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as JSON ({error}); write the file again") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} holds a {type(data).__name__}, not a JSON object; write the file again")
    return data


def _limit(stated: Any, config: dict[str, Any]) -> int:
    """Tokens a side may have: what the profile states, else the positions that the model has."""
    if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0:
        return stated
    positions = [
        part.get("max_position_embeddings")
        for part in (config, config.get("encoder"), config.get("decoder"))
        if isinstance(part, dict)
    ]
    return min((value for value in positions if isinstance(value, int) and value > 0), default=512)


def _parameters(path: Path) -> int:
    """Numbers stored in a safetensors file, read from its header alone; 0 when that cannot be read."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > 64 * 1024 * 1024:
            return 0
        try:
            header = json.loads(file.read(size))
        except ValueError:
            return 0
    spans = [
        (value["data_offsets"], _DTYPE_BYTES.get(value["dtype"], 0))
        for key, value in header.items()
        if key != "__metadata__"
    ]
    return sum((end - start) // width for (start, end), width in spans if width)


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number < 1e9 else f"{number / 1e9:.2f} B"


class Registry:
    """Checkpoints by name. Loading happens once each, in whichever thread asks first; few stay in memory."""

    def __init__(self, device: str, dtype: str, root: Path = EMBEDDED) -> None:
        self.device, self.dtype = device, dtype
        self._checkpoints: OrderedDict[str, Checkpoint] = OrderedDict()
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._lock = threading.RLock()
        for profile in sorted(root.glob("*/profile.json")):
            checkpoint = describe(profile.parent, embedded=True)
            self._checkpoints[checkpoint.name] = checkpoint
        self._first: dict[str, str] = {}  # task -> the checkpoint that the operator opened at the start

    def tasks(self) -> dict[str, str]:
        """The tasks that have a checkpoint, key -> title, in the page's order."""
        with self._lock:
            there = {checkpoint.task for checkpoint in self._checkpoints.values()}
        return {key: title for key, title in TASKS.items() if key in there}

    def checkpoints(self, task: str | None = None) -> list[Checkpoint]:
        """All checkpoints, or those of a task."""
        with self._lock:
            return [c for c in self._checkpoints.values() if task is None or c.task == task]

    def describe(self, name: str) -> Checkpoint:
        """A checkpoint's description. Raises ``ValueError`` naming those that are there."""
        with self._lock:
            if isinstance(name, str) and name in self._checkpoints:
                return self._checkpoints[name]
            names = ", ".join(sorted(self._checkpoints)) or "none is there"
        shown = repr(name[:60]) if isinstance(name, str) else f"a {type(name).__name__}"
        raise ValueError(f"unknown checkpoint {shown}; choose one of {names}")

    def default(self, task: str) -> Checkpoint:
        """The task's own checkpoint: the one opened at the start, else the one its profile calls default."""
        group = self.checkpoints(task)
        if not group:
            raise ValueError(f"no checkpoint for the task {task!r}; choose one of {', '.join(self.tasks())}")
        first = self._first.get(task)
        return next((c for c in group if c.name == first), None) or next(
            (c for c in group if c.default), group[0]
        )

    def get(self, name: str) -> Loaded:
        """The loaded checkpoint. Raises ``ValueError`` when it is unknown or cannot be loaded."""
        checkpoint = self.describe(name)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(checkpoint)
            self._loaded.move_to_end(name)
            while len(self._loaded) > LOADED_AT_ONCE:
                self._loaded.popitem(last=False)
            return self._loaded[name]

    def open(self, folder: str | Path, *, first: bool = False) -> Loaded:
        """Adds a folder of this machine and loads it; ``first`` makes it its task's own checkpoint.

        Raises ``ValueError`` with the reason; then nothing has been added.
        """
        checkpoint = describe(Path(folder).expanduser())
        with self._lock:
            same = [c for c in self._checkpoints.values() if c.folder == checkpoint.folder]
            if same:
                checkpoint = same[0]
            else:
                checkpoint = self._with_free_name(checkpoint)
                self._make_room()
            self._loaded[checkpoint.name] = loaded = self._load(checkpoint)
            self._checkpoints[checkpoint.name] = checkpoint
            if first:
                self._first[checkpoint.task] = checkpoint.name
            return loaded

    def _with_free_name(self, checkpoint: Checkpoint) -> Checkpoint:
        name, number = checkpoint.name, 2
        while name in self._checkpoints:
            name, number = f"{checkpoint.name}-{number}", number + 1
        return Checkpoint(**{**checkpoint.__dict__, "name": name})

    def _make_room(self) -> None:
        opened = [c.name for c in self._checkpoints.values() if not c.embedded]
        for name in opened[: max(0, len(opened) - OPENED_AT_ONCE + 1)]:
            if name not in self._first.values():
                self._checkpoints.pop(name)
                self._loaded.pop(name, None)

    def _load(self, checkpoint: Checkpoint) -> Loaded:
        try:
            model = EncoderDecoderModel.from_pretrained(
                str(checkpoint.folder), torch_dtype=getattr(torch, self.dtype)
            )
            tokenizer = BertGenerationTokenizer.from_pretrained(str(checkpoint.folder))
        except (OSError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{checkpoint.folder.name} cannot be loaded: {error}") from error
        model = model.to(self.device).eval().requires_grad_(False)
        if model.num_parameters() < SMALL_MODEL and not self._loaded:
            torch.set_num_threads(1)
        elif model.num_parameters() >= SMALL_MODEL:
            torch.set_num_threads(_CORES)
        return Loaded(
            checkpoint, model, tokenizer, self.device, self.dtype, frozenset(tokenizer.all_special_ids)
        )
