"""How the page is started: flags, environment variables, their checks. Imports neither torch nor gradio."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DTYPES = ("float32", "bfloat16", "float16")
DEFAULT_PORT = 7860
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


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
    public name of a Space.
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
    # Strangers reach a page that listens beyond this machine: what they may open has to be asked for.
    private = not on_space and is_loopback(args.host)
    if args.dtype not in DTYPES:
        raise SettingsError(f"unknown dtype {args.dtype!r}; choose one of {', '.join(DTYPES)}")

    # 3) The folder to open, where one is given.
    folder = None
    if args.checkpoint:
        folder = Path(args.checkpoint).expanduser()
    if folder is not None and not folder.is_dir():
        raise SettingsError(
            f"checkpoint folder {folder} does not exist; give a folder that holds config.json"
        )
    if folder is not None and not (folder / "config.json").is_file():
        raise SettingsError(f"{folder} holds no config.json; give a folder written by save_pretrained")
    return Settings(
        host=args.host,
        port=port,
        device=args.device,
        dtype=args.dtype,
        checkpoint=folder,
        allow_folders=_given(args.allow_folders, otherwise=private),
        allow_hub=_given(args.allow_hub, otherwise=private),
        hub_names=tuple(args.hub_names.replace(",", " ").split()),
        model_memory=_bytes(args.model_memory),
        concurrency=_number(args.concurrency, "concurrency", 1, 64),
        allowed_hosts=tuple(args.allowed_hosts.replace(",", " ").split()),
        space_host=env.get("SPACE_HOST", "").strip(),
    )


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
        metavar="FOLDER",
        default=default("BERTGEN_CHECKPOINT", otherwise=""),
        help="a checkpoint folder to open at once",
    )
    _add_sharing(parser, default, env)
    return parser


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
                f"cannot listen on {host}:{port} ({reason}); choose another with --port or --host"
            ) from None
