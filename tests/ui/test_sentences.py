"""Cutting long texts: at sentences, never inside abbreviations, at words when it must be."""

from __future__ import annotations

import pytest

from components.texts.sentences import Part, each_sentence, split_sentences, unwrapped


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


def test_a_text_becomes_its_sentences():
    assert each_sentence("One two. Three four. Five.", 4, words) == [
        Part("One two."),
        Part("Three four."),
        Part("Five."),
    ]


def test_a_sentence_that_is_too_long_is_cut_at_a_word():
    assert each_sentence("One. a b c d e f.", 4, words) == [Part("One."), Part("a b c d", "e f.")]


def test_a_text_in_small_letters_is_still_run_by_sentences():
    assert each_sentence("one two e.g. three. four five. six", 5, words) == [
        Part("one two e.g. three."),
        Part("four five."),
        Part("six"),
    ]


def test_one_endless_word_is_cut_by_characters():
    assert each_sentence("x" * 10, 4, len) == [Part("xxxx", "xxxxxx")]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # A page's lines: long, or going on in small letters.
        (
            "The museum was closed on Monday, so we all went to\nParis\nby train.",
            ["The museum was closed on Monday, so we all went to Paris by train."],
        ),
        ("The cat sleeps.\nThe dog barks.", ["The cat sleeps.", "The dog barks."]),
        ("Milk\nTwo eggs\n\nBread", ["Milk", "Two eggs", "", "Bread"]),  # a list
        ("I went to see Dr.\nSmith.", ["I went to see Dr.", "Smith."]),  # as any short line
        ("a\tb  c\u00a0d \r\n", ["a b c d"]),
        (f"{'long ' * 12}\n\nMore", [f"{'long ' * 12}".strip(), "", "More"]),  # a paragraph ends
    ],
)
def test_line_breaks_of_a_page_are_none_of_the_text(text, lines):
    assert unwrapped(text) == "\n".join(lines)


def test_an_empty_text_has_no_parts():
    assert each_sentence(" \n ", 4, words) == []
