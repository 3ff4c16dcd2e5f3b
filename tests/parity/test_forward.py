"""Forward passes, losses and gradients equal those of transformers 4.37.2 on the files that it wrote."""

from __future__ import annotations

import pytest
import torch

from tests.parity import cases

CALLS = [(case, call["name"]) for case in cases.model_cases() for call in cases.notes(case)["calls"]]


def find(case: str, name: str) -> dict:
    return next(call for call in cases.notes(case)["calls"] if call["name"] == name)


@pytest.mark.parametrize(("case", "name"), CALLS)
def test_outputs(case, name):
    call, expected = find(case, name), cases.answers(case, name)
    with torch.no_grad():
        output = cases.load(case)(**cases.inputs(case, call), **call["options"])
    assert list(output.keys()) == call["keys"]
    found = {}
    for key in call["keys"]:
        found.update(cases.flatten(key, output[key]))
    expected = {key: value for key, value in expected.items() if not key.startswith("grad.")}
    assert set(found) == set(expected)
    for key, value in expected.items():
        torch.testing.assert_close(
            found[key], value, msg=lambda text, key=key: f"{key}: {text}", **cases.TOLERANCE
        )


@pytest.mark.parametrize(("case", "name"), CALLS)
def test_tuples(case, name):
    """return_dict=False gives the same values as a plain tuple."""
    call = find(case, name)
    given, model = cases.inputs(case, call), cases.load(case)
    with torch.no_grad():
        by_key = model(**given, **call["options"]).to_tuple()
        plain = model(**given, **call["options"], return_dict=False)
    assert isinstance(plain, tuple)
    left, right = (list(cases.flatten("", x).values()) for x in (by_key, plain))
    if "tuple" in call:  # order and number of the reference's tuple, where they are recorded
        assert [list(value.shape) for value in right] == call["tuple"]
        # A tuple may hold more (the pooler's output), and the cache before the states.
        assert all(any(torch.equal(value, other) for other in right) for value in left)
        return
    for value, other in zip(left, right, strict=True):
        torch.testing.assert_close(other, value, rtol=0, atol=0)


@pytest.mark.parametrize(("case", "name"), [pair for pair in CALLS if find(*pair)["gradients"]])
def test_gradients(case, name):
    call, expected = find(case, name), cases.answers(case, name)
    model = cases.load(case)
    parameters = {key: model.get_parameter(key) for key in call["gradients"]}
    loss = model(**cases.inputs(case, call), **call["options"]).loss
    found = torch.autograd.grad(loss, list(parameters.values()))
    for key, value in zip(parameters, found, strict=True):
        torch.testing.assert_close(value, expected[f"grad.{key}"], **cases.TOLERANCE)


@pytest.mark.parametrize(("case", "name"), [pair for pair in CALLS if pair[0] in ("encdec", "decoder_lm")])
def test_training_path(case, name):
    """With gradients on and the modules in training mode, dropout 0, the open attention gives the same."""
    call, expected = find(case, name), cases.answers(case, name)
    model = type(cases.load(case)).from_pretrained(cases.ROOT / case)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    output = model.train()(**cases.inputs(case, call), **call["options"])
    torch.testing.assert_close(output.logits, expected["logits"], **cases.TOLERANCE)


def test_the_causal_mask_is_always_there():
    """The reference builds no mask when use_cache is on; here the cache changes nothing."""
    model = cases.load("decoder_lm")
    call = find("decoder_lm", "padded")
    given = cases.inputs("decoder_lm", call)
    with torch.no_grad():
        logits = model(**given, use_cache=True).logits
    torch.testing.assert_close(logits, cases.answers("decoder_lm", "padded")["logits"], **cases.TOLERANCE)
