"""Files from a Hub into huggingface_hub's cache: the library downloads; here it is watched, stopped, resumed.

The library writes each download to a file of its own and throws that away when it fails. So what arrives of
a large download is also kept in `.partial`, beside the library's own folders, and a new download is given
those bytes first. Only bytes with a checksum are kept: a wrong one never gets into the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import huggingface_hub as hf
from huggingface_hub import errors as hf_errors
from huggingface_hub.utils.tqdm import silent_tqdm

from bertgen.hub import errors, guard, network
from bertgen.hub.names import repository_folder

_REPORT_EVERY = 0.1  # seconds between two reports of progress


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


class Partial:
    """The first bytes of a file that did not arrive whole, and their checksum so far."""

    def __init__(self, path: str, etag: str, size: int) -> None:
        """Takes up what an earlier download left at `path`; `etag` is the checksum of the whole file."""
        self.path, self.etag, self.size = path, etag, size
        self.length = 0
        self._digest = _digest(etag, size)
        # Nothing is there yet, or what is there is counted and summed up.
        if not os.path.isfile(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return
        # A Hub has no answer to a wish for nothing, so the last byte is always fetched.
        self.length = min(os.path.getsize(path), size - 1)
        os.truncate(path, self.length)
        for piece in self.read_from(0):
            self._digest.update(piece)

    def read_from(self, start: int) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            file.seek(start)
            while piece := file.read(1 << 20):
                yield piece

    def append(self, piece: bytes) -> bool:
        """Keeps one more piece; False when the whole file has another checksum than it must have.

        Also when somebody else writes to the file: the library's lock forbids it, but not on every disk.
        """
        with open(self.path, "ab") as file:
            alone = file.tell() == self.length
            file.write(piece)
        self._digest.update(piece)
        self.length += len(piece)
        return alone and (self.length < self.size or self._digest.hexdigest() == self.etag)

    def forget(self) -> None:
        """Starts again with nothing."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)
        self.length = 0
        self._digest = _digest(self.etag, self.size)


class Transfer(guard.Reading):
    """The reading of one planned file: it counts what arrives, can be stopped, and goes on where it was."""

    def __init__(self, name: str, size: int, folder: str, tracker: Tracker) -> None:
        super().__init__(name, size)
        self.folder, self.tracker = folder, tracker
        self.partial: Partial | None = None
        self._etag: str | None = None  # where it is a checksum
        self._wanted = 0  # where huggingface_hub asked the body to begin
        self._asked = ""  # the Range header that was sent instead

    def prepare(self, request: Any) -> None:
        self.tracker.check()
        super().prepare(request)
        if request.method != "GET" or self._etag is None:
            return
        if self.partial is None:  # only now: huggingface_hub holds its lock for this file
            self.partial = Partial(os.path.join(self.folder, self._etag), self._etag, self.limit)
            self.tracker.add(self.partial.length)
        # huggingface_hub asks for what it lacks; the Hub is asked for what is not here either.
        range_header = request.headers.get("Range", "")
        if range_header != self._asked:  # else a redirect repeats what was asked for
            self._wanted = guard.first_byte(range_header)
        self._asked = ""
        if self.partial.length > self._wanted:
            self._asked = f"bytes={self.partial.length}-"
            request.headers["Range"] = self._asked

    def announce(self, response: Any) -> None:
        super().announce(response)
        if self.size is None or response.is_error:
            return
        # The plan said what the download takes; a Hub that changes its mind is not believed.
        if self.size != self.limit:
            raise errors.HubError("hub.two_sizes", name=self.what, planned=self.limit, size=self.size)
        # Only bytes that can be checked in the end are worth keeping.
        etag = guard.etag_of(response)
        if self.size > 0 and etag and _digest(etag, self.size):
            self._etag = etag

    def pieces(self, response: Any, body: Any) -> Iterator[bytes]:
        arriving = super().pieces(response, body)
        if not response.is_success:
            return arriving
        if self.partial is None:
            return self._counted(arriving)
        if response.status_code == 200 and self.partial.length:  # the Hub sends all of it again
            self.tracker.add(-self.partial.length)
            self.partial.forget()
        elif response.status_code == 206 and self._asked:
            _pretend(response, self._wanted, self.partial.size)
        return self._resumed(arriving, self._wanted)

    def _counted(self, arriving: Iterator[bytes]) -> Iterator[bytes]:
        for piece in arriving:
            self.tracker.add(len(piece))
            yield piece

    def _resumed(self, arriving: Iterator[bytes], start: int) -> Iterator[bytes]:
        """What is here already, from `start` on, then what arrives, which is kept as well."""
        # 1) What is here already ...
        if self.partial.length > start:
            yield from self.partial.read_from(start)
        # 2) ... and what arrives. The last piece is only handed on when the checksum is right: a damaged file
        # never gets into the cache.
        for piece in arriving:
            if not self.partial.append(piece):
                self.partial.forget()
                raise errors.HubError("hub.damaged", name=self.what)
            self.tracker.add(len(piece))
            yield piece


def fetch(
    repo: str, name: str, size: int, commit: str, token: str | bool | None, cache: str, tracker: Tracker
) -> None:
    """Puts one file of a commit into the cache, unless it is there."""
    # 1) The library fetches it, through our reading of the answers.
    tracker.check()
    folder = os.path.join(repository_folder(repo, cache), ".partial")
    before, transfer = tracker.done, Transfer(name, size, folder, tracker)
    if ask(repo, name, commit, cache, token, transfer) is None:
        raise errors.HubError("hub.lacks_files", place=repo, names=name)
    # 2) The cache has it: the part kept for another time goes.
    if transfer.partial is not None:
        transfer.partial.forget()
        with contextlib.suppress(OSError):  # other files' parts may lie there
            os.rmdir(folder)
    # 3) Nothing was fetched, and so counted, where another commit's file is the same.
    tracker.add(before + size - tracker.done)
    tracker.report()


def ask(
    repo: str,
    name: str,
    revision: str | None,
    cache: str,
    token: str | bool | None,
    reading: guard.Reading,
    force_download: bool = False,
) -> str | None:
    """huggingface_hub's download of one file: its path in the cache; None when the repository lacks it.

    Raises:
        HubUnreachable: with the key "hub.silent" when the Hub does not answer (and the cache lacks the file).
        HubError: whatever else is wrong.
    """
    endpoint = network.endpoint()
    try:
        # huggingface_hub tries a silent Hub for some 20 seconds a file: one look of ours comes first.
        url = hf.hf_hub_url(repo, name, revision=revision, endpoint=endpoint)
        reason = network.silence(url, ask_again=force_download)
        if reason is not None:
            raise errors.HubUnreachable("hub.silent", endpoint=endpoint, reason=reason)
        with guard.reading(reading):
            return hf.hf_hub_download(
                repo,
                name,
                revision=revision,
                cache_dir=cache,
                token=token,
                force_download=force_download,
                endpoint=endpoint,
                tqdm_class=silent_tqdm,
            )
    except errors.HubError:
        raise
    except hf_errors.LocalEntryNotFoundError as error:
        # Its word for "neither the Hub nor the cache": the cause says whether the Hub refused or was silent.
        cause = error.__cause__
        status = getattr(getattr(cause, "response", None), "status_code", 500)
        if status < 500 or isinstance(cause, hf_errors.FileMetadataError):
            network.raise_for(cause, repo, revision)
        reason = network.note_silence(f"{type(cause).__name__}: {cause}")
        raise errors.HubUnreachable("hub.silent", endpoint=endpoint, reason=reason) from error
    except hf_errors.EntryNotFoundError:
        return None
    except ValueError as error:  # huggingface_hub's word for a forced download that failed
        network.raise_for(error.__cause__ or error, repo, revision)
    except (hf_errors.HTTPError, hf_errors.XetDownloadError, OSError, RuntimeError) as error:
        network.raise_for(error, repo, revision)


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


def _digest(etag: str, size: int) -> Any:
    """The checksum that an etag is, begun: sha256 of large files, git's sha1 of small ones, else None."""
    if re.fullmatch(r"[0-9a-f]{64}", etag):
        return hashlib.sha256()
    if re.fullmatch(r"[0-9a-f]{40}", etag):
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return None  # a mirror's own numbering


def _pretend(response: Any, start: int, size: int) -> None:
    """Makes an answer look like what huggingface_hub asked for: the file from `start` on."""
    response.headers["Content-Length"] = str(size - start)
    if start:
        response.headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    else:
        response.status_code = 200
        response.headers.pop("Content-Range", None)
