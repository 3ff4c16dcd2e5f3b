"""English sentences split by rules, and sentences to split put together from short statements."""

import random
import re
from pathlib import Path

import pytest

from bertgen.training.data.corpora.clauses import read_clauses, split_sentence
from bertgen.training.data.corpora.statements import compose
from bertgen.training.data.corpus import read_sets
from bertgen.training.recipe.tables import DataSet


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("He likes coffee, but his sister prefers tea.", "He likes coffee. However, his sister prefers tea."),
        ("We went home, and they stayed for tea.", "We went home. They stayed for tea."),
        ("The shop was shut, so we went home.", "The shop was shut. Therefore, we went home."),
        ("Although it was late, the shop was open.", "It was late. However, the shop was open."),
        ("Because she was ill, I stayed at home.", "She was ill. Therefore, I stayed at home."),
        ("He stayed here because it rained hard.", "He stayed here. This was because it rained hard."),
        ("They don't swim because it is cold.", "They don't swim. This is because it is cold."),
        ("After he had left, the rain stopped.", "He had left. After that, the rain stopped."),
        ("He read a book while his wife slept.", "He read a book. Meanwhile, his wife slept."),
        ("She moved to Rome, where she sang in bars.", "She moved to Rome. There, she sang in bars."),
        ("Tom took his hat and went home.", "Tom took his hat. He went home."),
        ("The old man sat down and fed the birds.", "The old man sat down. He fed the birds."),
        ("The crowd broke the fence and ran away.", "The crowd broke the fence. The crowd ran away."),
        ("It rained all day; the river rose fast.", "It rained all day. The river rose fast."),
    ],
)
def test_a_sentence_becomes_two(sentence: str, parts: str) -> None:
    assert split_sentence(sentence) == parts


@pytest.mark.parametrize(
    "sentence",
    [
        "I saw my father and my mother.",  # two nouns
        "If it rains, we will stay at home.",  # a condition says nothing alone
        "When she heard the news, she turned pale.",
        "After the war, he opened a shop.",  # no clause
        "He is saving money so he can go abroad.",  # a purpose
        "I like it even though it is old.",
        "Some glasses, a few of them old, and some on desktops, can help.",
        "The teacher read and wrote.",  # too little for two sentences
        "Did you go, or did he stay?",
        "",
    ],
)
def test_what_no_rule_is_sure_of_stays(sentence: str) -> None:
    assert split_sentence(sentence) == ""


LINES = [
    *(f"Tom bought {number} red apples." for number in range(20)),
    *(f"Mary lives in house number {number}." for number in range(20)),
    *(f"This book costs {number} euros." for number in range(9)),
    *(f"I met friend number {number} and Tom." for number in range(5)),
    *(f"I sold {number} pears to Tom." for number in range(5)),
]


def test_statements_are_put_together_and_come_apart_again() -> None:
    rows = compose(LINES, 100, random.Random(0))
    assert (
        len({kind for kind in (", who ", ", which ", "Although", " and ") for row in rows if kind in row[0]})
        == 4
    )
    for source, target in rows:
        assert source.count(".") == 1
        first, second = target.removesuffix(".").split(". ")
        said = [first, re.sub(r"^However, ", "", second)]
        for number in re.findall(r"\d+", source):  # nothing is lost, nothing is said twice
            assert sum(number in re.findall(r"\d+", part) for part in said) == 1
        assert re.match(r"(?:He|She|It|The|My|Our|he|she|it|the|my|our)\b", said[1])


def test_pronouns_inside_fit_the_person() -> None:
    lines = [f"Mary sold her {number} old cars." for number in range(30)]
    for source, _ in compose(lines, 100, random.Random(1)):
        assert re.search(r"\b(?:Mary|mother|aunt|daughter|sister|woman|girl|grandmother)\b", source)


def test_a_file_gives_the_same_rows_again_and_keeps_some_as_they_are(tmp_path: Path) -> None:
    clauses = [f"I have {number} cats, but you have a dog.\tIch habe ..." for number in range(40)]
    bound = [f"If you have {number} cats, you need a house.\t..." for number in range(40)]
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join([*clauses, *bound, clauses[0], *LINES]) + "\n")
    rows = read_clauses(path)
    assert rows == read_clauses(path)
    sources = [source for source, _ in rows]
    assert sum(source.startswith("I have") for source in sources) == 40  # every sentence once
    same = [source for source, target in rows if source == target]
    assert 0 < len(same) < len(rows) / 5
    assert any(source.startswith("If you") for source in same)
    assert len({name for source in sources for name in re.findall(r"^[A-Z][a-z]+(?=,| bought)", source)}) > 5


def test_what_one_set_holds_out_is_in_no_cleaned_set(tmp_path: Path) -> None:
    lines = [f"I have {number} cats, but you have a dog." for number in range(20)]
    (tmp_path / "plain.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "real.tsv").write_text("Some text.\tSome. Text.\n")
    (tmp_path / "test.tsv").write_text(f"{lines[3].upper()}\tA. B.\n")
    plain = DataSet("plain", "", "", "plain.txt", format="clauses", clean=True)
    real = DataSet("real", "", "", "real.tsv", test="test.tsv")
    alone = read_sets([plain], tmp_path, 0)["plain"].train
    beside = read_sets([plain, real], tmp_path, 0)["plain"].train
    assert [row for row in alone if row not in beside] == [row for row in alone if row[0] == lines[3]]
    assert len(beside) == len(alone) - 1
