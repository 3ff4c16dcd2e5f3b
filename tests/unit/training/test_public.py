"""Readers of arXiv's metadata snapshot and Debian's indices, on small samples in those formats."""

import bz2
import json
from pathlib import Path

import pytest

from bertgen.training.data.corpora.public import supported
from bertgen.training.data.corpora.readers import read_rows

ABSTRACT = (
    "  We study how rumours spread on networks of friends. Our model\nfollows each message from its "
    "first sender to its last reader, and shows that a few\nbusy senders start most cascades. Experiments "
    "on two platforms agree with the model.\n"
)
ENGLISH = """Package: weather-panel
Description-md5: 11
Description-en: weather forecast for the desktop panel
 This program shows the weather forecast of the next days
 in the panel of the desktop.
 .
 It warns of storms. It can be set to any place.
 .
 Features:
  * many services
  * small
 .
 See https://weather.example for more.

Package: weather-dummy
Description-md5: 12
Description-en: transitional weather forecast package
 This is a transitional weather forecast package that can safely be removed.

Package: riddle
Description-md5: 13
Description-en: Extremely nice thing
 Play chess against a strong opponent on a board of marble in the park.
"""
GERMAN = """Package: weather-panel
Description-md5: 11
Description-de: Wettervorhersage für die Leiste der Arbeitsfläche
 Dieses Programm zeigt die Wettervorhersage der nächsten Tage in
 der Leiste der Arbeitsfläche.
 .
 Es warnt vor Stürmen. Man kann jeden Ort einstellen.
 .
 Fähigkeiten:
  * viele Dienste
  * klein
 .
 Mehr unter https://wetter.example .

Package: riddle
Description-md5: 99
Description-de: Anderer Text
 Gehört zu einer anderen Fassung.
"""


def paper(**changes: str) -> str:
    row = {
        "categories": "cs.SI physics.soc-ph",
        "title": "How rumours spread\n  on networks",
        "abstract": ABSTRACT,
    }
    return json.dumps({**row, **changes})


def test_arxiv_gives_plain_titled_abstracts(tmp_path: Path) -> None:
    lines = [
        paper(),
        paper(categories="hep-th"),
        paper(abstract=ABSTRACT.replace("two", "$n^2$")),
        paper(abstract=ABSTRACT + "This paper has been withdrawn."),
        paper(abstract="Too short an abstract on rumours and networks."),
        paper(title="Rumours"),
        paper(title="Quantum gravity without strings attached"),
    ]
    (tmp_path / "snapshot.json").write_text("\n".join(lines) + "\n")
    (tmp_path / "snapshot.json.bz2").write_bytes(bz2.compress("\n".join(lines).encode()))
    for name in ("snapshot.json", "snapshot.json.bz2"):
        assert read_rows(name, "arxiv", tmp_path) == [
            (" ".join(ABSTRACT.split()), "How rumours spread on networks")
        ]


def test_other_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_text(paper() + '\n{"title": "x"}\n')
    with pytest.raises(ValueError, match="line 2: expected a JSON object with the keys categories"):
        read_rows("snapshot.json", "arxiv", tmp_path)


def test_debian_descriptions_become_synopses(tmp_path: Path) -> None:
    """The list, the link, the stand-in and the synopsis of other words stay out."""
    (tmp_path / "Translation-en.bz2").write_bytes(bz2.compress(ENGLISH.encode()))
    assert read_rows("Translation-en.bz2", "debian-synopsis", tmp_path) == [
        (
            "This program shows the weather forecast of the next days in the panel of the desktop. "
            "It warns of storms. It can be set to any place.",
            "weather forecast for the desktop panel",
        )
    ]


def test_debian_descriptions_end_with_a_sentence(tmp_path: Path) -> None:
    long = "\n".join(
        f" It shows the weather of day {number}, hour by hour, in the panel." for number in range(30)
    )
    text = f"Package: x\nDescription-en: weather in the panel\n{long}\n"
    (tmp_path / "Translation-en").write_text(text)
    ((source, _),) = read_rows("Translation-en", "debian-synopsis", tmp_path)
    assert source.endswith("in the panel.")
    assert 90 < len(source.split()) <= 110


def test_debian_translations_pair_what_corresponds(tmp_path: Path) -> None:
    (tmp_path / "Translation-en").write_text(ENGLISH)
    (tmp_path / "Translation-de").write_text(GERMAN)
    assert read_rows("Translation-{en,de}", "debian-translations", tmp_path) == [
        ("weather forecast for the desktop panel", "Wettervorhersage für die Leiste der Arbeitsfläche"),
        (
            "This program shows the weather forecast of the next days in the panel of the desktop.",
            "Dieses Programm zeigt die Wettervorhersage der nächsten Tage in der Leiste der Arbeitsfläche.",
        ),
        ("It warns of storms.", "Es warnt vor Stürmen."),
        ("It can be set to any place.", "Man kann jeden Ort einstellen."),
    ]


def test_files_that_are_no_index_are_refused(tmp_path: Path) -> None:
    (tmp_path / "Translation-en").write_text("hello\n\nworld\n")
    with pytest.raises(ValueError, match="expected a Debian index"):
        read_rows("Translation-en", "debian-synopsis", tmp_path)
    with pytest.raises(ValueError, match=r"name both files of a pair, such as Translation-\{en,de\}"):
        read_rows("Translation-en", "debian-translations", tmp_path)


@pytest.mark.parametrize(
    ("short", "wanted"),
    [("Weather for the panel", True), ("Weather and chess on marble", False), ("of the", False)],
)
def test_half_of_the_words_must_be_in_the_text(short: str, wanted: bool) -> None:
    assert supported(short, "It shows the weather in a panel.") is wanted
