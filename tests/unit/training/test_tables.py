"""Pairs as spreadsheets and people write them, and natural text that only looks like it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bertgen.training.data.corpora.readers import read_rows
from bertgen.training.data.corpora.tables import is_spreadsheets

PAIRS = [('He said "no".', "Nein, sagte er."), ("Two.", "Zwei.")]


def read(folder: Path, text: str, name: str = "train.tsv", kind: str = "tsv") -> list[tuple[str, str]]:
    (folder / name).write_bytes(text.encode())
    return read_rows(name, kind, folder)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "rows",
    [
        ['He said "no".\tNein, sagte er.', "Two.\tZwei."],
        ['"He said ""no""."\tNein, sagte er.', "Two.\tZwei."],
        ['"He said ""no""."\t"Nein, sagte er."', '"Two."\t"Zwei."'],
        ["source\ttarget", '"He said ""no""."\tNein, sagte er.', "Two.\tZwei."],
        ["Target\tid\tSource", 'Nein, sagte er.\t1\t"He said ""no""."', "Zwei.\t2\tTwo."],
        ["", 'He said "no".\tNein, sagte er.', "", "  ", "Two.\tZwei.", "", ""],
        ['He said "no".\tNein, sagte er.', "\tleer", "leer\t ", "Two.\tZwei."],
    ],
)
def test_tables_read_alike(tmp_path, rows, end):
    assert read(tmp_path, end.join(rows) + end) == PAIRS
    assert read(tmp_path, "\ufeff" + end.join(rows)) == PAIRS


@pytest.mark.parametrize(
    "text",
    [
        '"No."\t"Nein."\nTwo.\tZwei.\n',  # sentences that are quotes
        '"No," he said. "Go."\t"Nein", sagte er. "Geh."\n',
        '"No."\tNein, nein.\n"Go, go."\tGeh.\n',
        'A "b" c.\t"D."\n"""\tE.\n',
        'Height 5\' 2"\tHöhe 2"\n',
    ],
)
def test_quotes_of_natural_text_stay(tmp_path, text):
    assert not is_spreadsheets(text, "\t")
    assert read(tmp_path, text) == [tuple(line.split("\t")) for line in text.splitlines()]


def test_commas_and_line_ends_within_quotes(tmp_path):
    assert read(tmp_path, '"One, two"\tEins\nThree\tDrei\n') == [("One, two", "Eins"), ("Three", "Drei")]
    assert read(tmp_path, '"One\ntwo"\tEins\nThree\tDrei\n') == [("One two", "Eins"), ("Three", "Drei")]


@pytest.mark.parametrize("name", ["train.TSV.GZ", "train.tsv.gz", "train.CSV.GZ"])
def test_endings_in_capitals(tmp_path, name):
    separator = "\t" if "tsv" in name.lower() else ","
    (tmp_path / name).write_bytes(gzip.compress(f"One.{separator}Eins.\n".encode()))
    assert read_rows(name, "tsv", tmp_path) == [("One.", "Eins.")]


@pytest.mark.parametrize(
    "text",
    [
        'source,target\n"He said ""no"".","Nein, sagte er."\nTwo.,Zwei.\n',
        'id;en;de\n1;"He said ""no"".";Nein, sagte er.\n2;Two.;Zwei.\n',
        '"He said ""no"".","Nein, sagte er."\r\n\r\nTwo.,Zwei.\r\n',
    ],
)
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_csv(tmp_path, text, kind):
    assert read(tmp_path, text, "train.csv", kind) == PAIRS


def test_csv_that_is_damaged_names_its_line(tmp_path):
    with pytest.raises(ValueError, match=r"train\.csv, line 2"):
        read(tmp_path, 'a,b\n"c" d,e\n', "train.csv")
    with pytest.raises(ValueError, match=r"train\.csv, line 1: 3 columns"):
        read(tmp_path, "a,b,c\n", "train.csv")


@pytest.mark.parametrize("text", ["", "\n\n", "source\ttarget\n"])
def test_a_table_without_rows_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"train\.tsv: no rows"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "row",
    [
        {"source": "a", "target": "b"},
        {"input": "a", "output": "b", "id": 7},
        {"text": "a", "summary": "b"},
        {"document": "a", "summary": "b"},
        {"src": "a", "tgt": "b"},
        {"Article": "a", "Highlights": "b"},
        {"translation": {"en": "a", "de": "b"}},
        {"source": "a", "references": ["b", "c"]},
    ],
)
def test_the_names_that_people_give_json_fields(tmp_path, row):
    text = json.dumps(row) + "\r\n\n" + json.dumps(row) + "\n\n"
    assert read(tmp_path, text, "train.jsonl", "jsonl") == [("a", "b")] * 2
    assert read(tmp_path, text, "train.jsonl", "tsv") == [("a", "b")] * 2


def test_json_rows_without_a_side_are_left_out(tmp_path):
    rows = [{"source": "a", "target": "b"}, {"source": " ", "target": "b"}, {"source": "a", "target": ""}]
    text = "\n".join(map(json.dumps, rows))
    assert read(tmp_path, text, "train.jsonl", "jsonl") == [("a", "b")]


@pytest.mark.parametrize("row", [["a", "b"], 5, None, {"foo": "a", "bar": "b"}, {"source": "a"}])
def test_other_json_is_refused_by_line(tmp_path, row):
    with pytest.raises(ValueError, match=r"line 1: expected a JSON object"):
        read(tmp_path, json.dumps(row), "train.jsonl", "jsonl")


def test_half_a_surrogate_pair_is_refused_by_line(tmp_path):
    text = '{"source": "a", "target": "b"}\n{"source": "a \\ud83d", "target": "b"}\n'
    with pytest.raises(ValueError, match="line 2: half of a surrogate pair"):
        read(tmp_path, text, "train.jsonl", "jsonl")
    whole = '{"source": "a \\ud83d\\ude00", "target": "b"}\n'
    assert read(tmp_path, whole, "train.jsonl", "jsonl") == [("a \U0001f600", "b")]
