"""The activation functions that ``hidden_act`` names."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bertgen.configs.reference import ConfigChoiceError, ConfigTypeError

# Of a tensor, entry for entry.
Activation = Callable[[Tensor], Tensor]


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _laplace(x: Tensor) -> Tensor:
    """Ma et al. 2022, https://arxiv.org/abs/2209.10655"""
    return 0.5 * (1.0 + torch.erf((x - 0.707107) / (0.282095 * math.sqrt(2.0))))


# Every name that the reference knows; several are one function.
ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_10": lambda x: F.gelu(x).clamp(-10, 10),
    "gelu_accurate": _gelu_tanh,
    "gelu_fast": _gelu_tanh,
    "gelu_new": _gelu_tanh,
    "gelu_python": F.gelu,
    "gelu_pytorch_tanh": _gelu_tanh,
    "laplace": _laplace,
    "leaky_relu": F.leaky_relu,
    "linear": lambda x: x,
    "mish": F.mish,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": torch.tanh,
}


def activation(hidden_act: str | Activation, name: str = "hidden_act") -> Activation:
    """The activation of that name, or the function itself that was given; ``name`` is the config's field.

    Raises ``KeyError`` with the choices when the name is unknown, ``TypeError`` when it is neither.
    """
    if isinstance(hidden_act, str):
        if hidden_act not in ACTIVATIONS:
            raise ConfigChoiceError(
                "config.activation", name=name, got=repr(hidden_act), choices=", ".join(sorted(ACTIVATIONS))
            )
        return ACTIVATIONS[hidden_act]
    if not callable(hidden_act):
        raise ConfigTypeError("config.activation_type", name=name, got=repr(hidden_act))
    return hidden_act
