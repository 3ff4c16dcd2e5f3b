"""Measures of gradients: how the log-probability of each written token moves with what was read.

One backward pass a token, since each token has a log-probability of its own. Dimension letters: L layers,
H heads, S source, T target, N what the decoder reads, C width, G steps of an integral.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bertgen.attribution.forced import ForcedPass, Maps, Reading

STEPS = 50  # of the integral


def grad_x_attention(reading: Reading) -> Maps:
    """max(0, dy/dA * A) [L, H, T, K]: y is the log-probability of the row's own token.

    An encoder's row predicts nothing: there y is the log-probability of the whole output.
    """
    with torch.enable_grad():
        words = reading.read_words().detach().requires_grad_()
        source = None
        if reading.joint:
            source = reading.source_words().detach().requires_grad_()
        clean = reading.run(source, words)
        reading.check(clean.logprobs[0])
        weights = {
            kind: [run.weights for _, run in clean.side(kind).halves(kind)] for kind in reading.kinds()
        }
        maps = {}
        for kind, layers in weights.items():
            slopes = [torch.zeros_like(layer) for layer in layers]
            if kind == "encoder_self":
                slopes = _slopes(clean.logprobs, layers)
            else:
                for row, found in zip(_rows(reading), _token_slopes(reading, clean, layers), strict=True):
                    for layer, slope in zip(slopes, found, strict=True):
                        layer[:, :, row] = slope[:, :, row]
            products = [(slope * layer).clamp(min=0)[0] for slope, layer in zip(slopes, layers, strict=True)]
            maps[kind] = reading.as_map(kind, torch.stack(products), "grad_x_attention")
    return maps


def input_x_gradient(reading: Reading) -> Maps:
    """x_j . dy/dx_j [1, 1, T, K], signed: x_j the word embedding of a source piece or of the prefix."""
    reading.clean_run()
    return _signed_maps(reading, np.ones(1), np.ones(1), "input_x_gradient")


def integrated_gradients(reading: Reading) -> Maps:
    """x_j . the mean of dy/dx_j on the way from zero embeddings [1, 1, T, K], signed; Gauss-Legendre nodes.

    Source and prefix go the way together, so that a row's cells, both maps summed, are the log-probability
    minus that of the zero embeddings.
    """
    reading.clean_run()
    nodes, shares = np.polynomial.legendre.leggauss(STEPS)
    return _signed_maps(reading, (nodes + 1) / 2, shares / 2, "integrated_gradients")


def _signed_maps(reading: Reading, places: np.ndarray, shares: np.ndarray, name: str) -> Maps:
    """x_j . sum over G places of their share of dy/dx_j at place * x, as maps."""
    # 1) the gradients of every token, some places at a time: a batch holds a whole pass each
    inputs = [reading.read_words().detach()]
    if reading.joint:
        inputs.append(reading.source_words().detach())
    totals = [x.new_zeros(len(reading.target), *x.shape[1:], dtype=torch.float32) for x in inputs]
    step = max(1, 4096 // sum(x.shape[1] for x in inputs))
    for start in range(0, len(places), step):
        at = torch.tensor(places[start : start + step], device=inputs[0].device, dtype=inputs[0].dtype)
        share = torch.tensor(shares[start : start + step], device=at.device, dtype=torch.float32)
        with torch.enable_grad():
            batch = [(at[:, None, None] * x).requires_grad_() for x in inputs]  # [G, N, C], [G, S, C]
            found = reading.run(read_words=batch[0], source_words=(batch[1:] or [None])[0])
            for token, slopes in enumerate(_token_slopes(reading, found, batch)):
                for total, slope in zip(totals, slopes, strict=True):
                    total[token] += torch.einsum("g,gnc->nc", share, slope.float())
    # 2) the maps; the decoder's rows are those of its written tokens already
    maps = {}
    for kind, x, total in zip(("decoder_self", "cross"), inputs, totals, strict=False):
        if kind in reading.kinds():
            products = (x.float() * total).sum(-1)  # [T, K]
            maps[kind] = reading.as_map(kind, products[None, None], name)
    return maps


def _rows(reading: Reading) -> range:
    """The decoder's rows that predicted the written tokens."""
    return range(reading.rows.start, reading.rows.stop)


def _token_slopes(reading: Reading, found: ForcedPass, inputs: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """For each written token: d its log-probability / d each input, summed over the batch."""
    # A token's log-probability hangs on its own row of the states alone: one backward pass through the
    # head, which is as wide as the vocabulary, serves all tokens.
    states = found.decoder.states
    outer = _slopes(found.logprobs, [states])[0]  # [B, N, C]
    for row in _rows(reading):
        alone = torch.zeros_like(outer)
        alone[:, row] = outer[:, row]
        yield _slopes(states, inputs, alone)


def _slopes(value: Tensor, inputs: Sequence[Tensor], outer: Tensor | None = None) -> list[Tensor]:
    """d value / d each input, value summed or weighed by ``outer``; zeros where nothing depends."""
    if outer is None:
        outer = torch.ones_like(value)
    found = torch.autograd.grad(value, list(inputs), outer, retain_graph=True, allow_unused=True)
    pairs = zip(inputs, found, strict=True)
    return [torch.zeros_like(x) if slope is None else slope for x, slope in pairs]
