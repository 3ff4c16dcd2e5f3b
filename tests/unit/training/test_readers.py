"""Readers: small samples in the formats that public corpora come in."""

import gzip
import json
import sys
import types
from pathlib import Path

import pytest

from bertgen.training.data.corpora.cleaning import (
    detokenise,
    loose_key,
    natural,
    split_by_components,
    tokenise,
    without_leaks,
)
from bertgen.training.data.corpora.readers import hub_dataset, locate, read_rows

WIKISPLIT = (
    "Street Rod is the first in a series of two games , it 's from 1989 .\t"
    "Street Rod is the first in a series of two games . <::::> It 's from 1989 .\n"
    "`` Yes '' -- the play ( 1963 ) -- did n't run long , light - hearted as it was .\t"
    "'' Yes '' did n't run long . <::::> It was light - hearted .\n"
)
DISCOFUSE = (
    "coherent_first_sentence\tcoherent_second_sentence\tincoherent_first_sentence\t"
    "incoherent_second_sentence\tdiscourse_type\tconnective_string\thas_coref_type_pronoun\n"
    "It rained , but we went out .\t\tIt rained .\tWe went out .\tSINGLE_S_COORD\tbut\t0.0\n"
    'He said " no .\tHowever , she stayed .\tHe said " no .\tShe stayed .\tPAIR_CONN\thowever\t0.0\n'
)
ANKI = "Go.\tGeh.\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (CM)\nHi.\tHallo!\tCC-BY 2.0\n"


def test_wikisplit_becomes_natural_text(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(WIKISPLIT)
    assert read_rows("train.tsv", "wikisplit", tmp_path) == [
        (
            "Street Rod is the first in a series of two games, it's from 1989.",
            "Street Rod is the first in a series of two games. It's from 1989.",
        ),
        (
            '"Yes"–the play (1963)–didn\'t run long, light-hearted as it was.',
            '"Yes" didn\'t run long. It was light-hearted.',
        ),
    ]


def test_discofuse_joins_what_is_to_be_fused(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text(DISCOFUSE)
    assert read_rows("train.tsv", "discofuse", tmp_path) == [
        ("It rained. We went out.", "It rained, but we went out."),
        ('He said " no. She stayed.', 'He said " no. However, she stayed.'),
    ]
    (tmp_path / "headless.tsv").write_text(DISCOFUSE.split("\n", 1)[1])
    with pytest.raises(ValueError, match="no column 'coherent_first_sentence'"):
        read_rows("headless.tsv", "discofuse", tmp_path)


def test_anki_drops_the_attribution(tmp_path: Path) -> None:
    (tmp_path / "deu.txt").write_text(ANKI + "No.\tNein.\n")  # the older form beside the newer one
    assert read_rows("deu.txt", "anki", tmp_path) == [("Go.", "Geh."), ("Hi.", "Hallo!"), ("No.", "Nein.")]
    (tmp_path / "bad.txt").write_text("Go.\n")
    with pytest.raises(ValueError, match=r"bad\.txt, line 1: 1 columns"):
        read_rows("bad.txt", "anki", tmp_path)


def test_minwiki_gets_its_signs_back(tmp_path: Path) -> None:
    # As the test part: a full stop alone behind every source, LRB for a bracket, two spaces for a lost sign.
    (tmp_path / "x.complex").write_text(
        "The guns LRB of 770 m  s RRB fired but Sokuhi s brother did nt hear them\n.\n"
        "They reach home\n.\n"
        "Only this is told at great length of all the things that the others know\n.\n"
    )
    (tmp_path / "x.simple").write_text(
        "The guns LRB of 770 m / s RRB fired . Sokuhi 's half - brother did n't hear them . .\n"
        "They reach . Home .\n"
        "This is told .\n"
    )
    assert read_rows("x.{complex,simple}", "minwiki", tmp_path) == [
        (
            "The guns (of 770 m s) fired but Sokuhi's brother didn't hear them.",
            "The guns (of 770 m/s) fired. Sokuhi's half-brother didn't hear them.",
        )
    ]


def test_desse_starts_sentences_with_capitals(tmp_path: Path) -> None:
    (tmp_path / "x.complex").write_text(
        "sadly i think , that i'm late and that it rains .\n"
        "We know.\n"
        "Here one says a lot of things, of which the other keeps few.\n"
    )
    (tmp_path / "x.simple").write_text("Sadly i think i'm late. it rains .\nWe know.\nOne talks.\n")
    assert read_rows("x.{complex,simple}", "desse", tmp_path) == [
        ("Sadly I think, that I'm late and that it rains.", "Sadly I think I'm late. It rains."),
        ("We know.", "We know."),
    ]
    (tmp_path / "x.simple").write_text("We know.\n")
    with pytest.raises(ValueError, match="3 lines against 1"):
        read_rows("x.{complex,simple}", "desse", tmp_path)


def test_line_files_run_in_parallel(tmp_path: Path) -> None:
    for side, lines in (("en", "A man.\nTwo  dogs.\n"), ("de", "Ein Mann.\nZwei Hunde.\n")):
        (tmp_path / f"train.{side}.gz").write_bytes(gzip.compress(lines.encode()))
    rows = read_rows("train.{en,de}.gz", "lines", tmp_path)
    assert rows == [("A man.", "Ein Mann."), ("Two dogs.", "Zwei Hunde.")]
    (tmp_path / "train.de.gz").write_bytes(gzip.compress(b"Ein Mann.\n"))
    with pytest.raises(ValueError, match="2 lines against 1"):
        read_rows("train.{en,de}.gz", "lines", tmp_path)
    with pytest.raises(ValueError, match="name both files"):
        read_rows("train.en.gz", "lines", tmp_path)


def test_jsonl_with_a_target_or_references(tmp_path: Path) -> None:
    rows = [{"source": "a", "target": "b"}, {"source": "c", "references": ["d", "e"]}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert read_rows("rows.jsonl", "jsonl", tmp_path) == [("a", "b"), ("c", "d")]
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(ValueError, match="line 1: expected a JSON object with the keys source and target"):
        read_rows("rows.jsonl", "jsonl", tmp_path)
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"source": "a", "target": "b"}\n\n')
    assert read_rows("rows.jsonl", "jsonl", tmp_path) == [("a", "b")]  # with a byte order mark
    (tmp_path / "rows.jsonl").write_text('{"source": "a", "target": "b"}\n\n{"source": "c", "target": "d"}\n')
    assert read_rows("rows.jsonl", "jsonl", tmp_path) == [("a", "b"), ("c", "d")]  # blank lines are none
    (tmp_path / "rows.jsonl").write_text('{"source": "a", "target": "b"}\n\n{"source": "c"}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 3: expected a JSON object"):
        read_rows("rows.jsonl", "jsonl", tmp_path)


def test_denoising_rows_come_out_of_plain_text(tmp_path: Path) -> None:
    sentences = [f"Sentence number {n} has quite a few words in it today." for n in range(300)]
    lines = [" ".join(sentences[start : start + 6]) for start in range(0, 300, 6)]
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n")
    rows = read_rows("text.txt", "denoising", tmp_path)
    assert rows == read_rows("text.txt", "denoising", tmp_path)
    assert " ".join(target for _, target in rows) == " ".join(lines)  # every sentence, once
    same = sum(source == target for source, target in rows) / len(rows)
    assert 0.25 < same < 0.5
    for source, target in rows:
        assert set(source.split()) <= set(target.split())


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'tsv2' is unknown; choose one of .*discofuse"):
        read_rows("rows.tsv", "tsv2", tmp_path)


def test_files_of_a_hub_dataset_are_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hf_hub_download(repository: str, name: str, repo_type: str) -> str:
        asked.append((repository, name, repo_type))
        (tmp_path / name).write_text("A\nB\n")
        return str(tmp_path / name)

    fake = types.SimpleNamespace(hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    assert hub_dataset(Path("hf://datasets/owner/name")) == "owner/name"
    assert hub_dataset("data/here") is None
    assert locate("rows.tsv", "data/here") == Path("data/here/rows.tsv")
    assert read_rows("x.{en,de}", "lines", "hf://datasets/owner/name") == [("A", "A"), ("B", "B")]
    assert asked == [("owner/name", f"x.{side}", "dataset") for side in ("en", "de")]


def test_cleaning() -> None:
    assert natural("a\u00adb  c\u200b\td\u0065\u0301") == "ab c dé"
    assert detokenise("He ( 50 ) left , did n't he ? '' No '' .") == 'He (50) left, didn\'t he? "No".'
    assert tokenise(detokenise("It 's from 1989 , I 'd say .")) == "It 's from 1989 , I 'd say ."
    assert loose_key("Don't — STOP!") == "dontstop"


def test_rows_that_touch_a_held_out_text_are_dropped() -> None:
    rows = [("A b.", "c"), ("a B", "C!"), ("d", "Held out."), ("e", "f"), ("x", "y")]
    assert without_leaks(rows, [("held out", "z"), ("X?", "w")]) == [("A b.", "c"), ("e", "f")]


def test_one_file_is_cut_without_a_text_on_two_sides() -> None:
    rows = [(f"Source {n // 3}.", f"Ziel {n}") for n in range(90)] + [("a b", "x"), ("A, B!", "y")]
    sides = split_by_components(rows, (8, 12), seed=1)
    assert sorted(row for side in sides for row in side) == sorted(rows)
    assert 0 < len(sides[0]) <= 8
    assert 0 < len(sides[1]) <= 12
    keys = [{loose_key(text) for row in side for text in row} for side in sides]
    assert not keys[0] & keys[1]
    assert not keys[2] & (keys[0] | keys[1])
    assert split_by_components(rows, (8, 12), seed=1) == sides
    assert split_by_components(rows, (8, 12), seed=2) != sides
