"""Model outputs: dataclasses with attribute, key and tuple access."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import torch
from torch.utils import _pytree as pytree


class ModelOutput(OrderedDict):
    """Base of the output dataclasses.

    Fields that are None stay readable as attributes but are absent from ``keys()`` and from the tuple,
    as in the reference: ``output[0]``, ``output["logits"]`` and ``output.logits`` all work.
    """

    def __init_subclass__(cls) -> None:
        # torch.export and torch.func take outputs apart and put them together again.
        pytree.register_pytree_node(
            cls, take_apart, partial(put_together, cls), flatten_with_keys_fn=take_apart_with_keys
        )

    def __post_init__(self) -> None:
        # The dataclass has set the attributes; what is not None becomes a key too.
        first, *others = fields(self)
        value = getattr(self, first.name)
        if value is not None:
            super().__setitem__(first.name, value)
            if isinstance(value, Iterable) and not isinstance(value, torch.Tensor):
                self._fill_from(first.name, value)
        for item in others:
            value = getattr(self, item.name)
            if value is not None:
                super().__setitem__(item.name, value)

    def _fill_from(self, first: str, given: Any) -> None:
        """A dict, or pairs (name, value), as the only field given stand for all the fields that they name."""
        if any(getattr(self, item.name) is not None for item in fields(self)[1:]):
            return
        pairs = list(given)
        if isinstance(given, dict):
            pairs = list(given.items())
        are_pairs = [
            isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
        ]
        if not are_pairs or not are_pairs[0]:
            return  # a plain value, such as a tuple of tensors
        if not all(are_pairs):
            raise ValueError(f"{type(self).__name__} of pairs needs (name, value) in every place")
        super().__delitem__(first)
        object.__setattr__(self, first, None)
        for name, value in pairs:
            object.__setattr__(self, name, value)
            if value is not None:
                super().__setitem__(name, value)

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


def take_apart(output: ModelOutput) -> tuple[list[Any], list[str]]:
    """(values, their keys): an output as a node of torch's trees."""
    return list(output.values()), list(output.keys())


def take_apart_with_keys(output: ModelOutput) -> tuple[list[tuple[Any, Any]], list[str]]:
    """The same with each value's place in the tree beside it."""
    return [(pytree.MappingKey(key), value) for key, value in output.items()], list(output.keys())


def put_together(kind: type[ModelOutput], values: Iterable[Any], keys: list[str]) -> ModelOutput:
    """The output of that kind again; further keys than its fields come back too."""
    return kind(list(zip(keys, values, strict=True)))


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
