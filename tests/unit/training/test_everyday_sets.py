"""The form of the everyday sets, and the figures taken on them."""

import unicodedata

import pytest

from bertgen.training.data.corpora.cleaning import loose_key
from tests.benchmarks.everyday.score import copied, table
from tests.benchmarks.everyday.sets import (
    HERE,
    LABELS,
    TASKS,
    Row,
    digits,
    holds,
    names_wanted,
    numbers_wanted,
    read_labels,
    read_set,
)

COUNT = 150
LABELLED = ("translate", "translate-de-en")
KINDS = {
    "translate": {"numbers", "names", "times", "prices", "lists", "relative clauses", "greetings", "long"},
    "translate-de-en": {
        "numbers",
        "names",
        "times",
        "prices",
        "lists",
        "relative clauses",
        "greetings",
        "long",
    },
    "split": {"numbers", "names", "lists", "relative clauses", "because", "so", "but", "stay whole", "long"},
    "fuse": {
        "numbers",
        "names",
        "relative clauses",
        "cause then effect",
        "effect then cause",
        "contrast",
        "long",
    },
    "summarise": {"reviews", "mails", "instructions", "news", "notices", "facts", "stories"},
}


@pytest.mark.parametrize("task", TASKS)
def test_every_set_has_its_rows_and_kinds(task: str) -> None:
    rows = read_set(task)
    assert len(rows) == COUNT
    assert {row.kind for row in rows} >= KINDS[task]
    assert len({loose_key(row.source) for row in rows}) == COUNT


@pytest.mark.parametrize("task", TASKS)
def test_texts_are_clean_and_references_differ(task: str) -> None:
    for row in read_set(task):
        assert row.references
        assert len(set(row.references)) == len(row.references)
        for text in (row.source, *row.references):
            assert text == unicodedata.normalize("NFC", " ".join(text.split()))
            assert text


@pytest.mark.parametrize("task", TASKS)
def test_references_as_answers_are_all_right(task: str) -> None:
    """The first reference copies every number and name that the set asks for, and is an exact match."""
    rows = read_set(task)
    texts = [row.references[0] for row in rows]
    for right, count in copied(task, rows, texts).values():
        assert right == count > 0
    assert f"| all | {COUNT} | 100.0 | " in table(task, rows, texts)


def test_splits_lose_no_number_and_fusions_hold_both_sentences() -> None:
    for row in read_set("split") + read_set("fuse"):
        for reference in row.references:
            assert digits(reference) == digits(row.source)


def test_digits_ignore_what_groups_them() -> None:
    assert digits("1,250 people paid $4.80 at 6:30.") == digits(
        "1.250 Leute zahlten um 6:30 Uhr 4,80 Dollar."
    )
    assert digits("504 books") != digits("fünfhundert Bücher")


def test_a_name_is_a_whole_word_or_a_genitive() -> None:
    assert holds("Tom", "Toms Hund")
    assert not holds("Prag", "They live in Prague.")


def test_names_and_numbers_wanted() -> None:
    row = Row("names", "Ewa has lived in Vienna since 1994.", ("Ewa lebt seit 1994 in Wien.",))
    assert names_wanted(row, "translate") == ["Ewa", "Wien"]
    assert numbers_wanted(row) == ["1994"]
    assert copied("translate", [row], ["Ewa lebt seit 194 in Vienna."]) == {
        "numbers": (0, 1),
        "names": (0, 1),
    }


def test_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="translate-de-en"):
        read_set("paraphrase")


@pytest.mark.parametrize("task", LABELLED)
def test_every_answer_that_was_read_has_a_label_and_its_count_in_the_readme(task) -> None:
    rows, read = read_set(task), read_labels(task)
    assert [row.source for row in rows] == [entry["source"] for entry in read]
    assert {entry["label"] for entry in read} == set(LABELS)
    # A right answer of the set can be nothing but good.
    for row, entry in zip(rows, read, strict=True):
        assert entry["answer"] not in row.references or entry["label"] == "good"
    counts = [sum(entry["label"] == label for entry in read) for label in LABELS]
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert f"| {task} | {' | '.join(map(str, counts))} |" in readme
