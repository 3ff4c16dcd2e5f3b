"""Errors with parts: the table, what is raised from it, and that every part arrives."""

from __future__ import annotations

import ast
import copy
import pickle
import string
from pathlib import Path

import pytest
import torch

from bertgen import (
    AutoTokenizer,
    BertGenerationConfig,
    BertGenerationEncoder,
    BertGenerationTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
    errors,
    hub,
    stream_generate,
)
from bertgen.checkpoints.load import load_into
from bertgen.configs.generation import check_settings
from bertgen.configs.reference import ConfigChoiceError
from bertgen.errors import FileTrouble, NotSupported, Trouble, WeightsMismatch
from bertgen.errors.english import ENGLISH
from bertgen.machine import resolve_device

LIBRARY = Path(errors.__file__).parents[1]
# Where the reason says it already, or there is nothing that a reader can do.
NO_MOVE: set[str] = set()


def fields(text: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


def all_kinds(kind: type = Trouble) -> set[type]:
    return {kind}.union(*map(all_kinds, kind.__subclasses__()))


def raised() -> list[tuple[str, str, set[str]]]:
    """(where, key, names of the values) of every trouble that the library makes by a key."""
    kinds = {kind.__name__ for kind in all_kinds()} | {"error"}  # a rule's own kind: rule.error("config.low")
    found = []
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            key = node.args[0].value
            if name in kinds and " " not in key and "." in key:
                where = f"{path.relative_to(LIBRARY)}:{node.lineno}"
                found.append((where, key, {keyword.arg for keyword in node.keywords}))
    return found


def named() -> set[str]:
    """Every text that stands in the library's code, the table of errors itself left out."""
    found = set()
    for path in LIBRARY.rglob("*.py"):
        if "english" not in path.parts:
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found |= {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


@pytest.mark.parametrize("key", ENGLISH)
def test_every_key_says_why_and_what_to_do(key):
    why, move = ENGLISH[key]
    assert why
    assert bool(move) != (key in NO_MOVE)
    for part in filter(None, (why, move)):
        assert part == part.strip()
        assert part[-1] not in ".;:"


def test_what_is_raised_stands_in_the_table_with_its_values():
    calls = raised()
    for where, key, given in calls:
        assert key in ENGLISH, where
        assert given == fields("".join(ENGLISH[key])), where
    # A key may also stand in a table of rules, from which it is raised.
    unused = set(ENGLISH) - {key for _, key, _ in calls} - named()
    assert not unused, "keys that nothing raises"


@pytest.mark.parametrize("kind", sorted(all_kinds(), key=str))
def test_parts_survive_copying_and_pickling(kind):
    if not kind.__module__.startswith("bertgen."):
        pytest.skip("the page's own")
    error = kind("hub.is_file", name="a {b} c")
    for again in (error, copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is kind
        assert again.key == "hub.is_file"
        assert again.values == {"name": "a {b} c"}
        assert (again.why, again.move) == ("'a {b} c' is a file", "give the folder that holds it")
        assert str(again) == "'a {b} c' is a file; give the folder that holds it"


def test_a_plain_text_is_its_own_reason():
    error = ConfigChoiceError("a word; and {another}")
    assert (error.key, error.why, error.move) == ("", "a word; and {another}", "")
    assert str(error) == "a word; and {another}"
    assert isinstance(error, KeyError)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (FileTrouble, OSError),
        (NotSupported, NotImplementedError),
        (WeightsMismatch, RuntimeError),
        (hub.HubError, OSError),
    ],
)
def test_the_references_types_are_caught_as_before(kind, base):
    with pytest.raises(base, match="is a file; give"):
        raise kind("hub.is_file", name="x")
    assert issubclass(kind, ValueError)


def mismatch() -> None:
    load_into(torch.nn.Linear(2, 3), {"weight": torch.zeros(5, 5), "bias": torch.zeros(3)})


@pytest.mark.parametrize(
    ("act", "key"),
    [
        (lambda: resolve_device("tpu"), "device.unknown"),
        (lambda: resolve_device("meta"), "device.unsupported"),
        (lambda: hub.cached_file("no such folder", "config.json"), "hub.bad_id"),
        (lambda: hub.cached_file(__file__, "config.json"), "hub.is_file"),
        (lambda: hub.cached_file(".", "../config.json"), "hub.bad_path"),
        (lambda: hub.cached_file("a/b", "c", revision="../x"), "hub.bad_revision"),
        (lambda: hub.resolve(Path(__file__).parent, "none.json"), "hub.lacks_files"),
        (mismatch, "weights.mismatch"),
        (lambda: BertGenerationConfig(pruned_heads=5), "config.dict"),
        (lambda: check_settings(GenerationConfig(num_beams=0)), "generation.positive"),
        (lambda: check_settings(GenerationConfig(num_return_sequences=3)), "generation.too_many_returned"),
        (lambda: EncoderDecoderConfig(), "config.two_sides"),
        (lambda: BertGenerationEncoder(BertGenerationConfig(hidden_size="x")), "config.integer"),
        (lambda: BertGenerationEncoder(BertGenerationConfig(hidden_size=-1)), "config.low"),
        (lambda: BertGenerationEncoder(BertGenerationConfig(num_hidden_layers=10**9)), "config.high"),
        (lambda: BertGenerationEncoder(BertGenerationConfig(hidden_act="none")), "config.activation"),
    ],
)
def test_bad_inputs_arrive_in_parts(act, key):
    with pytest.raises(Trouble) as caught:
        act()
    check_parts(caught.value, key)


@pytest.mark.parametrize(
    ("name", "content", "load", "key"),
    [
        ("config.json", b"{", EncoderDecoderModel.from_pretrained, "file.bad_json"),
        ("config.json", b"\xff", EncoderDecoderModel.from_pretrained, "file.bad_json"),
        ("config.json", b"[" * 200_000, EncoderDecoderModel.from_pretrained, "file.bad_json"),
        ("config.json", b"[]", EncoderDecoderModel.from_pretrained, "file.no_object"),
        ("other.json", b"{}", EncoderDecoderModel.from_pretrained, "file.no_config"),
        ("model.safetensors", b"x", BertGenerationEncoder.from_pretrained, "weights.bad_safetensors"),
        ("pytorch_model.bin", b"x", BertGenerationEncoder.from_pretrained, "weights.bad_pickle"),
        ("pytorch_model.bin", b"", BertGenerationEncoder.from_pretrained, "weights.bad_pickle"),
        (
            "model.safetensors.index.json",
            b'{"weight_map": {"a": 5}}',
            BertGenerationEncoder.from_pretrained,
            "weights.bad_index",
        ),
        (
            "model.safetensors.index.json",
            b'{"weight_map": {"a": "b.safetensors"}}',
            BertGenerationEncoder.from_pretrained,
            "weights.no_shard",
        ),
        ("notes.txt", b"x", BertGenerationEncoder.from_pretrained, "weights.missing"),
        ("vocab.txt", b"", AutoTokenizer.from_pretrained, "vocabulary.empty"),
        ("tokenizer.json", b"{}", AutoTokenizer.from_pretrained, "vocabulary.no_model"),
        ("notes.txt", b"x", AutoTokenizer.from_pretrained, "tokenizer.no_vocabulary"),
        ("spiece.model", b"x", BertGenerationTokenizer.from_pretrained, "vocabulary.bad_spiece"),
    ],
)
def test_bad_files_arrive_in_parts(tmp_path, name, content, load, key):
    if load == BertGenerationEncoder.from_pretrained:
        BertGenerationConfig().save_pretrained(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Trouble) as caught:
        load(tmp_path)
    check_parts(caught.value, key)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"num_beams": 0}, "generation.positive"),
        ({"no_such_setting": 1}, "generation.unknown"),
        ({"max_length": 1, "num_beams": 2}, "generation.no_room"),
        ({"do_sample": True, "temperature": -1.0}, "generation.factor"),
        ({"suppress_tokens": [9999]}, "generation.unknown_id"),
        ({"input_ids": torch.tensor([[5, 9999]])}, "generation.ids_outside"),
        ({"input_ids": torch.full((1, 97), 5)}, "generation.too_long"),
        ({"penalty_alpha": 0.6, "top_k": 4}, "generation.unsupported"),
    ],
)
def test_bad_requests_arrive_in_parts(model, options, key):
    with pytest.raises(Trouble) as caught:
        model.generate(**{"input_ids": torch.tensor([[5, 6]]), **options})
    check_parts(caught.value, key)


def test_bad_texts_arrive_in_parts(model, tokenizer):
    for text, key in ((5, "generation.no_text"), (b"x", "generation.no_text")):
        with pytest.raises(Trouble) as caught:
            stream_generate(model, tokenizer, text)
        check_parts(caught.value, key)


def check_parts(error: Trouble, key: str) -> None:
    assert error.key == key
    assert error.why
    assert error.move
    assert str(error) == f"{error.why}; {error.move}"
    pickle.dumps(error)
