"""What one visitor holds: one bounded object a browser session, one map of them, freed in one place."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bertgen import GenerationTrace
from components.limits import BYTES, MAX_SESSIONS, OPENED, RUNS
from components.views.lines import Lines


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished run, how its tokens read, and what it takes to name it in a list.

    ``warnings`` say what its checkpoint should not be trusted with.
    """

    run_id: str
    trace: GenerationTrace
    lines: Lines | None
    checkpoint: str
    task: str
    warnings: tuple[str, ...]
    nbytes: int


@dataclass(eq=False)
class Session:
    """All that one visitor holds.

    ``runs`` by id, oldest first; ``opened``, the checkpoints this visitor opened, by name; ``current``, the
    run that Stop has to find; ``plan``, the Hub repository that was looked up, and ``download``, the one on
    its way.
    """

    runs: OrderedDict[str, StoredRun] = field(default_factory=OrderedDict)
    opened: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    current: Any = None
    plan: Any = None
    download: Any = None

    @property
    def empty(self) -> bool:
        """Whether it holds nothing at all."""
        return not any([self.runs, self.opened, self.current, self.plan, self.download])


class Sessions:
    """The sessions by their hash. A hash is chosen by the browser, so one that was never used costs nothing:
    a ``Session`` is made when there is something to hold.

    The session unused for longest goes first when there are too many or their runs take too many bytes. Run
    ids are unguessable, yet a run is only handed to the session that made it; the page's own example runs
    are shared with everybody. A visitor without a session (no browser) has the name "".
    """

    def __init__(self, runs: int = RUNS, sessions: int = MAX_SESSIONS, nbytes: int = BYTES) -> None:
        self._most_runs, self._most_sessions, self._most_bytes = runs, sessions, nbytes
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._shared: OrderedDict[str, StoredRun] = OrderedDict()
        self._lock = threading.RLock()

    # ---- the visitors

    def look(self, name: str | None) -> Session:
        """What a visitor holds, to be read: an empty object of its own for one that holds nothing."""
        with self._lock:
            found = self._sessions.get(name or "")
            if found is None:
                return Session()
            self._sessions.move_to_end(name or "")
            return found

    @contextmanager
    def change(self, name: str | None) -> Iterator[Session]:
        """What a visitor holds, to be changed; afterwards it is within its bounds again."""
        # Held to the end of the block: what is put and what is dropped for it are one step to others.
        with self._lock:
            session = self._sessions.setdefault(name or "", Session())
            self._sessions.move_to_end(name or "")
            try:
                yield session
            finally:
                self._bound(session)
                # One that was emptied, or that left while something of it was being closed, is not kept.
                if session.empty:
                    self.forget(name)

    def forget(self, name: str | None) -> None:
        """Frees everything that a visitor holds."""
        with self._lock:
            self._sessions.pop(name or "", None)

    def __len__(self) -> int:
        return len(self._sessions)

    # ---- their runs

    def put(
        self,
        name: str | None,
        trace: GenerationTrace,
        *,
        lines: Lines | None = None,
        checkpoint: str = "",
        task: str = "",
        warnings: tuple[str, ...] = (),
    ) -> str:
        """Keeps a run and returns its id. A run without a session (no browser behind it) is not kept."""
        stored = _stored(trace, lines, checkpoint, task, warnings)
        if name:
            with self.change(name) as session:
                session.runs[stored.run_id] = stored
        return stored.run_id

    def share(
        self, trace: GenerationTrace, *, lines: Lines | None = None, checkpoint: str = "", task: str = ""
    ) -> str:
        """Keeps one of the page's own example runs, which every session can see, and returns its id."""
        stored = _stored(trace, lines, checkpoint, task, ())
        with self._lock:
            self._shared[stored.run_id] = stored
        return stored.run_id

    def stored(self, name: str | None, run_id: Any) -> StoredRun | None:
        """One of this session's runs or a shared one; None when it is not kept (any more)."""
        if not isinstance(run_id, str):
            return None
        with self._lock:
            return self.look(name).runs.get(run_id) or self._shared.get(run_id)

    def trace(self, name: str | None, run_id: Any) -> GenerationTrace | None:
        """The trace of one of this session's runs or of a shared one."""
        stored = self.stored(name, run_id)
        if stored is None:
            return None
        return stored.trace

    def runs(self, name: str | None) -> list[StoredRun]:
        """What this session can look at: its own runs, newest first, then the shared ones."""
        with self._lock:
            own: OrderedDict[str, StoredRun] = OrderedDict()
            if name:
                own = self.look(name).runs
            return [*reversed(own.values()), *reversed(self._shared.values())]

    @property
    def nbytes(self) -> int:
        """Bytes of all runs held."""
        with self._lock:
            groups = [session.runs for session in self._sessions.values()] + [self._shared]
            return sum(stored.nbytes for runs in groups for stored in runs.values())

    def _bound(self, session: Session) -> None:
        """Drops what is too much, the oldest first."""
        # Counts: of this session's things, then of sessions.
        while len(session.runs) > self._most_runs:
            session.runs.popitem(last=False)
        while len(session.opened) > OPENED:
            session.opened.popitem(last=False)
        while len(self._sessions) > self._most_sessions:
            self._sessions.popitem(last=False)
        # Bytes: the runs of the sessions unused for longest go; what else they hold takes no room.
        excess = self.nbytes - self._most_bytes
        for other in self._sessions.values():
            least = int(other is session)  # the newest run stays, however large
            while excess > 0 and len(other.runs) > least:
                excess -= other.runs.popitem(last=False)[1].nbytes


def _stored(
    trace: GenerationTrace, lines: Lines | None, checkpoint: str, task: str, warnings: tuple[str, ...]
) -> StoredRun:
    nbytes = sum(found.weights.nbytes for found in trace.maps.values())
    return StoredRun(secrets.token_urlsafe(12), trace, lines, checkpoint, task, warnings, nbytes)
