"""generate() writes exactly the ids of transformers 4.37.2."""

from __future__ import annotations

import pytest
import torch

from tests.parity import cases

RUNS = [(case, run["name"]) for case in cases.model_cases() for run in cases.notes(case)["generate"]]
DICTIONARIES = [("encdec", "greedy_dict"), ("encdec", "beam4_dict")]


def generate(case: str, name: str, **changes):
    run = next(run for run in cases.notes(case)["generate"] if run["name"] == name)
    given = {key: torch.tensor(value) for key, value in run["inputs"].items()}
    options = dict(run["options"])
    if "sequence_bias" in options:
        options["sequence_bias"] = {tuple(ids): bias for ids, bias in options["sequence_bias"]}
    if run["seed"] is not None:
        torch.manual_seed(run["seed"])
    return run, cases.load(case).generate(**given, **{**options, **changes})


@pytest.mark.parametrize(("case", "name"), RUNS)
def test_ids(case, name):
    run, output = generate(case, name)
    ids = output if isinstance(output, torch.Tensor) else output.sequences
    assert ids.tolist() == run["ids"]


@pytest.mark.parametrize(("case", "name"), DICTIONARIES)
def test_dictionary(case, name):
    """Keys, scores and attentions of return_dict_in_generate."""
    run, output = generate(case, name)
    assert list(output.keys()) == run["keys"]
    expected = cases.answers(case, name)
    found = {}
    for field in {key.split(".")[0] for key in expected}:
        found.update(cases.flatten(field, output[field]))
    assert set(found) == set(expected)
    for key, value in expected.items():
        torch.testing.assert_close(
            found[key], value, msg=lambda text, key=key: f"{key}: {text}", **cases.TOLERANCE
        )


def test_generation_config_of_the_folder_rules():
    """Start, end and padding token arrive from generation_config.json; the decoder's config fills gaps."""
    settings = cases.load("encdec_proj").generation_config
    assert (settings.decoder_start_token_id, settings.eos_token_id, settings.pad_token_id) == (2, 1, 0)
