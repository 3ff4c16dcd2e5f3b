"""What the page says where an answer should not be trusted."""

from __future__ import annotations

import math

import pytest

from components.runs.warnings import repeats, strange_letters, unsure
from components.views.lines import sentencepiece_surface


def surfaces(pieces: list[str]):
    return [sentencepiece_surface(piece) for piece in pieces]


def test_letters_the_model_hardly_saw():
    assert strange_letters(surfaces(["▁", "<0xE6>", "<0x97>", "<0xA5>"]))
    assert strange_letters(surfaces(["[UNK]", "[UNK]", "."]))
    assert not strange_letters(surfaces(["▁The", "▁Caf", "<0xC3>", "<0xA9>", "▁is", "▁open", "."]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ein ein ein ein ein ein ein ein ein ein ein ein", True),
        ("Soft - Soft - Soft - Sound str ahlen str ahlen str ahlen str ahlen str ahlen", True),
        ("I like tea and you like tea and we all like tea with milk", False),
        ("ein ein ein", False),  # too short to say
        ("", False),
    ],
)
def test_an_answer_that_repeats_itself(text, said):
    assert repeats(text.split()) == said


def test_a_text_that_repeats_itself_is_rightly_answered_so():
    source = ["The", "weather", "is", "nice", "today", "."] * 3
    answer = ["Das", "Wetter", "ist", "heute", "schön", "."] * 3
    assert repeats(answer)
    assert not repeats(answer, source)
    assert repeats(answer, ["Is", "it", "nice", "today", "or", "will", "it", "rain", "?"])
    # Another answer gets stuck where its source is only said twice.
    assert repeats(["ein"] * 18, source[:12])


@pytest.mark.parametrize("task", ["translate", "translate-de-en"])
def test_a_translation_of_small_probabilities(task):
    low, high = [math.log(0.3)] * 6, [math.log(0.9)] * 6
    assert "probability 0.30 on average" in unsure(task, low)
    assert unsure(task, [*low, *high]) == ""
    assert unsure(task, []) == ""
    assert unsure("summarize", low) == ""  # many titles fit a text
