"""What the benchmark of translators counts as copied, and which rows it reads."""

import gzip
import json

from tests.benchmarks.translation import digits_copied, figures, names_copied, read_set


def test_digits_are_copied_as_runs_and_as_often():
    sources = ["504 books", "10 dogs and 10 cats", "2 days", "no number"]
    references = ["504 Bücher", "10 Hunde und 10 Katzen", "zwei Tage", "keine Zahl"]
    texts = ["504 Bücher", "10 Hunde und Katzen", "2 Tage", "1 Zahl"]
    # The third reference has no digits, so nobody says that they are to be copied.
    assert digits_copied(sources, texts, references) == (1, 2)


def test_names_are_capitals_inside_a_sentence_that_the_reference_has_too():
    sources = ["Is this Salzburg?", "Yesterday Priya went to Munich.", "I know German.", "He is here."]
    references = ["Ist das Salzburg?", "Gestern ging Priya nach München.", "Ich kann Deutsch.", "Er ist da."]
    texts = ["Ist das Salzbrecher?", "Gestern ging Priya nach Munich.", "Er spricht German.", "Er ist da."]
    assert names_copied(sources, texts, references) == (1, 2)


def test_either_direction_is_read_from_the_same_rows(tmp_path):
    folder = tmp_path / "tatoeba-en-de"
    folder.mkdir()
    with gzip.open(folder / "valid.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("Hello.\tHallo.\n")
    with gzip.open(folder / "valid.refs.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"source": "Hello.", "references": ["Hallo.", "Guten Tag."]}) + "\n")
    assert read_set("tatoeba", tmp_path, "valid", reverse=False) == (["Hello."], [["Hallo.", "Guten Tag."]])
    assert read_set("tatoeba", tmp_path, "valid", reverse=True) == (["Hallo."], [["Hello."]])


def test_one_reference_and_all_of_them_are_told_apart():
    found = figures(["Hello."], ["Guten Tag."], [["Hallo.", "Guten Tag."]])
    assert (found["one"]["exact"], found["all"]["exact"]) == (0.0, 100.0)
