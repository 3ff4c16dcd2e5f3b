"""Small traces made by hand, for the tests of the figures."""

from __future__ import annotations

import numpy as np

from bertgen import GenerationTrace


def make_trace(
    source: list[str], target: list[str], words: dict[str, list[int]], **arrays
) -> GenerationTrace:
    return GenerationTrace.from_arrays(
        model="tiny",
        source_ids=np.arange(len(source)),
        source_pieces=tuple(source),
        source_words=tuple(words["source"]),
        target_ids=np.arange(len(target)),
        target_pieces=tuple(target),
        target_words=tuple(words["target"]),
        text="Katze",
        logprobs=np.log(np.full(len(target), 0.5)),
        top_k=tuple(((7, "▁Kat", -0.7), (8, "ze", -np.inf)) for _ in target),
        cross=arrays.get("cross"),
        decoder_self=arrays.get("decoder_self"),
        encoder_self=arrays.get("encoder_self"),
        beam_ancestry=None,
        finish_reason="eos",
        seconds=0.0123456,
        start_piece="<s>",
        settings={"mode": "greedy", "num_beams": 1, "odd": object()},
    )
