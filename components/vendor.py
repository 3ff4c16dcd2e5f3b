"""The page's own scripts and styles and the vendored Plotly, served compressed and never asked for twice.

Gradio serves files compressed anew at every request and without a cache header, which takes seconds when a
class opens the page at once. Here a file is compressed once, and its URL holds a hash of its content, so the
browser may keep it for ever.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from pathlib import Path

import brotli
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from components.strings import t

PREFIX = "gradio_api/vendor"
HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class _Served:
    """One file: compressed at its first request (quality 9: 1.5 MB of script in 0.2 s)."""

    def __init__(self, path: Path, raw: bytes) -> None:
        self.path, self.raw = path, raw
        self.digest = hashlib.sha256(self.raw).hexdigest()[:16]
        self.media_type = TYPES.get(path.suffix, "application/octet-stream")
        self._compressed: bytes | None = None
        self._lock = threading.Lock()

    @property
    def compressed(self) -> bytes:
        # The lock: many first requests at a time would else compress the same file many times.
        with self._lock:
            if self._compressed is None:
                self._compressed = brotli.compress(self.raw, quality=9)
            return self._compressed


_FILES: dict[str, _Served] = {}


def asset_url(path: str | Path) -> str:
    """The URL, relative to the page, under which ``path`` is served for as long as the process runs.

    Raises ``FileNotFoundError`` when there is no such file.
    """
    # A file is read once, also where several pages of one process ask for it.
    path = Path(path).resolve()
    served = next((file for file in _FILES.values() if file.path == path), None)
    if served is None:
        served = _Served(path, path.read_bytes())
    return _url(served)


def text_url(name: str, text: str) -> str:
    """As ``asset_url``, for a text that stands in no file; its type goes by the ending of ``name``."""
    return _url(_Served(Path(name), text.encode()))


def _url(served: _Served) -> str:
    name = f"{served.digest}/{served.path.name}"
    # The same content is served once, whoever asks for it.
    _FILES.setdefault(name, served)
    return f"{PREFIX}/{name}"


def _respond(request: Request) -> Response:
    # `gradio app.py` imports this module anew while the page is served: the newest knows the newest files.
    newest = sys.modules.get(__name__)
    files = getattr(newest, "_FILES", _FILES)
    served = files.get(f"{request.path_params['digest']}/{request.path_params['name']}")
    if served is None:
        return PlainTextResponse(t("gate.no_file"), status_code=404)
    # Every browser of these years takes Brotli; what does not gets the file as it is.
    if "br" in request.headers.get("accept-encoding", ""):
        headers = {**HEADERS, "content-encoding": "br"}
        return Response(served.compressed, media_type=served.media_type, headers=headers)
    return Response(served.raw, media_type=served.media_type, headers=HEADERS)


def routes() -> list[Route]:
    """What ``launch(app_kwargs={"routes": ...})`` adds: one route for every file given to ``asset_url``."""
    return [Route(f"/{PREFIX}/{{digest}}/{{name}}", _respond, methods=["GET", "HEAD"])]
