"""The view contract: what Python writes, what the browser's typedefs say, one example that both sides read.

``contract_example.json`` holds a finished run and the same run as it was streamed; the end-to-end tests give
it to the scripts. ``python -m tests.unit.views.test_contract`` writes it anew.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from components.views import contract, typedefs
from components.views.contract import RunHead, plain, read_run, to_json
from components.views.finished import finished_run
from components.views.lines import Writer, sentencepiece_lines, sentencepiece_surface
from components.views.maps import attention_view
from components.views.packing import u16_text
from tests.unit.views.figures_traces import make_trace

EXAMPLE = Path(__file__).parent / "contract_example.json"
SOURCE = ["▁the", "▁cat", "▁", "<0xC3>", "<0xA9>", ".", "</s>"]
TARGET = ["▁die", "▁Kat", "ze", "▁<", "<unk>", ".", "</s>"]
ADDS = ["die", " Kat", "ze", " <", "", ".", ""]


def example_trace():
    """the cat é. -> die Katze <. : two layers of three heads, a word of two pieces, a letter of two bytes."""
    random = np.random.default_rng(0)

    def rows(queries: int, keys: int) -> np.ndarray:
        return random.dirichlet(np.ones(keys), size=(2, 3, queries)).astype(np.float16)

    back = np.tril(rows(len(TARGET), len(TARGET)).astype(np.float32))
    return make_trace(
        SOURCE,
        TARGET,
        {"source": [0, 1, 2, 2, 2, 3, 4], "target": [0, 1, 1, 2, 3, 4, 5]},
        cross=rows(len(TARGET), len(SOURCE)),
        decoder_self=(back / back.sum(-1, keepdims=True)).astype(np.float16),
        encoder_self=rows(len(SOURCE), len(SOURCE)),
    )


def example() -> dict:
    """The texts as the page sends them."""
    trace = example_trace()
    lines = sentencepiece_lines(trace)
    writer = Writer()
    tokens = []
    for index, piece in enumerate(TARGET):
        others = [(7, "Kat", -0.7), (8, "ze", -np.inf)]
        cross = u16_text(trace.cross[:, :, index])
        token = writer.write(
            index, sentencepiece_surface(piece), ADDS[index], float(trace.logprobs[index]), others, cross
        )
        tokens.append(to_json(token))
    head = to_json(RunHead(contract.VERSION, lines.source, lines.start, ""))
    streamed = {"head": head, "tokens": tokens, "shape": [2, 3, len(SOURCE)], "finish": "eos"}
    return {"run": to_json(finished_run(trace)), "streamed": {**streamed, "draft": None, "run": "example"}}


def test_the_example_is_what_python_writes():
    assert json.loads(EXAMPLE.read_text(encoding="utf-8")) == example()


def test_python_reads_what_it_wrote():
    run = read_run(json.loads(EXAMPLE.read_text(encoding="utf-8"))["run"])
    assert run == finished_run(example_trace())
    assert run.source.word_labels == ("the", "cat", "é", ".", "</s>")
    assert [token.text for token in run.source.tokens] == ["the", "cat", "", "é", "", ".", "</s>"]
    view = attention_view(run, "cross", "mean", "max")
    assert view.columns == ["the", "cat", "é", ".", "</s>"]
    assert view.rows[1] == ("die", "Katze")


def test_a_streamed_run_holds_the_same_tokens():
    streamed = json.loads(EXAMPLE.read_text(encoding="utf-8"))["streamed"]
    run = finished_run(example_trace())
    tokens = [json.loads(token) for token in streamed["tokens"]]
    assert [token["label"] for token in tokens] == [token.label for token in run.target.tokens]
    assert [token["text"] for token in tokens] == ["die", "Kat", "ze", "<", "<unk>", ".", "</s>"]
    assert [token["gap"] for token in tokens] == [True, True, False, True, True, True, True]
    assert json.loads(streamed["head"])["source"] == plain(run.source)
    rows = [np.frombuffer(base64.b64decode(token["cross"]), "<u2") for token in tokens]
    whole = np.frombuffer(base64.b64decode(run.maps["cross"].u16), "<u2").reshape(2, 3, len(TARGET), -1)
    for index, row in enumerate(rows):
        np.testing.assert_array_equal(row.reshape(streamed["shape"]), whole[:, :, index])


def test_the_browsers_types_are_the_contracts():
    assert typedefs.TARGET.read_text(encoding="utf-8") == typedefs.text(), (
        "python -m components.views.typedefs"
    )


if __name__ == "__main__":
    EXAMPLE.write_text(json.dumps(example(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
