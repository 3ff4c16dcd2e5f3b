"""What the machine around the page may hold against it: proxies, temporary folders. Imports no gradio.

Gradio asks its own page, by HTTP, whether it runs, and writes below a folder that all users of a machine
share. Both are put right here before Gradio is imported; what cannot be is a sentence.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from components.settings import SettingsError, url_host

# The page's own names on every machine.
OWN = ("localhost", "127.0.0.1", "::1")
# Variables that name a proxy; programs read them in either case.
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def prepare(host: str, env: MutableMapping[str, str] | None = None) -> None:
    """Makes a start on ``host`` possible. Raises ``SettingsError`` where no folder can be written."""
    if env is None:
        env = os.environ
    ask_itself_directly(host, env)
    leave_out_socks(env)
    find_temporary_folder(env)


def ask_itself_directly(host: str, env: MutableMapping[str, str]) -> None:
    """Keeps the page's own address away from a proxy (``NO_PROXY``); what stood there stays."""
    # The lower-case variable wins where both are set: they are to say the same.
    given = env.get("no_proxy") or env.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    if "*" in names:
        return
    names += [name for name in (*OWN, host) if name not in names]
    env["NO_PROXY"] = env["no_proxy"] = ",".join(names)


def leave_out_socks(env: MutableMapping[str, str]) -> None:
    """Takes out a SOCKS proxy that httpx could not use: it refuses to start even for what goes past it."""
    if importlib.util.find_spec("socksio") is not None:
        return
    for name in (*_PROXIES, *map(str.lower, _PROXIES)):
        if env.get(name, "").lower().startswith("socks"):
            print(f"app.py: {name} is a SOCKS proxy and not used; pip install httpx[socks]", file=sys.stderr)
            del env[name]


def find_temporary_folder(env: MutableMapping[str, str]) -> None:
    """Sees to it that Gradio can write; a folder of another user's is left to that user.

    Raises ``SettingsError`` where GRADIO_TEMP_DIR cannot be written, or no temporary folder at all.
    """
    # 1) A folder that was asked for is used, or it is an error.
    asked = env.get("GRADIO_TEMP_DIR")
    if asked:
        reason = _why_not_writable(Path(asked))
        if reason:
            raise SettingsError(f"cannot write to GRADIO_TEMP_DIR {asked} ({reason}); name another folder")
        return
    # 2) Gradio's own is one for all users of the machine: the first one owns it.
    try:
        shared = Path(tempfile.gettempdir()) / "gradio"
        if _why_not_writable(shared):
            env["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="bertgen-")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"no temporary folder can be written ({reason}); name one in TMPDIR or GRADIO_TEMP_DIR"
        ) from None


def _why_not_writable(folder: Path) -> str:
    """Why nothing can be written below ``folder``, which is made where it is not there; "" where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        # Gradio looks into the folders of its own that are there already.
        for below in folder.iterdir():
            if below.is_dir() and not os.access(below, os.W_OK | os.X_OK):
                return f"{below.name} in it belongs to somebody else"
    except OSError as error:
        return error.strerror or str(error)
    return ""


def local_url(host: str, port: int) -> str:
    """The page's address for people at this machine."""
    names = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return f"http://{url_host(names.get(host, host))}:{port}"
