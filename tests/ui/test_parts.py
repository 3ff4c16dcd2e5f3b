"""What of a text is run, by task; and what the page says when nothing changed."""

from __future__ import annotations

import pytest

from components.texts.parts import parts_of, two_sentences, unchanged
from components.texts.sentences import Part
from components.validation import check_source

LONG = "The cat sat on the mat. The dog ate. " * 3


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("task", ["translate", "translate-de-en", "fuse", "summarize", "other"])
def test_a_text_that_fits_stays_whole(task):
    (part,), notes = parts_of("The cat sat. The dog ate.", task, 20, words)
    assert part.text == "The cat sat. The dog ate."
    assert notes == []


@pytest.mark.parametrize("task", ["translate", "translate-de-en", "split"])
def test_sentences_are_run_one_by_one_where_that_makes_sense(task):
    parts, notes = parts_of(LONG, task, 8, words)
    assert len(parts) == 6
    assert "sentence by sentence: 6 runs" in notes[0]


def test_every_sentence_is_split_by_itself():
    parts, (note,) = parts_of("The cat sat. The dog ate.", "split", 20, words)
    assert [part.text for part in parts] == ["The cat sat.", "The dog ate."]
    assert note == "This text is run sentence by sentence: 2 runs, their answers joined."
    assert parts_of("The cat sat.", "split", 20, words) == ((Part("The cat sat."),), [])


@pytest.mark.parametrize("task", ["translate", "translate-de-en", "split"])
def test_lines_are_sentences_and_wrapped_lines_are_none(task):
    parts, _ = parts_of("The cat sat\nThe dog ate", task, 20, words)
    assert [part.text for part in parts] == ["The cat sat", "The dog ate"]
    (part,), notes = parts_of("The cat sat on the mat\nof the old man.", task, 20, words)
    assert part.text == "The cat sat on the mat of the old man."
    assert notes == []


def test_a_summary_reads_the_beginning_and_says_how_much():
    (part,), (note,) = parts_of(LONG, "summarize", 8, words)
    assert part.text == "The cat sat on the mat. The dog"
    assert "has 27 tokens and the model was trained on at most 8: it reads the first 8" in note
    assert "nothing from “ate. The cat" in note


def test_sentences_too_long_to_fuse_are_refused_with_the_count():
    with pytest.raises(ValueError, match="27 tokens together and the model was trained on at most 8"):
        parts_of(LONG, "fuse", 8, words)


@pytest.mark.parametrize(
    ("task", "pairs", "said"),
    [
        ("split", [("A b.", " A  b. ")], "The sentence came back as it was"),
        ("split", [("A b.", "A. B.")], ""),
        ("split", [("A.", "A."), ("B c.", "B. C.")], "1 of the 2 sentences came back as they were."),
        ("fuse", [("A. B.", "A. B.")], "no way to join them"),
        ("translate", [("A.", "a.")], "wrong language"),
        ("translate", [("A.", "A."), ("B.", "Z.")], ""),
        ("translate-de-en", [("A.", "a.")], "wrong language"),
        ("summarize", [("A.", "A.")], "nothing to leave out"),
    ],
)
def test_an_answer_that_is_the_text_itself_is_said(task, pairs, said):
    note = unchanged(task, pairs)
    assert (said in note) if said else not note


def test_two_sentences_are_told_apart():
    assert two_sentences("Dr. Smith left. He was late.") == ("Dr. Smith left.", "He was late.")
    assert two_sentences("Only one") == ("Only one", "")
    assert two_sentences("") == ("", "")


def test_fusing_reads_two_boxes_or_one():
    assert check_source(" A b. ", " C d. ", "fuse") == "A b. C d."
    assert check_source("A b. C d.", None, "fuse") == "A b. C d."
    assert check_source("A b. C d.", "  ", "fuse") == "A b. C d."


@pytest.mark.parametrize(
    ("text", "second", "task", "words"),
    [
        ("Only one.", "", "fuse", "Fusing takes two sentences: write the second one too."),
        ("A.", "B.", "translate", "alone; leave it out"),
        ("A.", 3, "fuse", "must be a string"),
        ("a" * 3000, "b" * 3000, "fuse", "5,000"),
        ("", "B.", "fuse", "is empty"),
    ],
)
def test_what_cannot_be_fused_is_refused(text, second, task, words):
    with pytest.raises(ValueError, match=words):
        check_source(text, second, task)
