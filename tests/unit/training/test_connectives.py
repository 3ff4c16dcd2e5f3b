"""Everyday sentences taken apart at their connective."""

from pathlib import Path

import pytest

from bertgen.training.data.corpora.connectives import read_connectives, take_apart
from bertgen.training.data.corpus import held_out_rows, read_sets
from bertgen.training.recipe.tables import DataSet


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("He likes coffee, but his sister prefers tea.", "He likes coffee. His sister prefers tea."),
        ("I waited for an hour but he didn't appear.", "I waited for an hour. He didn't appear."),
        ("Tom was ill, so Mary did the work.", "Tom was ill. Mary did the work."),
        ("We stayed at home because it was raining.", "We stayed at home. It was raining."),
        ("Although it was late, the shop was open.", "It was late. The shop was open."),
        ("Since she was tired, she went home.", "She was tired. She went home."),
        ("Tom took off his hat and opened the door.", "Tom took off his hat. He opened the door."),
        ("Mary sat down and read the letter.", "Mary sat down. She read the letter."),
        ("They got married and settled near Boston.", "They got married. They settled near Boston."),
    ],
)
def test_two_clauses_come_apart(sentence: str, parts: str) -> None:
    assert take_apart(sentence) == parts


@pytest.mark.parametrize(
    "sentence",
    [
        "I saw my father and my mother.",  # two nouns
        "I don't know when he comes.",  # a question inside
        "Do you remember when we met?",
        "Call me when you are there.",  # a command
        "When she heard the news, she turned pale.",  # two statements do not say when
        "We got up early so that we could see the sunrise.",
        "It's been five years since my father died.",  # counts the time
        "He opened the window even though his mother was cold.",
        "He likes coffee.",
        "He sat down and she stood.. It rained, and it snowed.",  # two sentences
        "",
    ],
)
def test_what_no_rule_is_sure_of_stays(sentence: str) -> None:
    assert take_apart(sentence) == ""


def test_names_change_alike_on_both_sides_and_rows_are_the_same_again(tmp_path: Path) -> None:
    lines = [f"Tom bought {number} books, but Mary wanted more.\tTom kaufte ..." for number in range(40)]
    (tmp_path / "pairs.tsv").write_text("\n".join([*lines, lines[0]]) + "\n")
    pairs = read_connectives(tmp_path / "pairs.tsv")
    assert pairs == read_connectives(tmp_path / "pairs.tsv")
    assert len(pairs) == 40  # every sentence once
    people = set()
    for parts, fused in pairs:
        first, second = parts.removesuffix(".").split(". ")
        assert fused == f"{first}, but {second}."
        people |= {first.split()[0], second.split()[0]}
    assert len(people) > 10


def test_short_statements_about_two_subjects_are_joined_by_and(tmp_path: Path) -> None:
    lines = [f"I have {number} cats, but you have a dog." for number in range(20)]
    lines += ["Tom plays the piano.", "My sister plays the violin.", "We sing.", "I like the old songs."]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    pairs = [(parts, fused) for parts, fused in read_connectives(tmp_path / "lines.txt") if ", and" in fused]
    assert pairs
    for parts, fused in pairs:
        first, second = parts.removesuffix(".").split(". ")
        start = (
            second if second.startswith("I ") or " plays the p" in second else second[0].lower() + second[1:]
        )
        assert fused == f"{first}, and {start}."


def test_swapped_rows_are_for_splitting(tmp_path: Path) -> None:
    text = "\n".join(f"I have {number} cats, but you have a dog." for number in range(20))
    (tmp_path / "lines.txt").write_text(text)
    entry = DataSet("x", "", "", "lines.txt", format="connectives", swap=True, carve=(2, 2))
    sides = read_sets([entry], tmp_path, 0)["x"]
    assert sides.test == held_out_rows(entry, tmp_path, "test")
    assert len(sides.train) > len(sides.valid) == len(sides.test) == 2
    for source, target in [*sides.train, *sides.valid, *sides.test]:
        assert (source.count("."), target.count(".")) == (1, 2)
