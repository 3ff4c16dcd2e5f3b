"""Cutting long texts: at sentences, never inside abbreviations, at words when it must be."""

from __future__ import annotations

import pytest

from components.sentences import Part, split_for, split_sentences


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met Mr. J. Jones. They spoke.", ["Dr. Smith met Mr. J. Jones.", "They spoke."]),
        ("It was I. He left.", ["It was I.", "He left."]),
        ("It costs 3.50 euros. Really.", ["It costs 3.50 euros.", "Really."]),
        ("See e.g. page 3. Done.", ["See e.g. page 3.", "Done."]),
        ('He said "Stop." Then he went.', ['He said "Stop."', "Then he went."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("first line\nsecond line\n\nthird", ["first line", "second line", "third"]),
        ("日本語。次の文。", ["日本語。", "次の文。"]),
        ("no end", ["no end"]),
        ("   ", []),
        ("...", ["..."]),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


def test_nothing_but_white_space_is_lost():
    text = "A b. C d? E (f.) g! «H i.» J... k. L"
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_a_text_that_fits_stays_whole():
    assert split_for(" One two. Three four. ", 4, words) == [Part("One two. Three four.")]


def test_a_longer_text_becomes_its_sentences():
    assert split_for("One two. Three four. Five.", 4, words) == [
        Part("One two."),
        Part("Three four."),
        Part("Five."),
    ]


def test_a_sentence_that_is_too_long_is_cut_at_a_word():
    assert split_for("One. a b c d e f.", 4, words) == [Part("One."), Part("a b c d", "e f.")]


def test_a_longer_text_in_small_letters_is_still_run_by_sentences():
    assert split_for("one two e.g. three. four five. six", 5, words) == [
        Part("one two e.g. three."),
        Part("four five."),
        Part("six"),
    ]


def test_one_endless_word_is_cut_by_characters():
    assert split_for("x" * 10, 4, len) == [Part("xxxx", "xxxxxx")]


def test_an_empty_text_has_no_parts():
    assert split_for(" \n ", 4, words) == []
