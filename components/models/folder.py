"""What a checkpoint folder must be before anything of it is read: regular files of sizes that make sense.

A folder that a visitor names may hold anything: a pipe would be waited for without end, and a config of a
gigabyte would be parsed while everybody waits.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

from components.limits import LARGEST_FILES, MAX_FOLDER_ENTRIES, MAX_HEADER
from components.models.sizes import size
from components.refusal import Refusal


def given_folder(name: str | Path) -> Path:
    """The folder that a name means; ``~`` is the home. Raises ``Refusal`` on one that cannot be."""
    try:
        folder = Path(name).expanduser().resolve()
        there = folder.is_dir()
    except (OSError, RuntimeError, ValueError):
        # Too long, a loop of links, no such user, a zero byte.
        raise Refusal("refuse.odd_path", folder=str(name)[:100]) from None
    if not there:
        raise Refusal("refuse.not_a_folder", folder=folder)
    return folder


def check_files(folder: Path) -> None:
    """Raises ``Refusal`` on a file that would be read and is no regular one, unreadable, or too large."""
    # 1) The names, as far as a checkpoint can have them.
    try:
        names = []
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) > MAX_FOLDER_ENTRIES:
                    raise Refusal("refuse.crowded", folder=folder, count=f"{MAX_FOLDER_ENTRIES:,}")
    except OSError:
        raise Refusal("refuse.unreadable_folder", folder=folder) from None
    # 2) Of each file that loading may open: what it is, before it is opened. Links are followed (the Hub's
    #    cache is made of them), so a link to nothing is found here too.
    for name in sorted(names):
        limit = _limit(name)
        if limit is None:
            continue
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            raise Refusal("refuse.file_gone", name=name) from None
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("refuse.file_kind", name=name)
        if not os.access(path, os.R_OK):
            raise Refusal("refuse.file_unreadable", name=name)
        if status.st_size > limit:
            raise Refusal("refuse.file_large", name=name, got=size(status.st_size), most=size(limit))
        if name.endswith(".safetensors"):
            _check_header(path, status.st_size)


def _limit(name: str) -> float | None:
    """The most bytes of a file by its name; None of one that is never read."""
    for pattern, limit in LARGEST_FILES:
        if re.fullmatch(pattern, name):
            return limit
    return None


def _check_header(path: Path, nbytes: int) -> None:
    """A safetensors file begins with its header's length; a header is JSON of an object."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if nbytes < 8 or length > nbytes - 8:
            raise Refusal("refuse.file_damaged", name=path.name)
        if length > MAX_HEADER:
            raise Refusal("refuse.file_large", name=path.name, got=size(length), most=size(MAX_HEADER))
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise Refusal("refuse.file_damaged", name=path.name) from None
    if not isinstance(header, dict):
        raise Refusal("refuse.file_damaged", name=path.name)
