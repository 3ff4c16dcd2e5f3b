"""ALTI: which share of a state is each token's, through all layers down to the words themselves.

Each attention half's output is a sum of vectors, one a token (``block_vectors``); a token's share is how much
nearer its vector brings the sum, in L1. Shares are multiplied up through the layers. Dimension letters:
L layers, S source, N what the decoder reads, K keys, C width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bertgen.attribution.forced import Maps, Reading, StackRun
from bertgen.attribution.parts import AttentionParts, AttentionRun
from bertgen.attribution.vectors import BATCH_NUMBERS, block_vectors, norm_spread


def alti(reading: Reading) -> Maps:
    """Shares [L, 1, T, K] up to each layer: of the encoder's states, of source and prefix in the decoder's.

    In every layer a row of "cross" and "decoder_self" sum to 1 together, as does a row of "encoder_self".
    """
    clean = reading.clean_run()
    found: dict[str, list[Tensor]] = {}
    words = None
    if clean.encoder is not None:
        found["encoder_self"] = _rolled_out(clean.encoder)
        words = found["encoder_self"][-1]  # [S, S]: states of the memory as shares of source pieces
    if words is None:
        found["decoder_self"] = _rolled_out(clean.decoder)
    else:
        found["cross"], found["decoder_self"] = _joint_shares(clean.decoder, words)
    return {kind: reading.as_map(kind, torch.stack(found[kind])[:, None], "alti") for kind in reading.kinds()}


def _rolled_out(side: StackRun) -> list[Tensor]:
    """A stack by itself: the product [N, N] of the shares up to each layer."""
    layers: list[Tensor] = []
    for parts, run in side.halves("self"):
        shares, _ = token_shares(parts, run, cross=False)
        if layers:
            shares = shares @ layers[-1]
        layers.append(shares)
    return layers


def _joint_shares(side: StackRun, words: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """A decoder with a memory, up to each layer: shares of source pieces [N, S] and of the prefix [N, N]."""
    sources: list[Tensor] = []
    prefixes: list[Tensor] = []
    length = side.states.shape[1]
    source = words.new_zeros(length, len(words))
    prefix = torch.eye(length, device=words.device)
    for layer, run in zip(side.layers, side.runs, strict=True):
        # 1) self-attention mixes the rows as they are so far
        own, _ = token_shares(layer.own, run.own, cross=False)
        source, prefix = own @ source, own @ prefix
        # 2) cross-attention keeps a part of that, the residual's, and takes the rest from the memory
        taken, kept = token_shares(layer.cross, run.cross, cross=True)
        source = taken @ words + kept[:, None] * source
        prefix = kept[:, None] * prefix
        sources.append(source)
        prefixes.append(prefix)
    return sources, prefixes


def token_shares(parts: AttentionParts, run: AttentionRun, cross: bool) -> tuple[Tensor, Tensor]:
    """Shares [T, K] of the keys in each query's output and [T] of its residual, together 1 in every row.

    In self-attention the residual is the query's own key's, and its own share is 0. A row in which no vector
    comes near the output is left to the residual whole.
    """
    queries, keys = run.weights.shape[-2:]
    step = max(1, BATCH_NUMBERS // (keys * run.residual.shape[-1]))
    found, kept = [], []
    for start in range(0, queries, step):
        rows = slice(start, min(start + step, queries))
        vectors = block_vectors(parts, run, "cross" if cross else "self", rows)  # [t, K, C]
        if cross:
            vectors = torch.cat([vectors, _residual_vectors(parts, run, rows)], dim=1)
        # How much of the output's length is left when a vector is taken away: the less, the more it was.
        output = run.output[0, rows]
        gaps = (output[:, None] - vectors).abs().sum(-1).float()
        near = (output.abs().sum(-1, keepdim=True).float() - gaps).clamp(min=0)
        # Vectors of zero bring nothing nearer; rounding is kept out of those cells.
        near = near * (vectors != 0).any(-1)
        mine = torch.arange(len(near), device=near.device)
        own = mine + rows.start
        if cross:
            own = torch.full_like(own, keys)
        lost = near.sum(-1) == 0
        near[mine, own] += lost.float()
        near = near / near.sum(-1, keepdim=True)
        found.append(near[:, :keys])
        kept.append(near[:, keys:].sum(-1))
    return torch.cat(found), torch.cat(kept)


def _residual_vectors(parts: AttentionParts, run: AttentionRun, rows: slice) -> Tensor:
    """What the residual adds to the output of these queries [t, 1, C], through the closing norm."""
    residual = run.residual[0, rows]
    if parts.closing is not None:
        spread = norm_spread(parts.closing, run.attended[0, rows] + residual)
        residual = parts.closing.weight * (residual - residual.mean(-1, keepdim=True)) / spread
    return residual[:, None]
