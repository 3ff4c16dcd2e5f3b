"""Occlusion: how much less probable each written token becomes when something cannot be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertgen.attribution.forced import Maps, Reading
from bertgen.errors import Trouble
from bertgen.trace import GenerationTrace

# How many tokens a batch may hold, source and target together.
_BATCH_TOKENS = 4096


def occlusion(model: Any, tokenizer: Any, trace: GenerationTrace) -> np.ndarray:
    """Log-probability of each output token minus that with a source word masked: float32 [T, words].

    Columns are the source's words in order, special tokens included; positive where the word helped. All
    pieces of a word are masked, in the encoder and in cross-attention; positions stay. ``tokenizer`` is the
    run's own (the words themselves are the trace's). Raises ``Trouble`` for a source of one word, which
    would be masked whole, for a decoder alone, and for another model than the run's.
    """
    with torch.inference_mode(False), torch.no_grad():
        reading = Reading(model, trace)
        if not reading.joint:
            raise Trouble("measure.no_source")
        words = np.asarray(trace.source_words)
        count = int(words.max()) + 1
        if count < 2:
            raise Trouble("measure.all_masked")
        hidden = words[None] == np.arange(count)[:, None]  # [words, S]
        return _source_drops(reading, hidden).T.cpu().numpy()


def occlusion_maps(reading: Reading) -> Maps:
    """The same piece by piece [1, 1, T, K]: of the source, and of the prefix for the queries after it."""
    maps, clean = {}, reading.clean_run().logprobs[0]
    # 1) the source's pieces
    if "cross" in reading.kinds():
        pieces = reading.source.shape[1]
        if pieces < 2:
            raise Trouble("measure.all_masked")
        drops = _source_drops(reading, np.eye(pieces, dtype=bool))
        maps["cross"] = reading.as_map("cross", drops.T[None, None], "occlusion")
    # 2) the prefix: no later query sees the token; its own does, which has read it anyway
    if "decoder_self" in reading.kinds():
        length = reading.read.shape[1]
        device = reading.read.device
        causal = torch.ones(length, length, device=device).tril()
        own = torch.eye(length, device=device)
        drops = []
        for start in range(0, length, _rows_a_batch(reading)):
            places = torch.arange(start, min(start + _rows_a_batch(reading), length), device=device)
            look = causal.repeat(len(places), 1, 1)
            look[places - start, :, places] = 0
            drops.append(clean - reading.run(look=torch.maximum(look, own)).logprobs)
        # Rounding differs from batch to batch; tokens that were not written yet changed nothing.
        found = torch.cat(drops).T * causal.tril(-1)[reading.rows]
        maps["decoder_self"] = reading.as_map("decoder_self", found[None, None], "occlusion")
    return maps


def _source_drops(reading: Reading, hidden: np.ndarray) -> Tensor:
    """What each written token loses [M, T] when these source pieces [M, S] are masked."""
    return reading.clean_run().logprobs[0] - source_logprobs(reading, hidden)


def source_logprobs(reading: Reading, hidden: np.ndarray) -> Tensor:
    """Log-probability [M, T] of each written token with these source pieces [M, S] masked."""
    masks = torch.tensor(~hidden, dtype=torch.long, device=reading.source.device)
    batches = masks.split(_rows_a_batch(reading))
    return torch.cat([reading.run(source_mask=mask).logprobs for mask in batches])


def _rows_a_batch(reading: Reading) -> int:
    return max(1, _BATCH_TOKENS // (reading.source.shape[1] + reading.read.shape[1]))
