"""Text files, plain or compressed: whole, line by line, two columns, two files side by side."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertgen.training.data.corpora.tables import split_table, without_header

# Of columns, and what an error calls them.
SEPARATORS = {"\t": "<TAB>", ",": ",", ";": ";"}


def read_text(path: Path) -> str:
    """The whole of a UTF-8 file, with a byte order mark or without, plain or compressed (.gz, .xz, .bz2).

    A damaged file, another encoding or another kind of archive is a ValueError that names the file.
    """
    # A name without one of these endings is read as it lies.
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}.get(
        path.suffix.lower(), bytes
    )
    with named_errors(path):
        return unpack(path.read_bytes()).decode("utf-8-sig")


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what unpacking and decoding raise into a ValueError with the file's name in it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not UTF-8 text ({error.reason}); convert or unpack it first (.gz, .xz, .bz2 are read)"
        ) from error
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: damaged or not whole ({error}); fetch it again") from error


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file, plain or compressed; cut at line feeds only, not at Unicode's rarer breaks."""
    return read_text(path).rstrip("\n").split("\n")


def both_names(name: str) -> tuple[str, str] | None:
    """The two file names in `train.{en,de}.gz`; None where there is one."""
    match = re.fullmatch(r"(.*)\{(\w+),(\w+)\}(.*)", name)
    if match is None:
        return None
    before, first, second, after = match.groups()
    return f"{before}{first}{after}", f"{before}{second}{after}"


def both_paths(path: Path, example: str) -> tuple[Path, Path]:
    """As `both_names`, as paths; ValueError where there is one, naming the `example`."""
    names = both_names(str(path))
    if names is None:
        raise ValueError(f"{path}: name both files of a pair, such as {example}")
    return Path(names[0]), Path(names[1])


def parallel_lines(path: Path, example: str, skipped: str | None = None) -> list[tuple[str, str]]:
    """Lines of two files side by side, those that are `skipped` left out; unequal counts are a ValueError."""
    first, second = (
        [line for line in read_lines(each) if line.strip() != skipped] for each in both_paths(path, example)
    )
    if len(first) != len(second):
        raise ValueError(f"{path}: {len(first)} lines against {len(second)}; the files must run in parallel")
    return list(zip(first, second, strict=True))


def stream_lines(path: Path) -> Iterator[str]:
    """Lines of a UTF-8 file, plain or compressed, one at a time: for files larger than the memory."""
    # As `read_text`, but open: the file is unpacked while it is read.
    opener: Any = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}.get(path.suffix.lower(), open)
    # `newline` keeps the rarer line ends of a text inside it, as `read_lines` does.
    with named_errors(path), opener(path, "rt", encoding="utf-8-sig", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")


def read_pairs(path: Path, delimiter: str = "\t", quoted: bool | None = None) -> list[tuple[str, str]]:
    """Rows of a `source<TAB>target` file, plain or as a spreadsheet writes it (see `tables`).

    A header line chooses the columns; blank lines, and rows that lack a side, are left out. Another number
    of columns, or no row at all, is a ValueError that names the file.
    """
    try:
        rows = without_header(split_table(read_text(path), delimiter, quoted))
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}, {error}") from error
    pairs = []
    for number, columns in rows:
        if len(columns) != 2:
            raise ValueError(
                f"{path}, line {number}: {len(columns)} columns; expected "
                f"source{SEPARATORS[delimiter]}target, or a first line that names these two columns"
            )
        pairs.append((columns[0], columns[1]))
    if not pairs:
        raise ValueError(f"{path}: no rows; expected source{SEPARATORS[delimiter]}target, one pair a line")
    # A model would learn to write nothing, or to write from nothing.
    return [pair for pair in pairs if all(side.strip() for side in pair)]


def read_csv(path: Path) -> list[tuple[str, str]]:
    """As `read_pairs`, for CSV: separated by commas or, as in some countries, by semicolons."""
    first = read_text(path).partition("\n")[0]
    delimiter = max(",;", key=first.count)
    return read_pairs(path, delimiter, quoted=True)
