"""The checkpoints that the page can run: found on disk or opened by a visitor, loaded once when asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bertgen import AutoTokenizer, EncoderDecoderModel
from bertgen.checkpoints import LoadReport
from bertgen.checkpoints.published import PUBLISHED
from components.models import advice
from components.models.checkpoint import TASKS, Checkpoint, describe, positions
from components.models.memory import ModelMemory, default_limit
from components.refusal import Refusal
from components.session import Sessions
from components.strings import t

EMBEDDED = Path(__file__).resolve().parents[2] / "assets" / "checkpoints"
# A step of a small model is too short to be split between threads: waiting for each other costs more than
# it saves (on a busy machine ten times as much), and runs at the same time share the cores anyway.
SMALL_MODEL = 50_000_000  # parameters
_CORES = torch.get_num_threads()


@dataclass(frozen=True, eq=False)
class Loaded:
    """A checkpoint ready to run; nobody writes to it.

    ``warnings`` stay with every run of it; ``threads`` is how many of the CPU's a step of it uses.
    """

    checkpoint: Checkpoint
    model: EncoderDecoderModel
    tokenizer: Any
    device: str
    dtype: str
    nbytes: int = 0
    warnings: tuple[str, ...] = ()
    threads: int = 1

    @property
    def target_tokenizer(self) -> Any:
        """The tokenizer of what is written: a checkpoint with two vocabularies has one of its own for it."""
        return getattr(self.tokenizer, "decoder_tokenizer", None) or self.tokenizer

    def prepare(self, text: str) -> str:
        """A text as the model was trained to have it: on one line, and for some published ones in their form.

        Training reads one-line texts, and a vocabulary with bytes to fall back on would spell a line break.
        """
        text = " ".join(text.split())
        published = PUBLISHED.get(self.checkpoint.hub_id)
        if published is None:
            return text
        return published.prepare_input.value(text, self.tokenizer)

    def count(self, text: str) -> int:
        """How many tokens the model reads for a text."""
        pieces = self.tokenizer.tokenize(self.prepare(text))  # unlike a call, silent on long texts
        return len(pieces) + self.tokenizer.num_special_tokens_to_add()

    @property
    def positions(self) -> int:
        """How many tokens the decoder can write at most: it has no embedding for more."""
        return positions(self.model.config.decoder.to_dict()) or 512

    @property
    def report(self) -> LoadReport:
        """What loading did with every key."""
        return self.model.load_report or LoadReport()


class Registry:
    """Checkpoints by name: those everybody sees, and those a visitor (a session) opened, seen by nobody else.

    The models themselves are shared: two visitors who open one folder hold one model.
    """

    def __init__(
        self,
        device: str,
        dtype: str,
        root: Path = EMBEDDED,
        *,
        memory: int = 0,
        sessions: Sessions | None = None,
    ) -> None:
        self.device, self.dtype = device, dtype
        self.sessions = sessions or Sessions()
        self.memory: ModelMemory[Loaded] = ModelMemory(memory or default_limit(device))
        self._shared: OrderedDict[str, Checkpoint] = OrderedDict()
        self._first: dict[str, str] = {}  # task -> the checkpoint that the operator opened at the start
        self._lock = threading.Lock()  # of these dictionaries; never held while a model is loaded
        # Bases to train from stand beside the checkpoints: described in the page, in no picker of runs.
        for config in sorted(root.glob("*/config.json")) + sorted(root.parent.glob("bases/*/config.json")):
            checkpoint = describe(config.parent, origin=t("checkpoints.embedded"))
            self._shared[checkpoint.name] = checkpoint

    # ---- what is there

    def all(self, session: str | None = None) -> list[Checkpoint]:
        """Everything that a session sees, base checkpoints included."""
        with self._lock:
            return [*self._shared.values(), *self.opened(session)]

    def checkpoints(self, task: str | None = None, session: str | None = None) -> list[Checkpoint]:
        """The checkpoints that a session can run, or those of a task."""
        return [c for c in self.all(session) if c.runnable and task in (None, c.task)]

    def tasks(self, session: str | None = None) -> dict[str, str]:
        """The tasks that have a checkpoint, key -> title, in the page's order."""
        there = {checkpoint.task for checkpoint in self.checkpoints(session=session)}
        return {key: t(f"task.{key}") for key in TASKS if key in there}

    def describe(self, name: Any, session: str | None = None) -> Checkpoint:
        """A checkpoint's description. Raises ``ValueError`` naming those that are there."""
        there = {checkpoint.name: checkpoint for checkpoint in self.all(session)}
        if isinstance(name, str) and name in there:
            return there[name]
        got = t("expected.kind", type=type(name).__name__)
        if isinstance(name, str):
            got = repr(name[:60])
        names = ", ".join(sorted(there)) or t("refuse.checkpoint.none")
        raise Refusal("refuse.checkpoint", got=got, choices=names)

    def default(self, task: str, session: str | None = None) -> Checkpoint:
        """The task's own checkpoint: the one opened at the start, else the one its profile calls default."""
        group = self.checkpoints(task, session)
        if not group:
            known = ", ".join(self.tasks(session))
            raise Refusal("refuse.task", task=repr(task), choices=known)
        # The operator's choice at the start, the profile's word, the first there is: the best of these.
        first = self._first.get(task)
        return max(group, key=lambda c: (c.name == first, c.default))

    # ---- models

    @contextmanager
    def use(self, checkpoint: Checkpoint) -> Iterator[Loaded]:
        """The loaded checkpoint, kept in memory at least as long as the block lasts.

        Raises ``Refusal`` (a ``ValueError``) when it cannot be loaded or is too large.
        """
        if not checkpoint.runnable:
            raise advice.no_writer(checkpoint.name)
        dtype = getattr(torch, self.dtype)
        with self.memory.use(
            _key(checkpoint),
            checkpoint.name,
            checkpoint.memory(dtype.itemsize),
            lambda: self._load(checkpoint, dtype),
        ) as loaded:
            # Another session may have given the same folder another name.
            if loaded.checkpoint != checkpoint:
                loaded = replace(loaded, checkpoint=checkpoint)
            yield loaded

    def get(self, name: str, session: str | None = None) -> Loaded:
        """The loaded checkpoint by name, for a moment's look: nothing keeps it in memory afterwards."""
        with self.use(self.describe(name, session)) as loaded:
            return loaded

    def peek(self, checkpoint: Checkpoint) -> Loaded | None:
        """The loaded checkpoint when it is in memory."""
        return self.memory.peek(_key(checkpoint))

    def _load(self, checkpoint: Checkpoint, dtype: torch.dtype) -> Loaded:
        # 1) Read; whatever goes wrong with a stranger's files becomes one kind of refusal.
        try:
            model = EncoderDecoderModel.from_pretrained(str(checkpoint.folder), torch_dtype=dtype)
            tokenizer = _tokenizer(checkpoint)
            _complete(model, checkpoint)
            model = model.to(self.device).eval().requires_grad_(False)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, MemoryError) as error:
            raise advice.not_loaded(checkpoint.folder.name, error) from error

        # 2) Weights and tokenizer fit each other, or it is refused.
        target = getattr(tokenizer, "decoder_tokenizer", None) or tokenizer
        advice.check_loaded(model, tokenizer, target)

        # 3) What the first answer would make otherwise, so that it comes as fast as the next.
        model.prepare()
        threads = _CORES
        if model.num_parameters() < SMALL_MODEL:
            threads = 1
        return Loaded(
            checkpoint,
            model,
            tokenizer,
            self.device,
            self.dtype,
            nbytes=sum(p.nbytes for p in model.parameters()),
            warnings=advice.warnings_of(model, tokenizer, target),
            threads=threads,
        )

    # ---- what visitors open

    def open(
        self,
        folder: str | Path,
        *,
        session: str | None = None,
        first: bool = False,
        origin: str = "",
        hub_id: str = "",
    ) -> Loaded:
        """Adds a folder of this machine and loads it: for one session, or (None) for everybody.

        ``first`` makes it its task's own checkpoint; the rest is for ``describe``. Raises ``Refusal`` (a
        ``ValueError``) with the reason and the next move; then everything is as it was.
        """
        checkpoint = self._named(folder, session, origin, hub_id)
        with self.use(checkpoint) as loaded:
            self._keep(checkpoint, session, first)
            return loaded

    def add(self, folder: str | Path, *, session: str, origin: str = "", hub_id: str = "") -> None:
        """As ``open`` for a session, but the model is only loaded when it is asked for."""
        self._keep(self._named(folder, session, origin, hub_id), session)

    def opened(self, session: str | None) -> list[Checkpoint]:
        """What a session opened itself, oldest first."""
        return list(self.sessions.look(session).opened.values())

    def _named(self, folder: str | Path, session: str | None, origin: str, hub_id: str) -> Checkpoint:
        """A folder's description under a name that is free, or the one that it has already."""
        checkpoint = describe(Path(folder), origin=origin, hub_id=hub_id)
        known = next((c for c in self.all(session) if c.folder == checkpoint.folder), None)
        if known is None:
            return replace(checkpoint, name=self._free_name(checkpoint, session))
        if known.stamp == checkpoint.stamp:
            return known
        return replace(checkpoint, name=known.name, origin=known.origin)  # its files have changed since

    def _keep(self, checkpoint: Checkpoint, session: str | None, first: bool = False) -> None:
        with self._lock:
            if session is None or checkpoint.name in self._shared:
                self._shared[checkpoint.name] = checkpoint
            else:
                with self.sessions.change(session) as held:
                    held.opened[checkpoint.name] = checkpoint
            if first:
                self._first[checkpoint.task] = checkpoint.name

    def _free_name(self, checkpoint: Checkpoint, session: str | None) -> str:
        taken = {c.name for c in self.all(session)}
        name, number = checkpoint.name, 2
        while name in taken:
            name, number = f"{checkpoint.name}-{number}", number + 1
        return name


def _tokenizer(checkpoint: Checkpoint) -> Any:
    """The tokenizer that the files ask for; of a published checkpoint the one it was trained with."""
    published = PUBLISHED.get(checkpoint.hub_id)
    folder = str(checkpoint.folder)
    if published is None:
        return AutoTokenizer.from_pretrained(folder)
    return published.load_tokenizer(folder)


def _complete(model: EncoderDecoderModel, checkpoint: Checkpoint) -> None:
    """Start, end and pad tokens that a published checkpoint's files leave out, by what is known of it."""
    published = PUBLISHED.get(checkpoint.hub_id)
    if published is None:
        return
    settings = model.current_generation_config()
    for name, value in published.generation.value.items():
        if name.endswith("token_id") and getattr(settings, name, None) is None:
            setattr(settings, name, value)


def _key(checkpoint: Checkpoint) -> str:
    """A model in memory: the folder, in the state that it was in when it was described."""
    return f"{checkpoint.folder} {checkpoint.stamp}"
