"""BertTokenizer, RobertaTokenizer and GPT2Tokenizer against the slow classes of transformers 4.37.2."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import bertgen
from bertgen import AutoTokenizer, BertTokenizer
from bertgen.tokenizers import PreTrainedTokenizer
from tests.install_weights import folder
from tests.parity.tokenizer_answers import ask, check_calls, check_state, check_text, record, revive

ROOT = Path(__file__).parent.parent / "golden" / "family_tokenizer"
GOLDENS = {p.stem: json.loads(p.read_text("utf-8")) for p in sorted(ROOT.glob("*.json")) if "." not in p.stem}
FOLDERS = [name for name, golden in GOLDENS.items() if "files" in golden]
BUILDS = [name for name in GOLDENS if name not in FOLDERS]
FAST = [name for name in FOLDERS if "alike" in GOLDENS[name]]


def files_of(golden: dict[str, Any]) -> list[Path]:
    kind = golden["vocabulary"].removeprefix("odd_")
    names = ["vocab.txt"] if kind == "bert" else ["vocab.json", "merges.txt"]
    return [ROOT / golden["vocabulary"] / name for name in names]


def build(golden: dict[str, Any]) -> PreTrainedTokenizer:
    return getattr(bertgen, golden["class"])(*files_of(golden), **revive(golden.get("init", {})))


def folder_of(golden: dict[str, Any], folder: Path) -> Path:
    folder.mkdir()
    for name, content in golden["files"].items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    for path in files_of(golden):
        shutil.copy(path, folder)
    return folder


def check_all(tokenizer: PreTrainedTokenizer, golden: dict[str, Any], folder: Path) -> None:
    for step in golden.get("steps", []):
        assert ask(tokenizer, step) == {"result": step["result"]}, step
    expected = dict(golden["state"])
    digests = expected.pop("digests")
    (folder / "vocabulary").mkdir(parents=True)
    paths = tokenizer.save_vocabulary(folder / "vocabulary")
    assert {Path(p).name: hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in paths} == digests
    check_state(tokenizer, expected, folder / "saved")
    for text in golden["texts"]:
        if "raises" not in text:
            check_text(tokenizer, text)
    check_calls(tokenizer, golden.get("calls", []))


@pytest.mark.filterwarnings("ignore:.*older form:FutureWarning")
@pytest.mark.parametrize("name", BUILDS)
def test_built(name, tmp_path):
    check_all(build(GOLDENS[name]), GOLDENS[name], tmp_path)


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(name, tmp_path):
    """Old and new generations of files, by the class itself and by AutoTokenizer."""
    golden = GOLDENS[name]
    folder = folder_of(golden, tmp_path / "folder")
    check_all(getattr(bertgen, golden["class"]).from_pretrained(folder), golden, tmp_path / "one")
    found = AutoTokenizer.from_pretrained(folder)
    assert type(found).__name__ == golden.get("auto", golden["class"]).removesuffix("Fast")
    check_all(found, golden, tmp_path / "auto")


@pytest.mark.parametrize("name", FAST)
def test_tokenizer_json_alone(name, tmp_path):
    """tokenizer.json without the other files: the ids of the fast class that wrote it, on every text that
    the reference's fast and slow classes cut alike."""
    golden = GOLDENS[name]
    path = tmp_path / "tokenizer.json"
    shutil.copy(ROOT / f"{name.removeprefix('folder_')}.tokenizer.json", path)
    assert len(golden["alike"]) > 50
    for tokenizer in (
        AutoTokenizer.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(path),
        getattr(bertgen, golden["class"]).from_pretrained(tmp_path),
    ):
        assert type(tokenizer).__name__ == golden["class"]
        for case in golden["alike"]:
            assert record(tokenizer.encode(revive(case["text"]))) == case["ids"], case["text"]


def test_real_vocabulary():
    """A BERT vocabulary of 30,522 tokens, by its vocab.txt and by its tokenizer.json alone."""
    assert folder() is not None, "the real vocabulary is missing; run tests/install_weights.py first"
    tokenizer = AutoTokenizer.from_pretrained(folder())
    alone = BertTokenizer.from_pretrained(folder() / "tokenizer.json")
    assert type(tokenizer) is BertTokenizer
    assert len(tokenizer) == len(alone) == 30522
    cases = json.loads((ROOT.parent / "real_bert" / "texts.json").read_text(encoding="utf-8"))
    assert len(cases) > 70
    for case in cases:
        case.pop("alike")
        check_text(tokenizer, case)
        assert record(alone.encode(revive(case["text"]))) == case["ids"]
