"""Float32 master weights of a model that computes in a smaller type, their optimiser and running average."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bertgen.training.recipe.tables import Optimisation

# Steps between two updates of the running average: it moves slowly, each costs a pass over it.
AVERAGE_EVERY = 8


class MasterWeights:
    """What the optimiser moves; the model's own parameters are rounded copies, renewed after each step.

    Small updates vanish in bfloat16 (8 bits of mantissa), so they are added up in float32. Parameters that
    modules share (tied embeddings) appear once, under their first name.
    """

    def __init__(self, model: nn.Module, settings: Optimisation, dtype: torch.dtype) -> None:
        """Take the float32 `model` over: its parameters become copies in `dtype`."""
        # 1) The weights by name, and what follows them: float32 copies, running averages, gradients.
        named = dict(model.named_parameters())
        self.settings = settings
        self.names = list(named)
        self.parameters = list(named.values())
        self.masters = [parameter.detach().float().clone() for parameter in self.parameters]
        model.to(dtype)
        self.averages = [master.clone() for master in self.masters]
        self.gradients = [torch.zeros_like(master) for master in self.masters]
        self._collected = False
        # 2) The optimiser. Biases and LayerNorm, which have one dimension, are never decayed.
        decayed = [master for master in self.masters if master.ndim > 1]
        plain = [master for master in self.masters if master.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=settings.betas,
            eps=1e-9,
            fused=True,
        )
        # 3) The optimiser reads the gathered gradients, not those of a single batch.
        for master, gradient in zip(self.masters, self.gradients, strict=True):
            master.grad = gradient

    @torch.no_grad()
    def collect(self) -> None:
        """Take the gradients lying on the model, in float32, on top of those since the last step.

        Parameters that the loss never touched count as zero gradients.
        """
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        found = [parameter.grad for parameter in self.parameters]
        # The first batch of a step writes over the last step's gradients, which saves a pass to zero them.
        if self._collected:
            torch._foreach_add_(self.gradients, [gradient.float() for gradient in found])
        else:
            torch._foreach_copy_(self.gradients, found)
        self._collected = True
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float, number: int) -> Tensor:
        """Apply the collected gradients at learning rate `rate`; returns their norm before clipping.

        `number` is the step's number from 0.
        """
        # 1) Clip; a clip_norm of 0 clips nothing.
        self._collected = False
        longest = self.settings.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.masters, longest, foreach=True)
        # 2) Move the float32 weights, and round them into the model.
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        torch._foreach_copy_(self.parameters, self.masters)
        # 3) The average follows.
        if (number + 1) % AVERAGE_EVERY == 0:
            # The average starts short and lengthens, so that the random start is forgotten soon.
            decay = min(
                self.settings.average_decay**AVERAGE_EVERY, (number + 1) / (number + 1 + 10 * AVERAGE_EVERY)
            )
            torch._foreach_lerp_(self.averages, self.masters, 1 - decay)
        return norm

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Everything by parameter name: masters, running averages and AdamW's two moments."""
        state = {
            "masters": dict(zip(self.names, self.masters, strict=True)),
            "averages": dict(zip(self.names, self.averages, strict=True)),
        }
        for moment in ("exp_avg", "exp_avg_sq"):
            state[moment] = {
                name: self.optimizer.state[master][moment]
                for name, master in zip(self.names, self.masters, strict=True)
                if master in self.optimizer.state
            }
        return state

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, dict[str, Tensor]], steps: int) -> None:
        """Take over a saved state after `steps` steps. Other names or shapes than the model's raise."""
        if set(state["masters"]) != set(self.names):
            different = sorted(set(state["masters"]) ^ set(self.names))
            raise ValueError(
                f"the saved run has other parameters than the recipe's model, e.g. {different[0]}"
            )
        for name, parameter, master, average in zip(
            self.names, self.parameters, self.masters, self.averages, strict=True
        ):
            master.copy_(state["masters"][name])
            average.copy_(state["averages"][name])
            parameter.copy_(master)
            if name in state["exp_avg"]:
                self.optimizer.state[master] = {
                    "step": torch.tensor(float(steps), device=master.device),
                    "exp_avg": state["exp_avg"][name].to(master.device).clone(),
                    "exp_avg_sq": state["exp_avg_sq"][name].to(master.device).clone(),
                }

    def copy_to(self, model: nn.Module, averaged: bool) -> None:
        """Write the masters, or their running averages, into another model of the same build."""
        tensors = self.masters
        if averaged:
            tensors = self.averages
        fill(model, dict(zip(self.names, tensors, strict=True)))


@torch.no_grad()
def fill(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Write a run's weights by name into a model; ValueError where the model has others."""
    named = dict(model.named_parameters())
    if named.keys() != values.keys():
        name = min(named.keys() ^ values.keys())
        who = "recipe's model has no place"
        if name in named:
            who = "run has no weights"
        raise ValueError(f"the {who} for {name}; was it started with another recipe?")
    for name, parameter in named.items():
        parameter.copy_(values[name])
