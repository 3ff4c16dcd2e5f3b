"""How the page is started: flags, environment variables, their checks. Imports neither torch nor gradio."""

from __future__ import annotations

import argparse
import getpass
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DTYPES = ("float32", "bfloat16", "float16")
DEFAULT_PORT = 7860
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}
# "owner/name" of the Hugging Face Hub, and where asked for a branch, tag or commit behind "@".
_HUB_ID = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


class SettingsError(ValueError):
    """A start option that cannot be used; the message is one line for the terminal."""


@dataclass(frozen=True)
class Settings:
    """The page's start options, checked.

    ``checkpoint`` is a folder to open at once (None: the embedded ones only); ``allow_folders`` lets
    visitors open folders of this machine, ``allow_hub`` repositories of the Hugging Face Hub, all or
    (``hub_names``, with * as a wildcard) some; ``model_memory`` is how many bytes models may take (0: half
    of the machine's); ``concurrency`` is how many runs share the model at a time; ``run_seconds`` ends a
    run that takes longer. ``allowed_hosts`` are further names that the page answers to, ``space_host`` the
    public name of a Space. ``checkpoint_id`` is a Hub id (owner/name, or owner/name@revision) to open at
    once instead of a folder. ``root_path`` is where a proxy shows the page: "/explorer", or a whole URL;
    ``share`` asks for a public link; ``auth`` is the name and password that visitors must give.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    device: str = "auto"
    dtype: str = "float32"
    checkpoint: Path | None = None
    allow_folders: bool = True
    allow_hub: bool = True
    hub_names: tuple[str, ...] = ()
    model_memory: int = 0
    concurrency: int = 2
    run_seconds: float = 90.0
    allowed_hosts: tuple[str, ...] = ()
    space_host: str = ""
    checkpoint_id: str = ""
    root_path: str = ""
    share: bool = False
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def private(self) -> bool:
        """Whether nobody but the people at this machine can reach the page."""
        return is_loopback(self.host) and not self.share and not self.space_host


def parse_settings(argv: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Settings:
    """The options of a start: flags win over ``BERTGEN_*`` variables, which win over Gradio's own.

    On a Hugging Face Space (``SPACE_ID`` is set) the page listens on every interface and visitors may open
    neither folders nor Hub repositories, unless told otherwise. Raises ``SettingsError`` with one line.
    """
    if env is None:
        env = os.environ

    # 1) The flags, with the variables as their defaults.
    on_space = bool(env.get("SPACE_ID"))
    args = _parser(env, on_space).parse_args(list(argv))
    # 2) What argparse does not check: it could not say that a value came from a variable.
    port = _number(args.port, "port", 1, 65535)
    # An IPv6 address may stand in brackets, as in a URL.
    host = args.host.strip().removeprefix("[").removesuffix("]")
    # Strangers reach a page that listens beyond this machine: what they may open has to be asked for.
    private = not on_space and is_loopback(host) and not args.share
    if args.dtype not in DTYPES:
        raise SettingsError(f"unknown dtype {args.dtype!r}; choose one of {', '.join(DTYPES)}")

    # 3) What to open at once, and how the page is shown to others.
    folder, hub_id = _checkpoint(args.checkpoint.strip())
    root_path = _root_path(args.root_path.strip())
    allowed_hosts = args.allowed_hosts.replace(",", " ").split()
    if "://" in root_path:
        allowed_hosts.append(urlsplit(root_path).hostname or "")
    return Settings(
        host=host,
        port=port,
        device=args.device,
        dtype=args.dtype,
        checkpoint=folder,
        allow_folders=_given(args.allow_folders, otherwise=private),
        allow_hub=_given(args.allow_hub, otherwise=private),
        hub_names=tuple(args.hub_names.replace(",", " ").split()),
        model_memory=_bytes(args.model_memory),
        concurrency=_number(args.concurrency, "concurrency", 1, 64),
        allowed_hosts=tuple(allowed_hosts),
        space_host=env.get("SPACE_HOST", "").strip(),
        checkpoint_id=hub_id,
        root_path=root_path,
        share=bool(args.share),
        auth=_login(args.auth.strip(), env),
    )


def _checkpoint(text: str) -> tuple[Path | None, str]:
    """The folder, or else the Hub id, that the page opens at once."""
    if not text:
        return None, ""
    # 1) A folder that is there wins, as in from_pretrained.
    folder = Path(text).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise SettingsError(f"{folder} holds no config.json; give a folder written by save_pretrained")
        return folder, ""
    # 2) Else "owner/name" is a Hub id; what begins like a path is none.
    if _HUB_ID.fullmatch(text) and not text.startswith((".", "/", "~")):
        return None, text
    raise SettingsError(
        f"checkpoint folder {folder} does not exist; give a folder that holds config.json, or a Hub id "
        "(owner/name)"
    )


def hub_id_parts(text: str) -> tuple[str, str | None]:
    """Name and revision of ``owner/name`` (revision None) or ``owner/name@revision``."""
    found = _HUB_ID.fullmatch(text)
    assert found is not None, text
    return found["name"], found["revision"]


def _root_path(text: str) -> str:
    """A path such as "/explorer", without a slash at its end, or a whole URL."""
    if not text.strip("/"):
        return ""
    parts = urlsplit(text)
    if parts.scheme in ("http", "https") and parts.hostname:
        return text.rstrip("/")
    if parts.scheme or not text.startswith("/") or text.startswith("//"):
        raise SettingsError(
            f"root-path must be a path such as /explorer or a URL such as https://lab.example.org/explorer, "
            f"got {text!r}"
        )
    return text.rstrip("/")


def _login(name: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    """The name and password that visitors must give; None where nobody has to.

    A password never stands on the command line, where every user of the machine can read it.
    """
    if not name:
        return None
    if ":" in name or "," in name:
        raise SettingsError(
            "auth takes a name alone; give the password in BERTGEN_PASSWORD, or leave that out to be asked"
        )
    password = env.get("BERTGEN_PASSWORD", "")
    if not password and sys.stdin is not None and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {name}: ")
    if not password:
        raise SettingsError(f"no password for {name!r}; give one in BERTGEN_PASSWORD")
    return name, password


def _parser(env: Mapping[str, str], on_space: bool) -> argparse.ArgumentParser:
    def default(*names: str, otherwise: str) -> str:
        return next((env[name] for name in names if env.get(name)), otherwise)

    parser = argparse.ArgumentParser(
        prog="app.py",
        description="BertGen Explorer: watch a BertGeneration encoder-decoder write, and see where it looks.",
        epilog="Every flag has an environment variable of the same name: BERTGEN_PORT, BERTGEN_DEVICE, ...",
    )
    # A Space is reached from outside; elsewhere only this machine, unless the operator says otherwise.
    address = "127.0.0.1"
    if on_space:
        address = "0.0.0.0"
    parser.add_argument(
        "--host",
        default=default("BERTGEN_HOST", "GRADIO_SERVER_NAME", otherwise=address),
        help="address to listen on (0.0.0.0: every interface; default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        default=default("BERTGEN_PORT", "GRADIO_SERVER_PORT", otherwise=str(DEFAULT_PORT)),
        help="port to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        default=default("BERTGEN_DEVICE", otherwise="auto"),
        help="auto, cpu, cuda, cuda:1, mps (default: %(default)s; auto takes a GPU that is there)",
    )
    parser.add_argument(
        "--dtype",
        default=default("BERTGEN_DTYPE", otherwise="float32"),
        help=f"{', '.join(DTYPES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="NAME",
        default=default("BERTGEN_CHECKPOINT", otherwise=""),
        help="a checkpoint to open at once: a folder, or a Hub id (owner/name, owner/name@revision)",
    )
    _add_reach(parser, default, env)
    _add_sharing(parser, default, env)
    return parser


def _add_reach(parser: argparse.ArgumentParser, default: Callable[..., str], env: Mapping[str, str]) -> None:
    """The options that say how visitors get to the page."""
    parser.add_argument(
        "--root-path",
        metavar="PATH",
        default=default("BERTGEN_ROOT_PATH", "GRADIO_ROOT_PATH", otherwise=""),
        help="where a proxy shows the page: /explorer, or a whole URL (default: at the root)",
    )
    parser.add_argument(
        "--share",
        action=argparse.BooleanOptionalAction,
        default=_flag(env, "BERTGEN_SHARE"),
        help="ask Gradio for a public link; folders and the Hub are then off unless allowed",
    )
    parser.add_argument(
        "--auth",
        metavar="USER",
        default=default("BERTGEN_AUTH", otherwise=""),
        help="visitors must log in as USER; the password is that in BERTGEN_PASSWORD, or is asked for",
    )


def _add_sharing(
    parser: argparse.ArgumentParser, default: Callable[..., str], env: Mapping[str, str]
) -> None:
    """The options that say what visitors may open, and how much they may use at a time."""
    parser.add_argument(
        "--allow-folders",
        action=argparse.BooleanOptionalAction,
        default=_flag(env, "BERTGEN_ALLOW_FOLDERS"),
        help="whether visitors may open checkpoint folders of this machine (default: only where the page "
        "listens on this machine alone)",
    )
    parser.add_argument(
        "--allow-hub",
        action=argparse.BooleanOptionalAction,
        default=_flag(env, "BERTGEN_ALLOW_HUB"),
        help="whether visitors may open checkpoints of the Hugging Face Hub (default: as for folders)",
    )
    parser.add_argument(
        "--hub-names",
        metavar="NAMES",
        default=default("BERTGEN_HUB_NAMES", otherwise=""),
        help="only these Hub ids, with * as a wildcard: 'google/*, me/mine' (default: all)",
    )
    parser.add_argument(
        "--allowed-hosts",
        metavar="NAMES",
        default=default("BERTGEN_ALLOWED_HOSTS", otherwise=""),
        help="further host names under which the page may be opened, as behind a proxy: 'lab.example.org'; "
        "* is any (default: this machine's own)",
    )
    parser.add_argument(
        "--model-memory",
        metavar="SIZE",
        default=default("BERTGEN_MODEL_MEMORY", otherwise=""),
        help="how much memory loaded models may take, such as 6GB; the least recently used are given up "
        "(default: half of the machine's)",
    )
    parser.add_argument(
        "--concurrency",
        default=default("BERTGEN_CONCURRENCY", otherwise="2"),
        help="runs that share the model at a time (default: %(default)s)",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    if ":" in host:
        return f"[{host}]"
    return host


def _given(value: bool | None, otherwise: bool) -> bool:
    if value is None:
        return otherwise
    return value


def _flag(env: Mapping[str, str], name: str) -> bool | None:
    """What a variable says; None where it is not set."""
    text = env.get(name)
    if text is None:
        return None
    # As people write it in files of variables.
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise SettingsError(f"{name} must be 1 or 0, got {text!r}")


def _number(text: str, name: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, got {text!r}") from None
    if not low <= value <= high:
        raise SettingsError(f"{name} must be between {low} and {high}, got {value}")
    return value


def _bytes(text: str) -> int:
    """ "6GB", "500 MB" or "6" (gigabytes) as bytes; 0 for nothing given."""
    if not text.strip():
        return 0
    nbytes = 0
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(GB?|MB?)?\s*", text, re.IGNORECASE)
    if found:
        unit = 1e9
        if (found[2] or "G")[0] in "mM":
            unit = 1e6
        nbytes = int(float(found[1]) * unit)
    if not nbytes:
        raise SettingsError(f"model-memory must be a size such as 6GB or 500MB, got {text!r}")
    return nbytes


def check_port(host: str, port: int) -> None:
    """Raises ``SettingsError`` when nothing can listen there: the port is taken, the address is not ours."""
    # Tried before the page is built, which takes seconds, and in the words of the flags.
    family = socket.AF_INET
    if ":" in host:
        family = socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server itself does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SettingsError(
                f"cannot listen on {url_host(host)}:{port} ({reason}); choose another with --port or --host"
            ) from None
