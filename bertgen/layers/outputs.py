"""Model outputs: dataclasses with attribute, key and tuple access."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

import torch


class ModelOutput(OrderedDict):
    """Base of the output dataclasses.

    Fields that are None stay readable as attributes but are absent from ``keys()`` and from the tuple,
    as in the reference: ``output[0]``, ``output["logits"]`` and ``output.logits`` all work.
    """

    def __post_init__(self) -> None:
        # The dataclass has set the attributes; what is not None becomes a key too.
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None:
                super().__setitem__(item.name, value)

    def __getitem__(self, key: str | int | slice) -> Any:
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.to_tuple()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        object.__setattr__(self, key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        # A key's value and its attribute stay one thing.
        if name in self.keys() and value is not None:
            super().__setitem__(name, value)
        object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def _refuse(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"a {type(self).__name__} keeps its fields; make a new one to change them")

    # What would change the keys behind the attributes' back.
    __delitem__ = pop = setdefault = update = _refuse

    def to_tuple(self) -> tuple:
        """The fields that are not None, in order."""
        return tuple(self[key] for key in self.keys())


def _output(cls: type) -> type:
    # No comparison and no repr of the dataclass: those of the dict hold.
    return dataclass(eq=False, repr=False)(cls)


Tensors = tuple[torch.Tensor, ...]

# -- of one forward: B batch, T queries, K keys, H heads, C width, V vocabulary, L layers --------


@_output
class BaseModelOutput(ModelOutput):
    last_hidden_state: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


def as_output(encoder_outputs: Any) -> ModelOutput:
    """An encoder's output as it is; a tuple (states, hidden states, attentions) as one."""
    if isinstance(encoder_outputs, list | tuple):
        encoder_outputs = BaseModelOutput(*encoder_outputs)
    states = getattr(encoder_outputs, "last_hidden_state", None)
    if not isinstance(states, torch.Tensor) or states.dim() != 3:
        found = type(encoder_outputs).__name__
        if states is not None:
            found = f"states of {tuple(states.shape)}"
        raise ValueError(
            "encoder_outputs must be what the encoder returns, or a tuple that begins with its states "
            f"[batch, source, width]; got {found}"
        )
    return encoder_outputs


@_output
class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    """last_hidden_state [B, T, C]; hidden_states L+1 of the same; attentions L of [B, H, T, K]."""

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Any = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@_output
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """As above; pooler_output [B, C] is a projection of the first token's state."""

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    hidden_states: Tensors | None = None
    past_key_values: Any = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@_output
class CausalLMOutputWithCrossAttentions(ModelOutput):
    """loss scalar; logits [B, T, V]; the rest as in the encoder's output."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Any = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@_output
class Seq2SeqLMOutput(ModelOutput):
    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Any = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: torch.Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


# -- of generate ---------------------------------------------------------------------------------


@_output
class GenerateEncoderDecoderOutput(ModelOutput):
    """Greedy and sampling. sequences [B, T]; scores: one [B, V] a step; decoder attentions: a tuple a step
    of a tuple a layer of [B, H, 1, K]."""

    sequences: torch.Tensor | None = None
    scores: Tensors | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: tuple[Tensors, ...] | None = None
    cross_attentions: tuple[Tensors, ...] | None = None
    decoder_hidden_states: tuple[Tensors, ...] | None = None
    past_key_values: Any = None


@_output
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """Beam search. As above with B * num_beams rows a step; beam_indices [B * returned, T], -1 padded."""

    sequences: torch.Tensor | None = None
    sequences_scores: torch.Tensor | None = None
    scores: Tensors | None = None
    beam_indices: torch.Tensor | None = None
    encoder_attentions: Tensors | None = None
    encoder_hidden_states: Tensors | None = None
    decoder_attentions: tuple[Tensors, ...] | None = None
    cross_attentions: tuple[Tensors, ...] | None = None
    decoder_hidden_states: tuple[Tensors, ...] | None = None
    past_key_values: Any = None


@_output
class GenerateDecoderOnlyOutput(ModelOutput):
    sequences: torch.Tensor | None = None
    scores: Tensors | None = None
    attentions: tuple[Tensors, ...] | None = None
    hidden_states: tuple[Tensors, ...] | None = None
    past_key_values: Any = None


@_output
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    sequences: torch.Tensor | None = None
    sequences_scores: torch.Tensor | None = None
    scores: Tensors | None = None
    beam_indices: torch.Tensor | None = None
    attentions: tuple[Tensors, ...] | None = None
    hidden_states: tuple[Tensors, ...] | None = None
    past_key_values: Any = None
