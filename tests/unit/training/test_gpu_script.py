"""The logic of the GPU's benchmark, on the CPU and on tiny shapes."""

from __future__ import annotations

import torch

from tests.benchmarks import gpu


def test_the_report_holds_parity_and_speed():
    report = gpu.measure(torch.device("cpu"), small=True, seconds=60)
    assert [row["way"] for row in report["parity"]][-1] == "training step"
    assert all(row["equal"] for row in report["parity"])
    assert {row["shape"] for row in report["speed"]} == {"TINY"}
    assert all(row["ms_a_token"] > 0 and row["of_the_limit"] > 0 for row in report["speed"])
    text = gpu.table(report["speed"])
    assert text.count("\n") == len(report["speed"]) + 2


def test_other_ids_are_no_parity():
    first = torch.tensor([[2, 5, 1]])
    assert gpu.ids_equal(first, first.clone())
    assert not gpu.ids_equal(first, torch.tensor([[2, 6, 1]]))


def test_a_table_of_words_counts_where_the_head_is_tied_to_it():
    """A step reads the whole head, but of a table that is nothing else one row only."""
    model = gpu.random_pair(gpu.SMALL["TINY"])
    everything = sum(p.numel() * p.element_size() for p in model.decoder.parameters())
    assert gpu.decoder_bytes(model) == everything
    words = model.decoder.get_input_embeddings()
    words.weight = torch.nn.Parameter(words.weight.detach().clone())
    assert gpu.decoder_bytes(model) == everything
