"""What reading one call costs must not grow unseen; and the counting itself counts what it says."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks import reading_cost

# Call -> the most functions that it may pass through, in the most files. Lower them when you can.
LIMITS = {
    "encoding a sentence": (10, 4),
    "stream_generate before it runs": (31, 11),
    "stream_generate to its first token": (79, 20),
    "EncoderDecoderModel.from_pretrained": (81, 17),
}


@pytest.fixture(scope="module")
def counted():
    return reading_cost.counts()


@pytest.mark.parametrize("name", LIMITS)
def test_no_call_passes_through_more_than_it_did(counted, name):
    functions, files = LIMITS[name]
    assert len(counted[name]) <= functions, "\n".join(map(str, sorted(counted[name])))
    assert len({file for file, _, _ in counted[name]}) <= files


def test_the_counts_are_those_of_the_calls_that_they_name(counted):
    """Each holds the functions that its call cannot do without."""
    expected = {
        "encoding a sentence": ("TokenizerCore.encode_text", "SentencePieceTokenizer._tokenize"),
        "stream_generate to its first token": (
            "TokenizerCore.encode_text",
            "BertGenerationEncoder.forward",
            "FusedEngine.step",
            "TokenSearch.take",
            "StreamDecoder.put",
        ),
        "stream_generate before it runs": ("TokenizerCore.encode_text", "make_request"),
        "EncoderDecoderModel.from_pretrained": ("EncoderDecoderModel.__init__", "load_into"),
    }
    for name, functions in expected.items():
        assert set(functions) <= {function for _, function, _ in counted[name]}


def test_a_function_counts_once_and_only_the_packages_own(tmp_path, monkeypatch):
    """By file and line: of two of one name both, of a thousand calls one; comprehensions and others none."""
    source = (
        "import json\n"
        "class A:\n"
        "    def same(self): return 1\n"
        "class B:\n"
        "    @property\n"
        "    def same(self): return 2\n"
        "def work():\n"
        "    json.dumps([A().same() + B().same for _ in range(3)])\n"
        "    return sum(x for x in [1, 2]) + (lambda: 3)()\n"
    )
    found = {}
    for folder in ("bertgen", "bertgen_of_others"):
        path = tmp_path / folder / "module.py"
        path.parent.mkdir()
        path.write_text(source)
        names: dict = {}
        exec(compile(source, str(path), "exec"), names)
        monkeypatch.setattr(reading_cost, "ROOT", tmp_path)
        found[folder] = reading_cost.functions_of(names["work"])
    assert found["bertgen_of_others"] == {}
    assert found["bertgen"] == {
        ("bertgen/module.py", "A.same", 3): 3,
        ("bertgen/module.py", "B.same", 5): 3,
        ("bertgen/module.py", "work", 7): 1,
        ("bertgen/module.py", "work.<locals>.<lambda>", 9): 1,
    }


def test_nothing_is_counted_after_a_call_that_fails(tmp_path):
    """The profiler is taken off whatever happens."""

    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        reading_cost.functions_of(fail)
    assert sys.getprofile() is None
