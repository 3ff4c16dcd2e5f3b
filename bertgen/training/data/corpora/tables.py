"""Tables of pairs as people and spreadsheets write them: quotes, header lines, blank lines, other separators.

A file is only read as a spreadsheet's where all of it is written by their rules; in natural text a quote is
a quote. So a corpus of plain lines is read as it lies.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Sequence

# What people call the two sides, in a header line or as fields of JSON, the usual names first.
SOURCES = ("source", "src", "input", "text", "document", "article", "complex", "question", "en", "english")
TARGETS = ("target", "tgt", "output", "summary", "title", "simple", "answer", "label", "de", "german")
# More of them, of datasets on the Hub.
SOURCES += ("source_text", "input_text", "inputs", "sentence", "sentence1", "complex_sentence", "body")
TARGETS += ("target_text", "output_text", "targets", "highlights", "sentence2", "simple_sentence", "headline")
# A field within quotes, its own quotes doubled; its end is a separator's or a line's.
_QUOTED = r'"(?:[^"]|"")*"'


def side_columns(header: Sequence[str]) -> tuple[int, int] | None:
    """The places of source and target in a header line; None where the line names no such columns."""
    names = [name.strip().lower().replace(" ", "_") for name in header]
    # A name that stands twice, or on both lists, says nothing.
    source = next((names.index(name) for name in SOURCES if names.count(name) == 1), None)
    target = next((names.index(name) for name in TARGETS if names.count(name) == 1), None)
    if source is None or target is None:
        return None
    return source, target


def split_table(text: str, delimiter: str, quoted: bool | None = None) -> list[tuple[int, list[str]]]:
    """(line number, columns) of every row that is not blank.

    `quoted` says whether quotes enclose fields; None finds out, see `is_spreadsheets`. ValueError, with the
    line, for quotes that do not end.
    """
    if quoted is None:
        quoted = is_spreadsheets(text, delimiter)
    if not quoted:
        lines = (line.rstrip("\r") for line in text.split("\n"))
        rows = [(number, line.split(delimiter)) for number, line in enumerate(lines, start=1)]
        return [(number, row) for number, row in rows if any(cell.strip() for cell in row)]
    # A field may be a whole book: the module's limit is for those who store fields in 16 bits.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append((reader.line_num, row))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}; quotes within a field are doubled") from None
    # What reads one text a line knows no line's end within it.
    return [(number, [" ".join(cell.split("\n")).replace("\r", "") for cell in row]) for number, row in found]


def is_spreadsheets(text: str, delimiter: str) -> bool:
    """Whether all of a text is written as spreadsheets do, and some of it could not be plain lines.

    They enclose a field that holds a quote, a separator, a comma or a line's end, and double its quotes.
    """
    if '"' not in text:
        return False
    # 1) Quotes stand around whole fields, and nowhere else.
    plain = rf'[^"{delimiter}\r\n]*'
    field = rf"(?:{_QUOTED}|{plain})"
    line = rf"{field}(?:{delimiter}{field})*+"
    if not re.fullmatch(rf"{line}(?:\r?\n{line})*+", text):
        return False
    # 2) Of a few quoted sentences that may be the text's own quotes: these are never doubled.
    quoted = re.findall(_QUOTED, text)
    if any('""' in each[1:-1] or delimiter in each or "\n" in each for each in quoted):
        return True
    # 3) Or quotes stand around every field, or around every one with a comma.
    fields = [each for row in text.splitlines() for each in row.split(delimiter) if each.strip()]
    bare = [each for each in fields if not each.startswith('"')]
    return not bare or ("," in "".join(quoted) and not any("," in each for each in bare))


def without_header(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """The rows with source and target alone, chosen by a header line where there is one; else as they are."""
    columns = None
    if rows:
        columns = side_columns(rows[0][1])
    if columns is None:
        return rows
    # A row that is too short is for the reader to refuse.
    last = max(columns)
    return [(number, [row[place] for place in columns if last < len(row)] or row) for number, row in rows[1:]]
