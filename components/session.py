"""The last runs of every visitor: bounded, per browser session, freed when the visitor leaves."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from bertgen import GenerationTrace

RUNS_PER_SESSION = 36  # a long text is up to 24 of them
SESSIONS = 256
BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run and what it takes to name it in a list: its id, checkpoint, task and bytes held.

    ``warnings`` say what its checkpoint should not be trusted with.
    """

    run_id: str
    trace: GenerationTrace
    checkpoint: str
    task: str
    nbytes: int
    warnings: tuple[str, ...] = ()


class TraceStore:
    """Finished traces by (session, run id). The oldest session goes first when there are too many.

    Run ids are unguessable, yet a run is only handed to the session that made it; the page's own example
    runs are shared with everybody.
    """

    def __init__(self, runs: int = RUNS_PER_SESSION, sessions: int = SESSIONS, nbytes: int = BYTES) -> None:
        self._limits = (runs, sessions, nbytes)
        self._sessions: OrderedDict[str, OrderedDict[str, StoredRun]] = OrderedDict()
        self._shared: OrderedDict[str, StoredRun] = OrderedDict()
        self._lock = threading.Lock()

    def put(
        self,
        session: str | None,
        trace: GenerationTrace,
        *,
        checkpoint: str = "",
        task: str = "",
        warnings: tuple[str, ...] = (),
    ) -> str:
        """Keeps a run and returns its id. A run without a session (no browser behind it) is not kept."""
        stored = StoredRun(secrets.token_urlsafe(12), trace, checkpoint, task, _nbytes(trace), warnings)
        if session:
            with self._lock:
                runs = self._sessions.setdefault(session, OrderedDict())
                runs[stored.run_id] = stored
                self._sessions.move_to_end(session)
                self._shrink(runs)
        return stored.run_id

    def share(self, trace: GenerationTrace, *, checkpoint: str = "", task: str = "") -> str:
        """Keeps one of the page's own example runs, which every session can see, and returns its id."""
        stored = StoredRun(secrets.token_urlsafe(12), trace, checkpoint, task, _nbytes(trace))
        with self._lock:
            self._shared[stored.run_id] = stored
        return stored.run_id

    def get(self, session: str | None, run_id: str) -> GenerationTrace | None:
        """The trace of one of this session's runs or of a shared one; None when it is not kept (any more)."""
        stored = self.stored(session, run_id)
        return stored.trace if stored else None

    def stored(self, session: str | None, run_id: str) -> StoredRun | None:
        """As ``get``, with the run's checkpoint and task."""
        if not isinstance(run_id, str):
            return None
        with self._lock:
            own = self._sessions.get(session or "")
            if own and run_id in own:
                self._sessions.move_to_end(session)
                return own[run_id]
            return self._shared.get(run_id)

    def list(self, session: str | None) -> list[StoredRun]:
        """What this session can look at: its own runs, newest first, then the shared ones."""
        with self._lock:
            own = self._sessions.get(session or "", {})
            return [*reversed(own.values()), *reversed(self._shared.values())]

    def drop(self, session: str | None) -> None:
        """Frees everything a session holds."""
        with self._lock:
            self._sessions.pop(session or "", None)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays held."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        held = [runs.values() for runs in (*self._sessions.values(), self._shared)]
        return sum(stored.nbytes for group in held for stored in group)

    def _shrink(self, runs: OrderedDict[str, StoredRun]) -> None:
        per_session, sessions, nbytes = self._limits
        while len(runs) > per_session:
            runs.popitem(last=False)
        while len(self._sessions) > sessions or (self._total() > nbytes and len(self._sessions) > 1):
            self._sessions.popitem(last=False)
        while self._total() > nbytes and len(runs) > 1:
            runs.popitem(last=False)


def _nbytes(trace: GenerationTrace) -> int:
    arrays = (trace.cross, trace.decoder_self, trace.encoder_self)
    return sum(array.nbytes for array in arrays if array is not None)
