"""Beam search over many rows at once, with cached keys and values; one beam is the greedy answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bertgen.training.gpu.model import EOS, PAD, Pair, additive

LOOK_EVERY = 4  # steps between two looks whether all are done: a look waits for the device


@dataclass
class Cache:
    """Keys and values of self-attention [L, 2, R, H, T, D], those of the memory by layer, its mask."""

    own: Tensor
    memory: list[tuple[Tensor, Tensor]]
    mask: Tensor


def _step(pair: Pair, ids: Tensor, place: int, cache: Cache) -> Tensor:
    """Logits [R, V] after ids [R] at position `place`."""
    hidden = pair.embed(ids[:, None], "decoder", place)
    for number in range(pair.sizes.decoder_layers):
        prefix = f"decoder.{number}"
        parts = pair.linear(hidden, f"{prefix}.self.query_key_value").chunk(3, dim=-1)
        query, key, value = (pair.heads(part) for part in parts)
        own = cache.own[number]
        own[0, :, :, place : place + 1] = key
        own[1, :, :, place : place + 1] = value
        known = own[:, :, :, : place + 1]
        hidden = pair.attend(hidden, query, known[0], known[1], f"{prefix}.self")
        query = pair.heads(pair.linear(hidden, f"{prefix}.cross.query"))
        key, value = cache.memory[number]
        hidden = pair.attend(hidden, query, key, value, f"{prefix}.cross", attn_mask=cache.mask)
        hidden = pair.feed(hidden, prefix)
    return F.linear(hidden[:, 0], pair.weights["words"], pair.weights["head.bias"])


def _open(pair: Pair, source: Tensor, mask: Tensor, beams: int, longest: int) -> Cache:
    memory = pair.encode(source, mask)  # [B, S, C]
    layers, heads = pair.sizes.decoder_layers, pair.sizes.num_attention_heads
    rows, width = source.shape[0] * beams, pair.sizes.hidden_size // heads
    keys = [pair.memory_keys(memory, number) for number in range(layers)]
    if beams > 1:
        keys = [tuple(part.repeat_interleave(beams, 0) for part in parts) for parts in keys]
        mask = mask.repeat_interleave(beams, 0)
    own = memory.new_zeros(layers, 2, rows, heads, longest, width)
    return Cache(own, keys, additive(mask, memory.dtype))


def _continuations(logprobs: Tensor, done: Tensor, beams: int) -> tuple[Tensor, Tensor]:
    """The best log-probabilities and their ids [B, K, K]; a finished beam goes on with a pad, for free."""
    best, pieces = logprobs.topk(beams, dim=-1)
    best = best.masked_fill(done[..., None], float("-inf"))
    best[..., 0] = torch.where(done, 0.0, best[..., 0])
    pieces[..., 0] = torch.where(done, PAD, pieces[..., 0])
    return best, pieces


def _settle(totals: Tensor, lengths: Tensor, done: Tensor, length_penalty: float) -> tuple[Tensor, Tensor]:
    """(totals, done), all [B, K], with the open beams of settled rows given up.

    A row is settled once no open beam, at its present length, beats its best finished one.
    """
    scores = totals / lengths.clamp(min=1.0) ** length_penalty
    finished = scores.masked_fill(~done, float("-inf")).amax(1, keepdim=True)
    settled = finished >= scores.masked_fill(done, float("-inf")).amax(1, keepdim=True)
    return totals.masked_fill(settled & ~done, float("-inf")), done | settled


def _winners(
    answers: Tensor, totals: Tensor, lengths: Tensor, done: Tensor, length_penalty: float
) -> tuple[Tensor, Tensor]:
    """Ids [B, longest] and length [B] of the best finished beam of every row."""
    scores = (totals / lengths.clamp(min=1.0) ** length_penalty).masked_fill(~done, float("-inf"))
    winner = scores.argmax(1)
    each = torch.arange(len(winner), device=winner.device)
    found = (lengths[each, winner] - 1).clamp(min=0) * done[each, winner]
    return answers[each, winner], found.long()


@torch.no_grad()
def search(
    pair: Pair,
    source: Tensor,
    mask: Tensor,
    starts: Tensor,
    longest: int,
    beams: int = 1,
    length_penalty: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Answers [B, longest] without start and end token, padded, and their lengths [B].

    `source` [B, S] with its `mask`, `starts` [B] the first decoder ids. A finished beam stays among the
    beams with its total; at the end total / length ** `length_penalty` chooses. An answer that the limit cut
    off has length 0.
    """
    count, device = source.shape[0], source.device
    cache = _open(pair, source, mask, beams, longest)
    answers = torch.full((count, beams, longest), PAD, device=device)
    totals = torch.full((count, beams), float("-inf"), device=device)
    totals[:, 0] = 0.0
    done = torch.zeros(count, beams, dtype=torch.bool, device=device)
    lengths = torch.zeros(count, beams, device=device)
    ids = starts.repeat_interleave(beams)
    first_row = torch.arange(count, device=device)[:, None] * beams
    for place in range(longest):
        logprobs = F.log_softmax(_step(pair, ids, place, cache).float(), dim=-1).view(count, beams, -1)
        # 1) The best continuations of every beam.
        best, pieces = _continuations(logprobs, done, beams)
        # 2) The best of all of them.
        totals, chosen = (totals[..., None] + best).flatten(1).topk(beams, dim=-1)  # [B, K]
        parents = chosen // beams
        ids = pieces.flatten(1).gather(1, chosen)
        # 3) Everything follows its parent.
        done, lengths = done.gather(1, parents), lengths.gather(1, parents)
        if beams > 1:
            answers = answers.gather(1, parents[..., None].expand(-1, -1, longest))
            known = cache.own[:, :, :, :, : place + 1]
            known.copy_(known.index_select(2, (first_row + parents).flatten()))
        answers[:, :, place] = ids.masked_fill(ids == EOS, PAD)
        lengths += (~done).float()
        done = done | (ids == EOS)
        ids = ids.flatten()
        totals, done = _settle(totals, lengths, done, length_penalty)
        if place % LOOK_EVERY == LOOK_EVERY - 1 and bool(done.all()):
            break
    return _winners(answers, totals, lengths, done, length_penalty)
