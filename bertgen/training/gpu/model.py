"""BertGeneration's encoder-decoder in a lean form: fused projections, fused attention, a loss without scores.

It computes what `bertgen`'s own classes compute (a test compares the losses), from a dict of weights whose
names `names.py` turns into theirs. Letters: B batch, S source, T target, H heads, D head width, C model
width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from bertgen.training.gpu.plan import Sizes
from bertgen.training.gpu.weights import Layout

PAD, EOS, BOS, OTHER_START = 0, 1, 2, 4  # the last starts the reverse direction of a model with both
NORM_EPSILON = 1e-12
SPREAD = 0.02  # of the first values, as in BertGenerationConfig
Weights = dict[str, Tensor]


def _attention_shapes(prefix: str, width: int, crossed: bool) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{prefix}.out.weight": (width, width)}
    names = {"query": 1, "key_value": 2} if crossed else {"query_key_value": 3}
    for name, count in names.items():
        shapes[f"{prefix}.{name}.weight"] = (count * width, width)
        shapes[f"{prefix}.{name}.bias"] = (count * width,)
    shapes[f"{prefix}.out.bias"] = (width,)
    return shapes | _norm_shapes(prefix, width)


def _norm_shapes(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.norm.weight": (width,), f"{prefix}.norm.bias": (width,)}


def layout(sizes: Sizes, vocabulary: int) -> Layout:
    """All weights of a pair whose three word tables are one."""
    width, inner = sizes.hidden_size, sizes.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {"words": (vocabulary, width), "head.bias": (vocabulary,)}
    for side, layers in (("encoder", sizes.encoder_layers), ("decoder", sizes.decoder_layers)):
        shapes[f"{side}.positions"] = (sizes.max_position_embeddings, width)
        shapes |= _norm_shapes(f"{side}.embeddings", width)
        for number in range(layers):
            prefix = f"{side}.{number}"
            shapes |= _attention_shapes(f"{prefix}.self", width, crossed=False)
            if side == "decoder":
                shapes |= _attention_shapes(f"{prefix}.cross", width, crossed=True)
            shapes[f"{prefix}.inner.weight"] = (inner, width)
            shapes[f"{prefix}.inner.bias"] = (inner,)
            shapes[f"{prefix}.outer.weight"] = (width, inner)
            shapes[f"{prefix}.outer.bias"] = (width,)
            shapes |= _norm_shapes(f"{prefix}.outer", width)
    ordered = sorted(shapes.items(), key=lambda item: len(item[1]) == 1)  # stable: matrices first
    return Layout(dict(ordered))


def first_values(found: Layout, seed: int, device: torch.device) -> Tensor:
    """Float32 [N]: normal matrices, zero biases, norms of weight one."""
    generator = torch.Generator().manual_seed(seed)
    flat = torch.zeros(found.size)
    for name, view in found.views(flat).items():
        if view.ndim > 1:
            view.normal_(0.0, SPREAD, generator=generator)
        elif name.endswith("norm.weight"):
            view.fill_(1.0)
    return flat.to(device)


@dataclass(frozen=True)
class Batch:
    """Ids of the source [B, S], of the decoder's input and labels [B, T]; True in a mask is real."""

    source: Tensor
    source_mask: Tensor
    inputs: Tensor
    labels: Tensor
    label_mask: Tensor


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to scores [B, H, T, K] where `mask` [B, K] is False: the finite minimum."""
    open_keys = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return open_keys.masked_fill(~mask, torch.finfo(dtype).min)[:, None, None, :]


class Pair:
    """One pair's arithmetic over a dict of weights; the weights may be any float type."""

    def __init__(self, sizes: Sizes, weights: Weights, dropout: float = 0.0) -> None:
        self.sizes, self.weights, self.dropout = sizes, weights, dropout

    def heads(self, x: Tensor) -> Tensor:
        """[B, T, C] -> [B, H, T, D]."""
        return x.unflatten(-1, (self.sizes.num_attention_heads, -1)).transpose(1, 2)

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.weights[f"{name}.norm.weight"], self.weights[f"{name}.norm.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, NORM_EPSILON)

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.dropout else x

    def close(self, x: Tensor, residual: Tensor, linear: str, norm: str) -> Tensor:
        """Dense, dropout, residual, norm."""
        return self.norm(self.drop(self.linear(x, linear)) + residual, norm)

    def attend(
        self, hidden: Tensor, query: Tensor, key: Tensor, value: Tensor, prefix: str, **mask
    ) -> Tensor:
        context = F.scaled_dot_product_attention(query, key, value, **mask)  # [B, H, T, D]
        return self.close(context.transpose(1, 2).flatten(2), hidden, f"{prefix}.out", prefix)

    def feed(self, hidden: Tensor, prefix: str) -> Tensor:
        inner = F.gelu(self.linear(hidden, f"{prefix}.inner"))
        return self.close(inner, hidden, f"{prefix}.outer", f"{prefix}.outer")

    def embed(self, ids: Tensor, side: str, first: int = 0) -> Tensor:
        words = F.embedding(ids, self.weights["words"], padding_idx=PAD)
        positions = self.weights[f"{side}.positions"][first : first + ids.shape[1]]
        return self.drop(self.norm(words + positions, f"{side}.embeddings"))

    def encode(self, source: Tensor, mask: Tensor) -> Tensor:
        """Source ids [B, S] and their mask (True: real) -> states [B, S, C]."""
        hidden = self.embed(source, "encoder")
        keys = additive(mask, hidden.dtype)
        for number in range(self.sizes.encoder_layers):
            prefix = f"encoder.{number}"
            parts = self.linear(hidden, f"{prefix}.self.query_key_value").chunk(3, dim=-1)
            query, key, value = (self.heads(part) for part in parts)
            hidden = self.attend(hidden, query, key, value, f"{prefix}.self", attn_mask=keys)
            hidden = self.feed(hidden, prefix)
        return hidden

    def decode(self, inputs: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Decoder inputs [B, T] after memory [B, S, C] -> states [B, T, C]."""
        hidden = self.embed(inputs, "decoder")
        keys = additive(mask, hidden.dtype)
        for number in range(self.sizes.decoder_layers):
            prefix = f"decoder.{number}"
            parts = self.linear(hidden, f"{prefix}.self.query_key_value").chunk(3, dim=-1)
            query, key, value = (self.heads(part) for part in parts)
            # Pads stand behind the text, so the causal mask alone keeps them from every real position.
            hidden = self.attend(hidden, query, key, value, f"{prefix}.self", is_causal=True)
            query = self.heads(self.linear(hidden, f"{prefix}.cross.query"))
            key, value = self.memory_keys(memory, number)
            hidden = self.attend(hidden, query, key, value, f"{prefix}.cross", attn_mask=keys)
            hidden = self.feed(hidden, prefix)
        return hidden

    def memory_keys(self, memory: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, S, D] of one layer's cross-attention."""
        parts = self.linear(memory, f"decoder.{number}.cross.key_value").chunk(2, dim=-1)
        return self.heads(parts[0]), self.heads(parts[1])

    def loss(self, batch: Batch, smoothing: float) -> Tensor:
        """Mean label-smoothed loss in nats a target token, float32."""
        memory = self.encode(batch.source, batch.source_mask)
        hidden = self.decode(batch.inputs, memory, batch.source_mask)
        rows = hidden.flatten(0, 1)
        head = (self.weights["words"], self.weights["head.bias"])
        return LinearCrossEntropy.apply(
            rows, *head, batch.labels.flatten(), batch.label_mask.flatten(), smoothing
        )


class LinearCrossEntropy(torch.autograd.Function):
    """The head's projection and its smoothed loss, a block of rows at a time; gradients are made on the way.

    As `bertgen.training.fused_loss`, but positions are masked, not picked: every shape is known beforehand.
    """

    ROWS = 8192

    @staticmethod
    def forward(
        ctx, hidden: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, mask: Tensor, smoothing: float
    ):
        vocabulary = weight.shape[0]
        real = mask.float()
        part = real / real.sum().clamp(min=1.0)  # [N], what a row counts
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        grad_bias = torch.zeros(vocabulary, dtype=torch.float32, device=weight.device)
        for start in range(0, hidden.shape[0], LinearCrossEntropy.ROWS):
            block = slice(start, start + LinearCrossEntropy.ROWS)
            rows, target, counts = hidden[block], labels[block, None], part[block, None]
            logprobs = torch.log_softmax(F.linear(rows, weight, bias), dim=-1, dtype=torch.float32)  # [n, V]
            likelihood = (1 - smoothing) * logprobs.gather(1, target)
            total -= ((likelihood + smoothing / vocabulary * logprobs.sum(1, keepdim=True)) * counts).sum()
            grad = logprobs.exp_().sub_(smoothing / vocabulary)  # softmax minus the smoothed target
            grad.scatter_add_(1, target, torch.full_like(counts, smoothing - 1))
            grad = grad.mul_(counts)
            grad_bias += grad.sum(0)
            grad = grad.to(hidden.dtype)
            grad_hidden[block] = grad @ weight
            grad_weight += grad.t() @ rows
        ctx.save_for_backward(grad_hidden, grad_weight.to(weight.dtype), grad_bias.to(bias.dtype))
        return total

    @staticmethod
    def backward(ctx, grad_loss: Tensor):
        scale = grad_loss.to(ctx.saved_tensors[0].dtype)
        return (*(gradient * scale for gradient in ctx.saved_tensors), None, None, None)
