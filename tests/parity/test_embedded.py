"""The embedded checkpoints: complete, small, and equal to what transformers 4.37.2 writes with them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
import torch

from bertgen import BertGenerationTokenizer, EncoderDecoderModel, GenerationConfig, trace_generate
from tests.golden.fingerprint import fingerprint

ROOT = Path(__file__).parent.parent.parent
CHECKPOINTS = ROOT / "assets" / "checkpoints"
NAMES = sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))
MODES = {"greedy": {}, "beam": {"num_beams": 4}}
PROFILE = {"task", "title", "default", "examples", "longest_source", "longest_target", "licence", "metrics"}
PARTS = {
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "spiece.model",
    "README.md",
    "train.jsonl",
}
embedded = pytest.mark.parametrize("name", NAMES)


@cache
def load(name: str) -> tuple[EncoderDecoderModel, BertGenerationTokenizer]:
    folder = CHECKPOINTS / name
    return EncoderDecoderModel.from_pretrained(folder), BertGenerationTokenizer.from_pretrained(folder)


@cache
def golden(name: str) -> dict:
    return json.loads((ROOT / "tests" / "golden" / "embedded" / f"{name}.json").read_text(encoding="utf-8"))


def profile(name: str) -> dict:
    return json.loads((CHECKPOINTS / name / "profile.json").read_text(encoding="utf-8"))


def test_there_is_one_for_translating_either_way():
    found = {profile(name)["task"]: name for name in NAMES if profile(name)["default"]}
    assert found["translate"] == "translate-mini"
    assert found["translate-de-en"] == "translate-mini-de-en"


@embedded
def test_folder_is_complete_and_small(name):
    files = {path.name: path.stat().st_size for path in (CHECKPOINTS / name).iterdir()}
    assert set(files) >= PARTS | {"profile.json"}
    assert max(files.values()) <= 10_000_000
    weights = [size for file, size in files.items() if file.endswith(".safetensors")]
    assert 0 < sum(weights) <= 24_000_000


@embedded
def test_profile(name):
    about = profile(name)
    assert set(about) >= PROFILE
    assert about["task"] in ("translate", "translate-de-en", "split", "fuse", "summarize")
    assert about["examples"]
    assert all(isinstance(text, str) and text for text in about["examples"])
    assert about["metrics"]
    model, tokenizer = load(name)
    assert tokenizer.model_max_length == about["longest_source"]
    assert about["longest_source"] <= model.config.encoder.max_position_embeddings
    assert about["longest_target"] <= model.config.decoder.max_position_embeddings
    assert about["default"] is (about["task"] not in [profile(n)["task"] for n in NAMES[: NAMES.index(name)]])


@embedded
def test_everything_in_the_file_is_used(name):
    model, tokenizer = load(name)
    assert set(model.load_report.counts()) <= {"loaded", "tied"}
    assert len(tokenizer) == model.config.encoder.vocab_size == model.config.decoder.vocab_size
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.unk_token_id)
    assert ids == (0, 1, 2, 3)
    settings = model.generation_config
    assert (settings.pad_token_id, settings.eos_token_id, settings.decoder_start_token_id) == (0, 1, 2)


@embedded
def test_golden_is_of_these_files(name):
    assert golden(name)["fingerprint"] == fingerprint(CHECKPOINTS / name), (
        "the checkpoint changed: run tests/golden/make_embedded_goldens.py in the reference's environment"
    )


@embedded
@pytest.mark.parametrize("mode", MODES)
def test_ids_and_texts_of_the_reference(name, mode):
    model, tokenizer = load(name)
    for run in golden(name)["runs"]:
        source = tokenizer(run["text"], return_tensors="pt")
        assert source["input_ids"][0].tolist() == run["source_ids"]
        ids = model.generate(**source, **MODES[mode])[0, 1:].tolist()
        assert ids == run[mode]["ids"], run["text"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == run[mode]["text"]


@embedded
@pytest.mark.parametrize("mode", MODES)
def test_the_page_writes_the_same(name, mode):
    """trace_generate, with the page's kind of settings, gives the text that plain generate gives."""
    model, tokenizer = load(name)
    settings = {**model.generation_config.to_dict(), **MODES[mode]}
    for run in golden(name)["runs"][:4]:
        trace = trace_generate(model, tokenizer, run["text"], GenerationConfig(**settings))
        assert trace.text == run[mode]["text"]
        assert trace.finish_reason == "eos"


@embedded
def test_a_batch_writes_what_each_sentence_gets(name):
    model, tokenizer = load(name)
    runs = golden(name)["runs"]
    batch = tokenizer([run["text"] for run in runs], return_tensors="pt", padding=True)
    output = model.generate(**batch)
    found = tokenizer.batch_decode(output, skip_special_tokens=True)
    assert found == [run["greedy"]["text"] for run in runs]


@embedded
def test_the_cards_lines_run(name, monkeypatch, capsys):
    """The card's Python lines work as they stand, from the project's root."""
    card = (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    ours = next(code for code in snippets if "bertgen" in code)
    monkeypatch.chdir(ROOT)
    torch.manual_seed(0)
    exec(compile(ours, f"{name}/README.md", "exec"), {"__name__": "card"})
    assert capsys.readouterr().out.strip()


@embedded
def test_the_card_names_metrics_and_licence(name):
    card = (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    figures = ("ROUGE-1", "ROUGE-L") if profile(name)["task"] == "summarize" else ("BLEU", "chrF")
    for word in (*figures, "CC", "transformers"):
        assert word in card, word
