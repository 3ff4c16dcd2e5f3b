"""A download from the Hub on its way: in a thread of its own, so that it can be shown and stopped at once."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from bertgen import hub
from components.limits import MAX_TOKEN
from components.refusal import Refusal
from components.settings import Settings
from components.strings import t

UPDATE_SECONDS = 0.25
_SALT = secrets.token_bytes(16)
_private: list[tempfile.TemporaryDirectory] = []
_private_lock = threading.Lock()


class Download:
    """Fetches what a plan still lacks. ``done`` of ``total`` bytes are there; ``folder`` once all are."""

    def __init__(self, plan: hub.HubPlan, token: str | bool | None, cache_dir: str | None = None) -> None:
        self.plan, self._cache_dir = plan, cache_dir
        self.done, self.total = plan.nbytes - plan.missing_bytes, plan.nbytes
        self.folder: str | None = None
        self._error: BaseException | None = None
        self._stop, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(token,), daemon=True)

    def watch(self) -> Iterator[None]:
        """Runs the download; yields when it is time to show how far it is. Closing it stops the download.

        Raises ``OSError`` as ``bertgen.hub.download``, ``DownloadCancelled`` as soon as ``cancel`` is called.
        """
        self._thread.start()
        try:
            while not self._over.wait(UPDATE_SECONDS):
                if self._stop.is_set():  # the thread ends when the connection lets it
                    raise hub.DownloadCancelled("hub.cancelled")
                yield
        finally:
            self._stop.set()
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        """Stops it; what has arrived is kept for the next time."""
        self._stop.set()

    def _run(self, token: str | bool | None) -> None:
        def progress(done: int, total: int) -> None:
            self.done, self.total = done, total

        # Nobody waits for this thread: whatever goes wrong is told to the one that watches.
        try:
            self.folder = hub.download(
                self.plan,
                token=token,
                cache_dir=self._cache_dir,
                progress=progress,
                cancelled=self._stop.is_set,
            )
        except BaseException as error:  # handed to the thread that watches
            self._error = error
        finally:
            self._over.set()


def origin_of(plan: hub.HubPlan) -> str:
    """Where a checkpoint of the Hub comes from, for people."""
    return t("checkpoints.on_the_hub", name=plan.repo_id, commit=plan.revision[:12])


def cache_for(settings: Settings, token: str | bool | None) -> str | None:
    """Where downloads are kept; None for the Hub's own cache.

    What a stranger's token opened is no other stranger's, even when the Hub cannot be asked who may read it:
    it is kept apart, by token, until the page ends.
    """
    if not isinstance(token, str) or settings.private:
        return None
    # A name that neither tells the token nor can be guessed from it.
    with _private_lock:
        if not _private:
            _private.append(tempfile.TemporaryDirectory(prefix="bertgen-private-"))
    return str(Path(_private[0].name) / hashlib.sha256(_SALT + token.encode()).hexdigest()[:24])


def check_name(settings: Settings, repo_id: object) -> str:
    """A Hub id as sent; raises ``Refusal`` where this page may not open it."""
    if not settings.allow_hub:
        raise Refusal("refuse.no_hub")
    if not isinstance(repo_id, str) or not repo_id.strip():
        raise Refusal("refuse.hub_empty")
    repo_id = repo_id.strip()
    if len(repo_id) > 100:
        raise Refusal("refuse.hub_long", count=len(repo_id))
    # An operator may have listed what this page opens.
    if settings.hub_names and not any(fnmatchcase(repo_id, name) for name in settings.hub_names):
        allowed = ", ".join(settings.hub_names)
        raise Refusal("refuse.hub_unlisted", name=repr(repo_id), choices=allowed)
    return repo_id


def check_revision(revision: object) -> str | None:
    """A branch, tag or commit as sent; None for the newest."""
    if revision is None or revision == "":
        return None
    if not isinstance(revision, str) or len(revision) > 200:
        raise Refusal("refuse.hub_revision")
    return revision.strip() or None


def check_token(settings: Settings, token: object) -> str | bool | None:
    """An access token as sent, to be used for one request and kept nowhere.

    Without one, a page that only this machine can reach uses the login stored on it (None); a page that
    others can reach uses none (False), or strangers would read what the operator may read.
    """
    if token is None or token == "":
        if settings.private:
            return None
        return False
    # What is sent goes into a header: nothing in it may end a line or start another.
    text = ""
    if isinstance(token, str):
        text = token.strip()
    if not 0 < len(text) <= MAX_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise Refusal("refuse.hub_token")
    return text
