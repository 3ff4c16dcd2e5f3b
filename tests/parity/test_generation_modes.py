"""generate() in every mode with every output, and under random settings, as transformers 4.37.2."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

import bertgen
from tests.parity import cases

FOLDER = cases.ROOT / "generation"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
SOURCE = torch.tensor([[5, 6, 7, 8, 33], [9, 10, 11, 0, 0], [33, 34, 0, 0, 0]])
MASK = (SOURCE != 0).long()
EVERYTHING = {
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_attentions": True,
    "output_hidden_states": True,
}
BY_NAME = {note["name"]: note for note in EXPECTED["whole"]}


def model(kind: str):
    return cases.load("encdec_short" if kind == "joint" else "decoder_lm")


def whole(name: str):
    kind = name.split("/")[0]
    given = {"input_ids": SOURCE[:, :1]}
    if kind == "joint":
        given = {"input_ids": SOURCE, "attention_mask": MASK}
    torch.manual_seed(3)
    return model(kind).generate(**given, max_length=6, **BY_NAME[name]["options"], **EVERYTHING)


@pytest.fixture(scope="module")
def arrays():
    return load_file(FOLDER / "expected.safetensors")


@pytest.mark.parametrize("name", BY_NAME)
def test_everything(name, arrays):
    """Keys in their order; ids, scores, attentions and hidden states of every step, layer and beam."""
    output = whole(name)
    assert list(output.keys()) == BY_NAME[name]["keys"]
    found = {}
    for key in output:
        if key != "past_key_values":
            found.update(cases.flatten(key, output[key]))
    expected = {
        key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")
    }
    if name.endswith(
        "/groups"
    ):  # 4.37.2 names rows of the group alone: another group's, for all but the first
        rows, theirs = found.pop("beam_indices"), expected.pop("beam_indices")
        assert rows.shape == theirs.shape
        assert torch.equal(rows >= 0, theirs >= 0)
    assert set(found) == set(expected)
    for key, value in expected.items():
        if value.is_floating_point():
            torch.testing.assert_close(found[key], value, msg=f"{key} differs", **cases.TOLERANCE)
        else:
            assert torch.equal(found[key], value), key


@pytest.mark.parametrize("name", BY_NAME)
def test_attentions_as_matrices(name):
    """stack_attentions: rows of every returned sequence's own beams, which sum to 1."""
    output = whole(name)
    stacked = bertgen.stack_attentions(output)
    rows = output.sequences.shape[0]
    own = stacked["decoder_self"]
    steps = own.shape[3]
    assert own.shape[:3] == (rows, 3 if "joint" in name else 2, 4)
    ended = output.get("beam_indices")
    alive = torch.ones(rows, steps, dtype=torch.bool) if ended is None else ended[:, :steps] >= 0
    if alive.shape[1] < steps:
        alive = torch.nn.functional.pad(alive, (0, steps - alive.shape[1]))
    for matrices in stacked.values():
        sums = matrices.sum(-1)[alive[:, None, None].expand(-1, *matrices.shape[1:4])]
        torch.testing.assert_close(sums, torch.ones_like(sums))
    if "joint" in name:
        padded = stacked["cross"].reshape(3, -1, *stacked["cross"].shape[1:])[:, ..., :]
        assert float(padded[1, ..., 3:].max()) == 0.0  # nothing looks at the padding


@pytest.mark.parametrize("case", EXPECTED["prefix"], ids=lambda case: case["mode"])
def test_allowed_prefixes(case):
    def allowed(source, ids):
        return [1, *range(4 + source, 64, 2 + int(ids[-1]) % 3)]

    torch.manual_seed(5)
    output = model("joint").generate(
        SOURCE, attention_mask=MASK, max_length=9, prefix_allowed_tokens_fn=allowed, **case["options"]
    )
    assert output.tolist() == case["ids"]


@pytest.mark.parametrize("case", EXPECTED["random"], ids=lambda case: f"{case['kind']}-{case['seed']}")
def test_random_settings(case):
    options, given = dict(case["options"]), dict(case["inputs"])
    if "sequence_bias" in options:
        options["sequence_bias"] = {tuple(ids): bias for ids, bias in options["sequence_bias"]}
    given = {key: torch.tensor(value) if isinstance(value, list) else value for key, value in given.items()}
    torch.manual_seed(case["seed"])
    assert model(case["kind"]).generate(**given, **options).tolist() == case["ids"], options
