"""All weights of a model in one flat tensor, with their float32 masters, moments and running average."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = (0.9, 0.98)
EPSILON = 1e-9
CLIP = 1.0


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the weights in their order; matrices come first, so that decay is one slice."""

    shapes: dict[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def decayed(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values() if len(shape) > 1)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The weights by name, as views of one flat tensor."""
        parts = flat.split([math.prod(shape) for shape in self.shapes.values()])
        return {
            name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


class FlatWeights:
    """What the optimiser moves; the model computes with the rounded copies in `leaves`.

    Everything of a step stays on the device, so that it can be recorded as one CUDA graph: learning rate,
    averaging weight and bias corrections are read from `control` [4].
    """

    def __init__(self, layout: Layout, first: Tensor, dtype: torch.dtype, weight_decay: float) -> None:
        """`first` float32 [N] are the first values, in the layout's order."""
        self.layout, self.weight_decay = layout, weight_decay
        self.master = first.clone()
        self.average = first.clone()
        self.moment, self.square = torch.zeros_like(first), torch.zeros_like(first)
        self.rounded = first.to(dtype, copy=True)
        self.gradient = torch.zeros_like(self.rounded)
        self.control = torch.zeros(4, device=first.device)
        self.norm = torch.zeros((), device=first.device)
        self.leaves = self._leaves()

    def _leaves(self) -> dict[str, Tensor]:
        """The rounded weights by name, each with a slice of `gradient` that autograd adds to."""
        gradients = self.layout.views(self.gradient)
        leaves = {}
        for name, view in self.layout.views(self.rounded).items():
            leaf = view.detach().requires_grad_()
            leaf.grad = gradients[name]
            leaves[name] = leaf
        return leaves

    def set_control(self, rate: float, averaged: float, step: int) -> None:
        """Learning rate, weight of the average's update, AdamW's corrections at step number `step` from 1."""
        values = [rate, averaged, 1 - BETAS[0] ** step, 1 - BETAS[1] ** step]
        host = torch.tensor(values)
        if self.control.is_cuda:
            host = host.pin_memory()
        self.control.copy_(host, non_blocking=True)

    @torch.no_grad()
    def step(self) -> None:
        """AdamW on what `gradient` holds; gradients that are not finite change nothing."""
        rate, averaged, first, second = self.control.unbind()
        gradient = self.gradient.float()
        norm = torch.linalg.vector_norm(gradient)
        self.norm.copy_(norm)
        finite = torch.isfinite(norm)
        scale = torch.where(finite, (CLIP / (norm + 1e-6)).clamp(max=1.0), torch.zeros_like(norm))
        gradient = torch.nan_to_num(gradient, 0.0, 0.0, 0.0).mul_(scale)
        self.moment.lerp_(gradient, 1 - BETAS[0])
        self.square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        change = (self.square / second).sqrt_().add_(EPSILON)
        change = (self.moment / first).div_(change).mul_(rate)
        self.master[: self.layout.decayed].mul_(1 - rate * self.weight_decay)
        self.master.sub_(change)
        self.rounded.copy_(self.master)
        self.average.lerp_(self.master, averaged)

    @torch.no_grad()
    def load(self, values: Tensor) -> None:
        """Compute with other values [N], and go on from them."""
        self.master.copy_(values)
        self.rounded.copy_(values)

    @torch.no_grad()
    def forget(self) -> None:
        """Empty moments, as at the first step."""
        self.moment.zero_()
        self.square.zero_()
