"""Which models are in memory: loaded at need, shared by all visitors, the least recently used given up."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from components.models import advice

PATIENCE = 20.0  # seconds that a load waits for the end of runs whose models take the room
_UNKNOWN_MACHINE = 8_000_000_000
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Sized(Protocol):
    """What is held in memory: it says how many bytes it takes."""

    nbytes: int


Model = TypeVar("Model", bound=Sized)


@dataclass(eq=False)
class _Slot(Generic[Model]):
    """One model: who loads it holds ``lock``; ``nbytes`` are held, or promised while it is being loaded."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None
    nbytes: int = 0
    users: int = 0


class ModelMemory(Generic[Model]):
    """At most ``limit`` bytes of models, by key. One in use stays; loading one blocks no other's users."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._slots: OrderedDict[str, _Slot[Model]] = OrderedDict()  # least recently used first
        self._room = threading.Condition()

    @contextmanager
    def use(self, key: str, name: str, nbytes: int, load: Callable[[], Model]) -> Iterator[Model]:
        """The model of ``key`` for as long as the block lasts; ``load()`` makes it where it is not there.

        ``nbytes`` is what it is expected to take, ``name`` what people call it. Raises ``Refusal`` before
        loading when that is more than the limit, or when others in use leave no room for ``PATIENCE``
        seconds; and whatever ``load`` raises.
        """
        # 1) Counted as a user first, so that nobody gives the model up while it is being asked for.
        with self._room:
            slot = self._slots.setdefault(key, _Slot())
            slot.users += 1
            self._slots.move_to_end(key)

        # 2) Loaded by whoever comes first; who wants the same model waits here, others go on.
        try:
            with slot.lock:
                if slot.model is None:
                    self._load(slot, name, nbytes, load)
            yield slot.model
        finally:
            # 3) Its place is free again for those who wait for room.
            with self._room:
                slot.users -= 1
                if slot.model is None and not slot.users:
                    self._slots.pop(key, None)
                self._room.notify_all()

    def peek(self, key: str) -> Model | None:
        """The model of ``key`` when it is in memory."""
        with self._room:
            slot = self._slots.get(key)
            if slot is None:
                return None
            return slot.model

    @property
    def nbytes(self) -> int:
        """Bytes held and promised."""
        with self._room:
            return self._total()

    def _total(self) -> int:
        return sum(slot.nbytes for slot in self._slots.values())

    def _load(self, slot: _Slot[Model], name: str, nbytes: int, load: Callable[[], Model]) -> None:
        # The room is promised before anything is read, or two loads at a time would both find it free.
        self._reserve(slot, name, nbytes)
        try:
            model = load()
        except BaseException:
            with self._room:
                slot.nbytes = 0
                self._room.notify_all()
            raise
        with self._room:
            slot.model, slot.nbytes = model, model.nbytes

    def _reserve(self, slot: _Slot[Model], name: str, nbytes: int) -> None:
        if nbytes > self.limit:
            raise advice.too_large(name, nbytes, self.limit)
        # Models in use are never given up: their runs end soon, and a load waits that long.
        deadline = time.monotonic() + PATIENCE
        with self._room:
            while not self._make_room(nbytes):
                if not self._room.wait(max(0.0, deadline - time.monotonic())):
                    raise advice.busy(name)
            slot.nbytes = nbytes

    def _make_room(self, nbytes: int) -> bool:
        """Gives up idle models, the longest unused first, until so many bytes fit; False when they do not."""
        idle = [key for key, slot in self._slots.items() if not slot.users]
        for key in idle:
            if self._total() + nbytes <= self.limit:
                return True
            del self._slots[key]
        return self._total() + nbytes <= self.limit


def default_limit(device: str = "cpu") -> int:
    """Half of the memory that the device has (of the container's share where there is one)."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[1] // 2
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        machine = _UNKNOWN_MACHINE
    # In a container the machine's memory is not ours: its control group says how much is ("max": all of it).
    shares = [int(text) for text in map(_read, _CGROUPS) if text.isdigit()]
    return min([machine, *shares]) // 2


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""
