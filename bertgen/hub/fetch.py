"""One file from the Hub into huggingface_hub's cache, in pieces: it can be watched, stopped and gone on with.

huggingface_hub's own download offers no way to stop (its Xet transfer runs beside Python), so the bytes are
read here; addresses, access, the connection and the cache's layout are huggingface_hub's.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from typing import Any

from bertgen.hub import errors, network
from bertgen.hub.files import repository_folder

_ETAG = re.compile(r"[0-9A-Za-z_.-]*[0-9A-Za-z][0-9A-Za-z_.-]*")
_REPORT_EVERY = 0.1  # seconds between two reports of progress
_ATTEMPTS = 5  # connections without a new byte before giving up
_PAUSE = 0.2  # seconds before the second of them, doubled before each further one


class Tracker:
    """Counts bytes over all files of a download, reports them, and asks whether to stop."""

    def __init__(
        self,
        total: int,
        done: int,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.total, self.done = total, done
        self._progress, self._cancelled = progress, cancelled
        self._next = 0.0

    def add(self, count: int) -> None:
        """Counts bytes (negative when some have to be fetched again); raises when the caller stops."""
        self.done += count
        if time.monotonic() >= self._next:
            self.report()
        self.check()

    def report(self) -> None:
        self._next = time.monotonic() + _REPORT_EVERY
        if self._progress is not None:
            self._progress(self.done, self.total)

    def check(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise errors.DownloadCancelled("hub.cancelled")


def fetch(
    repo: str, name: str, size: int, commit: str, token: str | bool | None, cache: str, tracker: Tracker
) -> str:
    """Puts one file of a commit into the cache, unless it is there; returns its path in the snapshot."""
    import huggingface_hub as hf
    from huggingface_hub import errors as hf_errors
    from huggingface_hub.utils import WeakFileLock

    tracker.check()
    root = repository_folder(repo, cache)
    path = os.path.join(root, "snapshots", commit, *name.split("/"))
    place = network.endpoint()
    url = hf.hf_hub_url(repo, name, revision=commit, endpoint=place)
    try:
        found = hf.get_hf_file_metadata(url, token=token, endpoint=place)
        if not found.etag or not _ETAG.fullmatch(found.etag):
            raise errors.HubError("hub.bad_answer", endpoint=place, name=name)
        blob = os.path.join(root, "blobs", found.etag)
        lock = os.path.join(cache, ".locks", os.path.basename(root), found.etag + ".lock")
        for folder in map(os.path.dirname, (path, blob, lock)):
            os.makedirs(folder, exist_ok=True)
        with WeakFileLock(lock):
            if os.path.isfile(blob):
                tracker.add(size)
            else:
                _read_all(url, token, blob + ".incomplete", found, tracker)
                os.replace(blob + ".incomplete", blob)
            _link(blob, path)
    except errors.HubError:
        raise
    except (hf_errors.HTTPError, OSError) as error:
        network.raise_for(error, repo, commit)
    tracker.report()
    return path


def _read_all(url: str, token: str | bool | None, partial: str, found: Any, tracker: Tracker) -> None:
    """Reads the rest of a file to `partial`, over as many connections as it takes, and checks its sum."""
    from huggingface_hub import errors as hf_errors

    before = os.path.getsize(partial) if os.path.isfile(partial) else 0
    tracker.add(before)
    attempts = _ATTEMPTS
    while found.size is None or before < found.size or not os.path.isfile(partial):
        try:
            _read_on(url, token, partial, tracker)
            if found.size is None:
                break
        except hf_errors.HfHubHTTPError:
            raise
        except hf_errors.HTTPError:
            if attempts <= 1:
                raise
        now = os.path.getsize(partial) if os.path.isfile(partial) else 0
        attempts = _ATTEMPTS if now > before else attempts - 1
        if not attempts:
            raise errors.HubError("hub.stopped", name=url, now=now, size=found.size)
        if attempts < _ATTEMPTS:
            time.sleep(_PAUSE * 2 ** (_ATTEMPTS - 1 - attempts))
            tracker.check()
        before = now
    if not _sum_is(partial, found.etag):
        tracker.done -= os.path.getsize(partial)
        os.remove(partial)
        raise errors.HubError("hub.damaged", name=url)


def _read_on(url: str, token: str | bool | None, partial: str, tracker: Tracker) -> None:
    """Appends what one connection brings."""
    import huggingface_hub as hf
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    have = os.path.getsize(partial) if os.path.isfile(partial) else 0
    headers = {**build_hf_headers(token=token), "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    session, wait = hf.get_session(), constants.HF_HUB_DOWNLOAD_TIMEOUT
    with session.stream("GET", url, headers=headers, timeout=wait, follow_redirects=True) as response:
        hf_raise_for_status(response)
        if have and response.status_code == 200:  # the server sends all of it again
            tracker.add(-have)
        mode = "ab" if response.status_code == 206 else "wb"
        with open(partial, mode) as file:
            for piece in response.iter_bytes():
                file.write(piece)
                tracker.add(len(piece))


def _sum_is(path: str, etag: str) -> bool:
    """Whether a file is what its etag says: sha256 of large files, git's sha1 of small ones."""
    if re.fullmatch(r"[0-9a-f]{64}", etag):
        digest = hashlib.sha256()
    elif re.fullmatch(r"[0-9a-f]{40}", etag):
        digest = hashlib.sha1(b"blob %d\0" % os.path.getsize(path), usedforsecurity=False)
    else:  # a mirror's own numbering
        return True
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == etag


def _link(blob: str, path: str) -> None:
    """The snapshot's name for a blob; a copy where the file system has no links."""
    if os.path.exists(path):
        return
    if os.path.islink(path):  # to a blob that is gone
        os.remove(path)
    try:
        os.symlink(os.path.relpath(blob, os.path.dirname(path)), path)
    except OSError:
        shutil.copyfile(blob, path)


def note_branch(repo: str, branch: str, commit: str, cache: str) -> None:
    """Lets the cache know which commit a branch stood at, for loading by its name offline."""
    path = os.path.join(repository_folder(repo, cache), "refs", *branch.split("/"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(commit)


def check_space(needed: int, cache: str) -> None:
    """Raises when the disk has no room for the download."""
    os.makedirs(cache, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise errors.HubError("hub.disk_full", needed=needed / 1e9, free=free / 1e9, cache=cache)
