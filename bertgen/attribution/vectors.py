"""Measures of one forward pass: what was looked at, weighed by what was found there.

Notation: query i, key j, layer l, head h; f(x_j) = (x_j W_V + b_V) W_O is what head h would add at the
layer's width if it looked at j alone. Dimension letters: L layers, H heads, T queries, K keys, C width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bertgen.attribution.forced import Maps, Reading, StackRun
from bertgen.attribution.parts import AttentionParts, AttentionRun

# How many numbers a batch may hold: 64 MB of float32, whatever the length of the text.
BATCH_NUMBERS = 16_000_000


def norm(reading: Reading) -> Maps:
    """Length of what each key added, head by head [L, H, T, K]: a_ij times the norm of f(x_j)."""
    clean, maps = reading.clean_run(), {}
    for kind in reading.kinds():
        layers = []
        for parts, run in clean.side(kind).halves(kind):
            lengths = parts.moved(run.values[0]).float().norm(dim=-1)  # [H, K]
            layers.append(run.weights[0].float() * lengths[:, None])
        maps[kind] = reading.as_map(kind, torch.stack(layers), "norm")
    return maps


def norm_block(reading: Reading) -> Maps:
    """Length of what each key is of the whole half's output [L, 1, T, K], residual and norm included."""
    clean, maps = reading.clean_run(), {}
    for kind in reading.kinds():
        layers = [_block_lengths(parts, run, kind) for parts, run in clean.side(kind).halves(kind)]
        maps[kind] = reading.as_map(kind, torch.stack(layers)[:, None], "norm_block")
    return maps


def _block_lengths(parts: AttentionParts, run: AttentionRun, kind: str) -> Tensor:
    """[T, K] of one layer, some queries at a time: their vectors [t, K, C] are large."""
    queries, keys = run.weights.shape[-2:]
    step = max(1, BATCH_NUMBERS // (keys * run.residual.shape[-1]))
    found = []
    for start in range(0, queries, step):
        vectors = block_vectors(parts, run, kind, slice(start, start + step))
        found.append(vectors.float().norm(dim=-1))
    return torch.cat(found)


def block_vectors(parts: AttentionParts, run: AttentionRun, kind: str, rows: slice) -> Tensor:
    """Vectors [t, K, C] that the keys add to the output of these queries.

    The residual belongs to the query's own key; in cross-attention no key is the query's own, and it is left
    out. With a closing norm, summed up and the biases added (``block_constant``), they are the output.
    """
    # 1) what each key added, all heads together
    vectors = torch.einsum("htk,hkc->tkc", run.weights[0, :, rows], parts.moved(run.values[0]))
    # 2) the residual
    if kind != "cross":
        residual = run.residual[0, rows]
        own = torch.arange(rows.start, rows.start + len(residual), device=vectors.device)
        vectors[own - rows.start, own] += residual
    # 3) the norm, made linear by the spread of the true sum
    if parts.closing is None:
        return vectors
    spread = norm_spread(parts.closing, run.attended[0, rows] + run.residual[0, rows])
    return parts.closing.weight * (vectors - vectors.mean(-1, keepdim=True)) / spread[:, None]


def block_constant(parts: AttentionParts, run: AttentionRun, kind: str) -> Tensor:
    """What no key added to the output [T, C] of a half: biases, and cross-attention's residual."""
    constant = parts.bias.expand_as(run.residual[0])
    if kind == "cross":
        constant = constant + run.residual[0]
    if parts.closing is None:
        return constant
    spread = norm_spread(parts.closing, run.attended[0] + run.residual[0])
    centred = constant - constant.mean(-1, keepdim=True)
    return parts.closing.weight * centred / spread + parts.closing.bias


def norm_spread(norm: nn.LayerNorm, summed: Tensor) -> Tensor:
    """What a layer norm divides each row of [T, C] by: [T, 1]."""
    return (summed.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()


def rollout(reading: Reading) -> Maps:
    """Mean weights and residual, half each, multiplied up from the first layer [L, 1, T, K]."""
    clean, maps = reading.clean_run(), {}
    for kind in reading.kinds():
        if kind == "cross":
            continue  # it is defined within one stack
        layers, total = [], None
        for _, run in clean.side(kind).halves(kind):
            mean = run.weights[0].float().mean(0)  # [N, N]
            mixed = (mean + torch.eye(len(mean), device=mean.device)) / 2
            total = mixed if total is None else mixed @ total
            layers.append(total)
        maps[kind] = reading.as_map(kind, torch.stack(layers)[:, None], "rollout")
    return maps


def value_zeroing(reading: Reading) -> Maps:
    """How far each layer's output turns when the values of one key are zero [L, 1, T, K]; rows sum to 1."""
    clean, maps = reading.clean_run(), {}
    for kind in reading.kinds():
        side = clean.side(kind)
        layers = [_zeroed_layer(side, index, kind) for index in range(len(side.layers))]
        maps[kind] = reading.as_map(kind, torch.stack(layers)[:, None], "value_zeroing")
    return maps


def _zeroed_layer(side: StackRun, index: int, kind: str) -> Tensor:
    """[T, K] of one layer: 1 - cos(output without key j, output), each row divided by its sum."""
    parts, run = side.layers[index], side.runs[index]
    half, name = run.own, "edit_own"
    if kind == "cross":
        half, name = run.cross, "edit_cross"
    keys = half.values.shape[2]
    hidden = run.own.residual
    step = max(1, BATCH_NUMBERS // (8 * hidden.numel() + half.weights.numel()))
    turned = []
    for start in range(0, keys, step):
        places = torch.arange(start, min(start + step, keys), device=hidden.device)  # [J]
        # Row r of the batch runs the layer without key places[r].
        keep = torch.ones(len(places), 1, keys, 1, dtype=half.values.dtype, device=hidden.device)
        keep[places - start, :, places] = 0
        memory = side.memory
        if memory is not None:
            memory = memory.expand(len(places), -1, -1)
        edit = {name: lambda values, keep=keep: values * keep}
        batch = hidden.expand(len(places), -1, -1)
        changed = parts.run(batch, side.mask, memory, side.memory_mask, **edit).output
        turned.append(1 - _cosine(changed, run.output))
    distances = torch.stack([row for part in turned for row in part], dim=-1)  # [T, K]
    # What was not looked at changes nothing; rounding is kept out of those cells.
    distances = distances.clamp(min=0) * (half.weights[0] > 0).any(0)
    return (distances / distances.sum(-1, keepdim=True).clamp(min=1e-30)).float()


def _cosine(first: Tensor, second: Tensor) -> Tensor:
    """Cosine [J, T] of rows [.., T, C]; in double precision, since 1 minus it is what counts."""
    return torch.cosine_similarity(first.double(), second.double(), dim=-1)
