"""Paragraphs of plain text and what their first sentence says in short."""

from pathlib import Path

import pytest

from bertgen.training.data.corpora.leads import LONGEST, read_leads, shorten


@pytest.mark.parametrize(
    ("sentence", "short"),
    [
        ("Bees are important for our food.", "Bees are important for our food"),
        ("In 1998, the council opened a new bridge.", "The council opened a new bridge"),
        ("However, the old bridge was too narrow.", "The old bridge was too narrow"),
        ("A web crawler (or spider) is a program.", "A web crawler is a program"),
        ("Rhea, the second largest moon, is an icy body.", "Rhea is an icy body"),
        ("The city was captured in 1756, which ended the war.", "The city was captured in 1756"),
        ("Work was scarce in those parts, and many people left.", ""),  # "those" leans on what went before
        ("Work was scarce in the north, and many people left.", "Work was scarce in the north"),
        (
            "The population of the island grew from four hundred to six hundred because a mine was opened.",
            "The population of the island grew from four hundred to six hundred",
        ),
    ],
)
def test_a_sentence_is_shortened_to_its_main_clause(sentence: str, short: str) -> None:
    assert shorten(sentence) == short


@pytest.mark.parametrize(
    "sentence",
    [
        "The town sells apples, pears and plums.",  # a list would lose its end
        "He was born in a small town.",  # who?
        "The king thought that it was raining.",
        'The song "Yesterday" was a great success.',
        "Was the bridge built in 1932?",
        "A very small town on the river.",  # no verb
        "The old man sat.",  # the verb is not a known one
        "Wood was used by, and stones were given to, the men.",
        "Dr. Smith was born in a small town",
        "",
    ],
)
def test_what_no_rule_is_sure_of_is_left_out(sentence: str) -> None:
    assert shorten(sentence) == ""


REST = "The river is wide there. Many cars cross the river every day."


def test_rows_of_paragraphs(tmp_path: Path) -> None:
    rows = {
        f"In {year}, the council opened road number {year}. {REST} The council opened it.": (
            f"The council opened road number {year}"
        )
        for year in range(1900, 1912)
    }
    left_out = [
        "The council opened road number 7. The council opened it.",  # two sentences
        f"The council closed road number 8. {REST} The council was proud.",  # one word comes again
        f"The council opened road number 1905. {REST} The council opened it.",  # known already
        "",
    ]
    path = _written(tmp_path, [*rows, *left_out])
    found = read_leads(path)
    assert dict(found) == rows
    assert len(found) == len(rows)
    assert found == read_leads(path)
    assert found != list(rows.items())  # shuffled: what is held out is not the beginning


def test_a_long_paragraph_gives_several_rows_and_no_sentence_twice(tmp_path: Path) -> None:
    sentences = [
        f"The council was proud of bridge number {number} over the river." for number in range(20, 50)
    ]
    rows = dict(read_leads(_written(tmp_path, [" ".join(sentences)])))
    assert " ".join(sorted(rows)) == " ".join(sentences)  # 10 sentences of 11 words a row
    assert len(rows) == 3
    for source, short in rows.items():
        assert source.startswith(f"{short}. ")
        assert LONGEST - 11 < len(source.split()) <= LONGEST


def _written(folder: Path, lines: list[str]) -> Path:
    path = folder / "plain.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
