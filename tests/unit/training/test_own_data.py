"""Pairs that a stranger brings: damaged files, odd rows, several references, other scripts, other seeds."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest

from bertgen import AutoTokenizer, EncoderDecoderModel, warm_start, warm_start_tokenizer
from bertgen.training.__main__ import main
from bertgen.training.data.corpora.cleaning import natural, split_by_components
from bertgen.training.data.corpora.readers import read_rows
from bertgen.training.data.corpus import read_references, read_sets
from bertgen.training.recipe.reader import read_recipe
from bertgen.training.recipe.tables import DataSet
from bertgen.training.reports.card import write_card
from bertgen.training.runs.export import write_profile
from bertgen.training.scores.metrics import score
from tests.unit.training.tiny_bases import make_bert, make_gpt2, recipe_text

FILES = 'train = "train.tsv"\ncarve = [3, 3]'


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp("bases") / "bert")


@pytest.fixture
def work(bert: Path, tmp_path: Path) -> Path:
    (tmp_path / "recipe.toml").write_text(recipe_text(bert, "summarize", 20, FILES, 1))
    long = "ada sees bob and " * 12
    rows = [f"ada sees {n}.\tada {n}." for n in range(24)] + [f"{long} {n}.\tbob {n}." for n in range(12)]
    (tmp_path / "train.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    main()


def test_a_text_stands_on_one_side_of_a_cut_whichever_column_it_is_in() -> None:
    rows = [pair for n in range(40) for pair in ((f"one {n}", f"two {n}"), (f"Two {n}!", f"three {n}"))]
    valid, test, train = split_by_components(rows, [10, 10], 1)
    sides = [{text.strip("!").lower() for row in side for text in row} for side in (valid, test, train)]
    assert [len(side) for side in (valid, test)] == [10, 10]
    assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])


def test_runs_of_other_seeds_hold_the_same_rows_out(work: Path) -> None:
    entry = read_recipe(work / "recipe.toml").data[0]
    first, second = (read_sets([entry], work, seed)["own"] for seed in (1, 2))
    assert (first.valid, first.test) == (second.valid, second.test)
    assert len(first.test) == 3


@pytest.mark.parametrize(
    "row",
    [
        {"source": "a", "references": "one text"},
        {"source": "a", "references": []},
        {"source": "a", "references": ["b", None]},
        {"source": "a", "target": None},
        {"source": "a", "target": ["b", "c"]},
        {"source": 5, "target": "b"},
        {"source": "a"},
        ["a", "b"],
    ],
)
def test_json_rows_of_other_kinds_are_named(tmp_path: Path, row: object) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"source": "a", "target": "b"}}\n{json.dumps(row)}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 2: "):
        read_rows("rows.jsonl", "jsonl", tmp_path)
    entry = DataSet("own", "", "", "rows.jsonl", test_references="rows.jsonl")
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 2: "):
        read_references(entry, tmp_path, "test")


def test_every_reference_of_a_json_file_counts(tmp_path: Path) -> None:
    rows = [{"source": "one", "references": ["a", "held out"]}]
    (tmp_path / "test.jsonl").write_text(json.dumps(rows[0]) + "\n")
    pairs = [("three", "c"), ("four", "Held out!")]
    lines = [json.dumps({"source": source, "target": target}) for source, target in pairs]
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n")
    entry = DataSet("own", "", "", "train.jsonl", test="test.jsonl", format="jsonl", clean=True)
    assert read_references(entry, tmp_path, "test") == (["one"], [["a", "held out"]])
    assert read_sets([entry], tmp_path, 1)["own"].train == [("three", "c")]


def test_rows_that_are_left_out_are_told(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", work / "run")
    assert "training rows are within longest_source 20 and longest_target 20" in capsys.readouterr().err
    (work / "valid.tsv").write_text("bob\tada 1.\n")
    (work / "train.tsv").write_text("ada sees 1.\tada 1.\nbob sees 1.\tada 1.\n")
    settings = [
        "--set",
        "data.own.carve=[]",
        "--set",
        "data.own.valid=valid.tsv",
        "--set",
        "data.own.clean=true",
    ]
    with pytest.raises(SystemExit, match="clean leaves none of 2 training rows"):
        command(
            monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", work / "other", *settings
        )


def test_paragraphs_are_cut_before_the_rules_look_at_them(tmp_path: Path) -> None:
    filler = "The old house stood near the river in the middle of the town for many years."
    sentence = "She closed the door because she felt cold."
    (tmp_path / "text.txt").write_text(f"{filler} {sentence} {filler} {filler}\n")
    assert read_rows("text.txt", "connectives", tmp_path) == [
        ("She closed the door. She felt cold.", sentence)
    ]


def test_rows_of_discofuse_must_be_whole(tmp_path: Path) -> None:
    names = [f"{kind}_{part}_sentence" for kind in ("coherent", "incoherent") for part in ("first", "second")]
    head, row = "\t".join([*names, "type"]), ["It rained, but we went .", "", "It rained .", "We went .", "x"]
    path = tmp_path / "rows.tsv"
    path.write_bytes("\r\n".join([head, "\t".join(row), ""]).encode())
    assert read_rows("rows.tsv", "discofuse", tmp_path) == [
        ("It rained. We went.", "It rained, but we went.")
    ]
    for broken in (row[:3], [*row, "more"]):
        path.write_text("\n".join([head, "\t".join(row), "\t".join(broken)]))
        with pytest.raises(ValueError, match=r"line 3: \d columns; the header has 5"):
            read_rows("rows.tsv", "discofuse", tmp_path)
    path.write_text("\n".join([head, "\t".join(["word " * 40_000, *row[1:]])]))  # the csv module's limit
    assert len(read_rows("rows.tsv", "discofuse", tmp_path)) == 1


def test_line_ends_and_joiners(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"The cat sat on the old mat.\r\nThe dog sat on the new mat.\r\n")
    assert not [text for row in read_rows("text.txt", "denoising", tmp_path) for text in row if "\r" in text]
    assert natural("می\u200cخواهم") == "می\u200cخواهم"
    assert natural("so\u00adft \u200bzero") == "soft zero"


def test_descriptions_without_a_digest_are_not_paired(tmp_path: Path) -> None:
    def entry(package: str, digest: str, language: str, text: str) -> str:
        return f"Package: {package}\n{digest}Description-{language}: {text}\n\n"

    known = "Description-md5: 1\n"
    english = entry("a", "", "en", "other thing now here") + entry("b", known, "en", "panel for the desktop")
    german = entry("c", "", "de", "Leiste mit ganz anderem") + entry(
        "b", known, "de", "Leiste der Oberfläche"
    )
    (tmp_path / "Translation-en").write_text(english)
    (tmp_path / "Translation-de").write_text(german)
    found = read_rows("Translation-{en,de}", "debian-translations", tmp_path)
    assert found == [("panel for the desktop", "Leiste der Oberfläche")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.tsv.gz", gzip.compress(b"a\tb\n" * 99)[:-9], "damaged or not whole"),
        ("rows.tsv.xz", lzma.compress(b"a\tb\n" * 99)[:-9], "damaged or not whole"),
        ("rows.tsv.xz", b"no archive", "damaged or not whole"),
        ("rows.tsv", "ä\tb\n".encode("latin-1"), "not UTF-8 text"),
        ("rows.tsv", "a\tb\n".encode("utf-16"), "not UTF-8 text"),
        ("rows.zip", bz2.compress(b"a\tb\n" * 99), "not UTF-8 text"),
    ],
)
def test_damaged_files_are_named(
    work: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, message: str
) -> None:
    (work / name).write_bytes(content)
    setting = ["--set", f"data.own.train={name}"]
    with pytest.raises(SystemExit, match=f"error: .*{name}: {message}"):
        command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", work / "run", *setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.own.carve=5", "carve must be a list, got 5"),
        ("optimisation.betas=0.9", "betas must be a list, got 0.9"),
        ("optimisation.betas=[0.9]", "betas must have 2 values"),
        ('data.own.carve=["a", "b"]', r"every value of carve must be a number \(int\)"),
    ],
)
def test_lists_are_lists(work: Path, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_recipe(work / "recipe.toml", [setting])


def test_rouge_reads_words_of_other_scripts() -> None:
    texts = ["Привет, мир", "猫は眠る"]
    found = score("summarize", texts, [["привет мир"], ["猫は歩く"]], texts)
    assert found["ROUGE-1"]["score"] == 75.0  # all, and half of the characters
    assert "words of any script" in found["ROUGE-1"]["signature"]
    assert "porter" in score("summarize", ["cats"], [["cat"]], ["x"])["ROUGE-1"]["signature"]


def test_evaluate_asks_before_it_works(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", work / "run")
    arguments = ["evaluate", work / "run" / "checkpoint", work / "recipe.toml", "--data", work]
    with pytest.raises(SystemExit, match=r"the folder .*nowhere does not exist"):
        command(monkeypatch, *arguments, "--json", work / "nowhere" / "results.json")
    settings = ["--set", "data.own.carve=[]", "--set", "data.own.valid=train.tsv"]
    with pytest.raises(SystemExit, match="no set of the recipe has test rows"):
        command(monkeypatch, *arguments, "--split", "test", *settings)


def figures(split: str, *decodings: dict[str, float]) -> dict:
    rows = [
        {
            "set": "own",
            "split": split,
            "rows": 3,
            "references": "one",
            "decoding": decoding,
            "ROUGE-1": {"score": float(number), "signature": "s"},
        }
        for number, decoding in enumerate(decodings)
    ]
    return {"metrics": rows, "outputs": {"own, num_beams 1": ["a\nb | c"] * 3}}


def snippet(card: str) -> str:
    return card.split("```python\n")[1].split("```")[0]


@pytest.mark.parametrize("setup", ["BERTSHARE", "BERT2GPT"])
def test_the_code_in_a_card_runs(
    work: Path,
    setup: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = [f"warm_start.setup={setup}", "longest_target=40"]
    settings += [f"warm_start.gpt2={make_gpt2(tmp_path / 'gpt2')}"] if setup == "BERT2GPT" else []
    options = [part for setting in settings for part in ("--set", setting)]
    command(monkeypatch, "train", work / "recipe.toml", "--data", work, "--out", work / "run", *options)
    folder = work / "run" / "checkpoint"
    recipe = read_recipe(work / "recipe.toml", settings)
    write_card(folder, recipe, work, figures("test", {"num_beams": 1}), "it", "It fails.")
    capsys.readouterr()
    exec(compile(snippet((folder / "README.md").read_text()), "card", "exec"), {})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = EncoderDecoderModel.from_pretrained(folder).generate(
        tokenizer("A sentence.", return_tensors="pt").input_ids, num_beams=4
    )
    writer = tokenizer.decoder_tokenizer or tokenizer
    assert capsys.readouterr().out == writer.decode(ids[0], skip_special_tokens=True) + "\n"


def test_a_card_tells_the_truth(work: Path, bert: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    warm_start("BERTSHARE", bert=bert).save_pretrained(folder)
    warm_start_tokenizer("BERTSHARE", bert=bert).save_pretrained(folder)
    write_profile(folder, {"licence": "not stated", "longest_source": 20})
    (folder / "train.jsonl").write_text('{"step": 1}\n')
    recipe = read_recipe(
        work / "recipe.toml",
        ['languages=["fi"]', "data.own.licence=CC0", "data.own.origin=a crawl | filtered"],
    )
    beams = {"num_beams": 2}
    results = figures("test", {**beams, "length_penalty": 5.0}, {**beams, "length_penalty": -5.0})
    write_card(folder, recipe, work, results, "it", "It fails.", figures("valid", {"num_beams": 1}))
    text = (folder / "README.md").read_text()
    assert 'language: ["fi"]' in text
    assert "| beam 2, length_penalty 5.0 | 0.00 |" in text
    assert "| beam 2, length_penalty -5.0 | 1.00 |" in text
    assert "| own | a crawl \\| filtered | CC0 |" in text
    assert sum(line.endswith("|") and "| a b \\| c |" in line for line in text.splitlines()) == 3
    assert "curves.png" not in text  # export alone draws none
    profile = json.loads((folder / "profile.json").read_text())
    assert profile["licence"].startswith("own: CC0")
    assert set(profile["metrics"]["own test"]) == {
        "beam 2, length_penalty 5.0",
        "beam 2, length_penalty -5.0",
    }
    plain = read_recipe(work / "recipe.toml")
    write_card(folder, plain, work, results, "it", "It fails.")
    assert "language:" not in (folder / "README.md").read_text()
    with pytest.raises(ValueError, match="these are figures of own valid; give those of test"):
        write_card(folder, plain, work, figures("valid", beams), "it", "It fails.")
    with pytest.raises(ValueError, match="these are figures of own test; give those of valid"):
        write_card(folder, plain, work, results, "it", "It fails.", results)
