"""Who may talk to the page, and what a browser may do with it: checked before Gradio sees a request.

1. **Host.** A page on this machine may open folders, so another site must not reach it by a name of its own
   that resolves here (DNS rebinding). Only the names that the page is known under are answered.
2. **Routes.** What the page never uses of Gradio (uploads, proxies, editors) is closed.
3. **Origin.** Other pages, also those of other ports of this machine, may not use the page's endpoints.
4. **Headers.** A Content-Security-Policy under which an injected script does not run, and the usual others.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gradio.routes import App

from components.settings import is_loopback
from components.strings import t

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

ANY = "*"
# Where a Space may be shown inside another page.
EMBEDDERS = ("https://huggingface.co", "https://*.hf.space")
# Gradio's routes that this page has no use for, below its prefix. Each would be one more thing to defend.
CLOSED = (
    "upload",
    "upload_progress",
    "proxy=",
    "component_server",
    "deep_link",
    "stream/",
    "process_recording",
    "run-history",
    "runs",
    "vibe-",
    "undo-vibe-edit",
    "profiling",
    "custom_component",
    "dev/",
)
PREFIX = "/gradio_api/"
# The page's own scripts stand in files. What Gradio writes into the document itself is allowed by its hash:
# a script that got in by another way does not run. 'unsafe-eval' stays: gr.HTML makes functions of its fixed
# templates in the browser. Styles are set from scripts everywhere, hence their 'unsafe-inline'.
POLICY = (
    "default-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' blob: data:",
    "style-src 'self' 'unsafe-inline'",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "frame-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)
_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


@dataclass(eq=False)
class Door:
    """Which names the page answers to: exact host names and addresses, in lower case; ``*`` is any.

    ``embedded``: whether other sites may show the page in a frame and call it, as on a Space. ``frames`` are
    further pages that may show it in a frame, as a notebook does.
    """

    names: set[str]
    embedded: bool = False
    frames: tuple[str, ...] = ()

    def add(self, url: str) -> None:
        """Answers to the host of a URL too: a public link has its name only once the page runs."""
        name = urlsplit(url).hostname
        if name:
            self.names.add(name)

    def knows(self, authority: str) -> bool:
        """Whether a Host header (or an origin's host and port) is one of these names, on whatever port."""
        name = host_name(authority)
        if name is None:
            return False
        if ANY in self.names or name in self.names:
            return True
        # All of 127.0.0.0/8 is this machine, wherever localhost is allowed.
        return "localhost" in self.names and _is_this_machine(name)


def host_name(authority: str) -> str | None:
    """The host of ``host``, ``host:port`` or ``[v6]:port``, in lower case; None where it is none of these."""
    if not re.fullmatch(r"[A-Za-z0-9_.:%\[\]-]+", authority):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        # Reading the port checks it: "host:0x50" and "host:99999" are refused here.
        _ = parts.port
    except ValueError:
        return None
    name = parts.hostname or ""
    return name.removesuffix(".") or None


def _is_this_machine(name: str) -> bool:
    """Whether a host name or address can only mean the machine that asks."""
    return is_loopback(name) or name.endswith(".localhost")


def machine_names() -> set[str]:
    """This machine's own names and addresses."""
    names = {socket.gethostname().lower(), socket.getfqdn().lower()}
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        found = []
    names |= {str(address[4][0]).partition("%")[0] for address in found}
    # The address that other machines see: a datagram socket that is "connected" sends nothing.
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 9))
                names.add(str(probe.getsockname()[0]).partition("%")[0])
        except OSError:
            continue
    return names


def door_for(host: str, allowed: Iterable[str] = (), space_host: str = "") -> Door:
    """The names for a page that listens on ``host``.

    Loopback names always; listening elsewhere, this machine's names and addresses too; ``space_host``
    (SPACE_HOST of a Space) and what the owner ``allowed``.
    """
    names = {"localhost", *(name.lower() for name in allowed)}
    if space_host:
        names.add(space_host.lower())
    if not is_loopback(host):
        names |= {host.lower(), *machine_names()}
    return Door(names, embedded=bool(space_host))


class Gate:
    """ASGI middleware around the whole app."""

    def __init__(self, app: Application, door: Door) -> None:
        self.app = app
        self.door = door
        frames = ["'self'", *door.frames]
        if door.embedded:
            frames += EMBEDDERS
        self.policy = (*POLICY, f"frame-ancestors {' '.join(frames)}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _refuse(scope, send, *refused)
            return
        await self.app(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        """Status and sentence for a request that goes no further."""
        host = headers.get(b"host", b"").decode("latin-1")
        if not self.door.knows(host):
            return 421, t("gate.host")
        # 1) Only what the page itself uses is open.
        path = scope["path"]
        below = path.partition(PREFIX)[2]
        if below.startswith(CLOSED):
            return 403, t("gate.closed")
        # 2) Another page's script may not use the endpoints. Without Origin it is no script of a browser.
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and not self.door.embedded and not self._same_origin(origin, host, headers):
            return 403, t("gate.other_site")
        return None

    def _same_origin(self, origin: str, host: str, headers: dict[bytes, bytes]) -> bool:
        """Whether the script that asks was loaded from here: the same host and port, or a proxy's name."""
        parts = urlsplit(origin)
        if parts.netloc.lower() == host.lower():
            return True
        # Behind a proxy Host may be the inner name; a name that the owner allowed is trusted on any port.
        name = host_name(parts.netloc)
        loopback = name is None or _is_this_machine(name)
        forwarded = headers.get(b"x-forwarded-host", b"").decode("latin-1").lower()
        return not loopback and (self.door.knows(parts.netloc) or parts.netloc.lower() == forwarded)

    def _with_headers(self, send: Send) -> Send:
        """``send`` that adds our headers; a document waits until the hashes of its scripts are known."""
        start: Message | None = None
        body = b""

        async def wrapped(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                fields = {name.lower(): value for name, value in message["headers"]}
                is_page = fields.get(b"content-type", b"").startswith(b"text/html")
                # A compressed document cannot be read here; the page's own is asked for uncompressed (below).
                if is_page and b"content-encoding" not in fields:
                    start = message
                    return
                await send(self._headed(message, ()))
                return
            if message["type"] != "http.response.body" or start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            await send(self._headed(start, _SCRIPT.findall(body)))
            await send({"type": "http.response.body", "body": body})
            start = None

        return wrapped

    def _headed(self, message: Message, scripts: Iterable[bytes]) -> Message:
        hashes = sorted({f"'sha256-{_digest(script)}'" for script in scripts})
        sources = " ".join(["script-src 'self' 'unsafe-eval'", *hashes])
        ours = {
            b"content-security-policy": "; ".join((*self.policy, sources)).encode(),
            b"x-content-type-options": b"nosniff",
            b"referrer-policy": b"no-referrer",
            b"cross-origin-opener-policy": b"same-origin",
        }
        if self.door.embedded:
            # Inside huggingface.co's frame the opener is another site on purpose.
            del ours[b"cross-origin-opener-policy"]
        kept = [(name, value) for name, value in message["headers"] if name.lower() not in ours]
        if not self.door.embedded:
            # Nobody else's page may read an answer, so no header says that it may.
            kept = [(name, value) for name, value in kept if not name.lower().startswith(b"access-control-")]
        return {**message, "headers": [*kept, *ours.items()]}


def _digest(script: bytes) -> str:
    return base64.b64encode(hashlib.sha256(script).digest()).decode()


async def _refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
        return
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})


def install() -> None:
    """Lets a ``Gate`` in ``launch(app_kwargs={"middleware": [...]})`` stand before Gradio's own middleware.

    Gradio puts its own outside of what it is given: that would answer preflight requests, and add headers,
    without asking.
    """
    original = App.build_middleware_stack
    if getattr(original, "gate_first", False):
        return

    def build(self: App) -> Application:
        # The sort is stable: only the gate changes its place.
        self.user_middleware.sort(key=lambda entry: entry.cls is not Gate)
        return original(self)

    build.gate_first = True
    App.build_middleware_stack = build
