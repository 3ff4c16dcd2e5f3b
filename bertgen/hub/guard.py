"""What a Hub may answer: checked before huggingface_hub builds a path of it or reads it.

A Hub's address can be anybody's, and whoever answers there is a stranger: the ETag of an answer becomes a
file's name in the cache, its sizes are believed, its body is read to the end. So every answer to a call of
ours goes through a `Reading` first, which refuses odd headers and cuts off what is larger than its kind may
be. huggingface_hub's HTTP client carries it as event hooks; calls of others in this process are left alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import httpx2
import huggingface_hub as hf
from huggingface_hub.utils import _http

from bertgen.hub import errors, network

MEGABYTE = 10**6
API_LIMIT = 32 * MEGABYTE  # a list of some 100,000 files
ERROR_LIMIT = MEGABYTE
# Files by the end of their name, and how large one of that kind may be; the first that fits.
FILE_LIMITS = (
    (".index.json", 64 * MEGABYTE),
    ("tokenizer.json", 128 * MEGABYTE),
    ("vocab.json", 128 * MEGABYTE),
    (".json", 16 * MEGABYTE),
    (".md", 16 * MEGABYTE),
    (".txt", 128 * MEGABYTE),
    ("spiece.model", 128 * MEGABYTE),
)
_LONGEST_ADDRESS = 8192
_ETAG = re.compile(r'(?=.{1,200}$)(W/)?"?[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*"?')
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SIZE = re.compile(r"\d{1,15}", re.ASCII)
_XET_HEADERS = ("X-Xet-Hash", "X-Xet-Refresh-Route")

_reading: ContextVar[Reading | None] = ContextVar("bertgen_hub_reading", default=None)
_lock = threading.Lock()


def file_limit(name: str) -> int | None:
    """The largest that a file of this name may be, in bytes; None for weights and what is not known here."""
    return next((limit for ending, limit in FILE_LIMITS if name.endswith(ending)), None)


class Reading:
    """One call's answers: their headers are checked, and no more than `limit` bytes of a body are read."""

    def __init__(self, what: str, limit: int | None, *, xet: bool = False) -> None:
        """
        Args:
            what: is read, for messages: a file's name, or words such as "the list of files".
            limit: bytes; None: as many as the Hub announced.
            xet: whether huggingface_hub may take the file over its Xet transfer, whose bytes are not seen
                here.
        """
        self.what, self.limit, self.xet = what, limit, xet
        self.size: int | None = None  # of the file, as the Hub announced it

    def prepare(self, request: Any) -> None:
        """Sees a request before it is sent, those of redirects too."""
        # Compressed, a megabyte can unpack to a gigabyte, and Content-Length says nothing about the file.
        request.headers["Accept-Encoding"] = "identity"

    def receive(self, response: Any) -> None:
        """Checks an answer's headers and puts `pieces` in place of its body."""
        check_headers(response)
        # Without these headers huggingface_hub reads the file as plain HTTP.
        if not self.xet:
            for name in _XET_HEADERS:
                response.headers.pop(name, None)
        if response.request.method == "HEAD":
            self.announce(response)
        else:
            response.stream = _Pieces(self.pieces(response, response.stream), response.stream)

    def announce(self, response: Any) -> None:
        """Notes the file's size, and refuses one that is too large, before anything is fetched."""
        # A large file's own length stands beside the address of the storage that holds it.
        size = response.headers.get("X-Linked-Size")
        if size is None and response.is_success:
            size = response.headers.get("Content-Length")
        if size is not None and not response.is_error:
            self.size = int(size)
            self.check_size(self.size)

    def check_size(self, size: int) -> None:
        if self.limit is not None and size > self.limit:
            raise errors.HubError(
                "hub.too_large", name=self.what, size=size / MEGABYTE, limit=self.limit / MEGABYTE
            )

    def pieces(self, response: Any, body: Any) -> Iterator[bytes]:
        """The body, up to what this kind of answer may have."""
        if not response.is_success:
            return self._up_to(body, ERROR_LIMIT, 0)
        # 206: the rest of a file whose beginning is here.
        start = 0
        if response.status_code == 206:
            start = first_byte(response.request.headers.get("Range"))
        limits = [limit for limit in (self.limit, self.size) if limit is not None]
        return self._up_to(body, min(limits, default=None), start)

    def _up_to(self, body: Any, limit: int | None, read: int) -> Iterator[bytes]:
        for piece in body:
            read += len(piece)
            if limit is not None and read > limit:
                raise errors.HubError("hub.runs_on", name=self.what, limit=limit / MEGABYTE)
            yield piece


class _Pieces(httpx2.SyncByteStream):
    """A body that is read through a generator, and closed as the one it stands for."""

    def __init__(self, pieces: Iterator[bytes], body: Any) -> None:
        self._pieces, self._body = pieces, body

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self._body.close()


@contextmanager
def reading(how: Reading) -> Iterator[Reading]:
    """Every answer that huggingface_hub gets from this thread, inside the block, goes through `how`."""
    _install()
    # A context variable is the thread's own: other threads' calls are not touched.
    before = _reading.set(how)
    try:
        yield how
    finally:
        _reading.reset(before)


def first_byte(content_range: str | None) -> int:
    """Where a Range header ("bytes=100-") begins; 0 without one."""
    found = re.match(r"bytes=(\d+)-", content_range or "")
    return int(found[1]) if found else 0


def etag_of(response: Any) -> str | None:
    """The name that huggingface_hub gives a file in its cache, by the headers of a HEAD's answer."""
    etag = response.headers.get("X-Linked-Etag") or response.headers.get("ETag")
    return etag and etag.lstrip("W/").strip('"')


def check_headers(response: Any) -> None:
    """Raises ``HubError`` for headers that no Hub sends: they end in paths, addresses and sizes."""
    headers = response.headers
    if response.request.method == "HEAD":  # what a cached file's name is made of
        for name in ("ETag", "X-Linked-Etag"):
            _expect(name not in headers or _ETAG.fullmatch(headers[name]), name, headers.get(name))
    # A folder of the cache is called by this, also where the answer is that a file is missing.
    commit = headers.get("X-Repo-Commit")
    _expect(commit is None or _COMMIT.fullmatch(commit), "X-Repo-Commit", commit)
    # What cannot be read as a size would count as none, and so as no limit.
    for name in ("Content-Length", "X-Linked-Size"):
        _expect(name not in headers or _SIZE.fullmatch(headers[name]), name, headers.get(name))
    # Nobody asked for a packed body.
    encoding = headers.get("Content-Encoding", "identity")
    _expect(encoding.lower() == "identity", "Content-Encoding", encoding)
    location = headers.get("Location", "")
    plain = len(location) <= _LONGEST_ADDRESS and location.isprintable()
    _expect(plain and urlsplit(location).scheme in ("", "http", "https"), "Location", location)


def _expect(holds: Any, header: str, value: str | None) -> None:
    if not holds:
        raise errors.HubError(
            "hub.odd_header", endpoint=network.endpoint(), header=header, value=(value or "")[:60]
        )


def _install() -> None:
    """Sees to it that the client that huggingface_hub makes carries the hooks, whoever's factory makes it."""
    with _lock:
        # The library has no public way to ask for the factory, and a user may have set one at any time.
        factory = _http._GLOBAL_CLIENT_FACTORY
        if not getattr(factory, "checks_answers", False):
            hf.set_client_factory(_with_hooks(factory))


def _with_hooks(factory: Callable[[], Any]) -> Callable[[], Any]:
    def make_client() -> Any:
        client = factory()
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks["request"], _on_request],
            "response": [*hooks["response"], _on_response],
        }
        return client

    make_client.checks_answers = True
    return make_client


def _on_request(request: Any) -> None:
    how = _reading.get()
    if how is not None:
        how.prepare(request)


def _on_response(response: Any) -> None:
    how = _reading.get()
    if how is not None:
        how.receive(response)
