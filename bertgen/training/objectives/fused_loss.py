"""Linear layer and label-smoothed cross-entropy in one, a block of rows at a time."""

from __future__ import annotations

import torch
from torch import Tensor

# Rows a block: their [512, V] scores stay in the processor's cache.
ROWS = 512


class _LinearCrossEntropy(torch.autograd.Function):
    """Mean smoothed loss over rows; gradients are made in the forward pass, so no [N, V] tensor is kept."""

    @staticmethod
    def forward(
        ctx, hidden: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float
    ) -> Tensor:
        count, vocabulary = hidden.shape[0], weight.shape[0]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden)  # [N, C]
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)  # [V, C]
        grad_bias = torch.zeros(vocabulary, dtype=torch.float32, device=weight.device)
        for start in range(0, count, ROWS):
            # 1) The block's log-probabilities.
            rows = hidden[start : start + ROWS]  # [n, C]
            target = labels[start : start + ROWS, None]  # [n, 1]
            scores = torch.addmm(bias, rows, weight.t())  # [n, V]
            logprobs = torch.log_softmax(scores, dim=-1, dtype=torch.float32)
            # 2) Its part of the loss: the true label's share, and the rest spread over the vocabulary.
            likelihood = logprobs.gather(1, target).sum()
            total -= (1 - smoothing) * likelihood + smoothing / vocabulary * logprobs.sum()
            # 3) The gradient of its scores: softmax minus the smoothed target, in place.
            grad = logprobs.exp_().sub_(smoothing / vocabulary)  # [n, V]
            grad.scatter_add_(1, target, torch.full_like(target, smoothing - 1, dtype=grad.dtype))
            # 4) Back through the linear layer.
            grad_bias += grad.sum(0)
            grad = grad.to(hidden.dtype)
            torch.mm(grad, weight, out=grad_hidden[start : start + ROWS])
            grad_weight += grad.t() @ rows
        scale = 1.0 / count
        ctx.save_for_backward(
            grad_hidden.mul_(scale),
            grad_weight.mul_(scale).to(weight.dtype),
            grad_bias.mul_(scale).to(bias.dtype),
        )
        return total * scale

    @staticmethod
    def backward(ctx, grad_loss: Tensor):
        return (*(gradient * grad_loss for gradient in ctx.saved_tensors), None, None)


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float = 0.0, ignored: int = -100
) -> Tensor:
    """`F.cross_entropy(F.linear(hidden, weight, bias), labels, label_smoothing=smoothing)` in blocks of rows.

    `hidden` [..., C], `labels` [...], those equal to `ignored` are skipped; returns the mean in nats as a
    float32 scalar. Equal to the plain form within rounding, several times faster on a CPU and without its
    [N, V] tensors. A batch of nothing but `ignored` is a ValueError.
    """
    flat = labels.reshape(-1)
    labelled = (flat != ignored).nonzero().squeeze(1)  # [N]
    if not len(labelled):
        raise ValueError(
            f"every label is {ignored}: there is nothing to learn from; give at least one real label"
        )
    rows = hidden.reshape(-1, hidden.shape[-1])
    return _LinearCrossEntropy.apply(rows.index_select(0, labelled), weight, bias, flat[labelled], smoothing)
