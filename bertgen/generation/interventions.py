"""What a run is made without, or made to begin with: heads scaled, source pieces masked, a given prefix.

    Interventions(heads={("cross", 2, 3): 0.0}, source_mask=[4, 5])

An intervention belongs to one run and touches no weight, so a model can serve others at the same time.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from bertgen.errors import Trouble
from bertgen.generation.engines.base import HeadSwitches
from bertgen.generation.request import Request, check_ids

Head = tuple[str, int, int]  # kind, layer, head; both from 0
KINDS = ("cross", "decoder_self", "encoder_self")


@dataclass(frozen=True)
class Interventions:
    """Heads to scale, and source pieces that nobody may look at.

    ``heads`` gives a factor by (kind, layer, head), counted from 0: 0.0 switches the head off, as if its
    slice of the output projection were 0; 1.0 changes nothing. Kinds are "cross", "decoder_self" and
    "encoder_self". ``source_mask`` lists places in the source whose attention mask is 0, in the encoder and
    in cross-attention; positions stay. Raises ``Trouble`` on what is wrong whatever the model: an unknown
    kind, a factor that is no finite number, a place below 0. What a model has not is refused when it runs.
    """

    heads: Mapping[Head, float] = field(default_factory=dict)
    source_mask: Sequence[int] = ()

    def __post_init__(self) -> None:
        # Copies, so that nothing changes under a run; numpy's numbers become Python's.
        if not isinstance(self.heads, Mapping):
            raise Trouble("interventions.heads", got=repr(self.heads))
        heads = dict(_checked_factor(key, factor) for key, factor in self.heads.items())
        object.__setattr__(self, "heads", heads)
        places = _integers("source_mask", self.source_mask)
        object.__setattr__(self, "source_mask", tuple(sorted(set(places))))
        if places and min(places) < 0:
            raise Trouble("interventions.negative_place", place=min(places))


def _checked_factor(key: Any, factor: Any) -> tuple[Head, float]:
    """One entry of ``heads``, its kind and its number looked at."""
    if not isinstance(key, tuple) or len(key) != 3:
        raise Trouble("interventions.key", got=repr(key))
    kind, *numbers = key
    if kind not in KINDS:
        raise Trouble("interventions.kind", kind=repr(kind), known=", ".join(KINDS))
    if not isinstance(factor, Real) or not math.isfinite(factor):
        raise Trouble("interventions.factor", of=repr(key), got=repr(factor))
    layer, head = _integers("a key of heads", numbers)
    return (kind, layer, head), float(factor)


def _integers(name: str, values: Any) -> list[int]:
    """The values as Python integers; numpy's and a tensor's are integers too."""
    try:
        return [operator.index(value) for value in values]
    except TypeError:
        raise Trouble("interventions.integers", name=name, got=repr(values)) from None


def intervene(
    model: Any, request: Request, interventions: Interventions | None, prefix: Sequence[int] | None
) -> Request:
    """The request of one text with its interventions and its prefix, checked against the model."""
    if prefix is not None:
        request = replace(request, prefix=_checked_prefix(model, request, prefix))
    if interventions is None:
        return request
    if not isinstance(interventions, Interventions):
        raise Trouble("interventions.type", got=type(interventions).__name__)
    # 1) Heads: the encoder's go where its head mask would, the decoder's with the run.
    if interventions.heads:
        switches = HeadSwitches(_tables(model, interventions.heads))
        if "encoder_self" in switches.factors:
            inputs = {**request.encoder_inputs, "head_mask": switches.of_encoder()}
            request = replace(request, encoder_inputs=inputs)
        of_decoder = {name: table for name, table in switches.factors.items() if name != "encoder_self"}
        if of_decoder:
            request = replace(request, heads=HeadSwitches(of_decoder))
    # 2) The source.
    if interventions.source_mask:
        request = replace(request, source_mask=_masked(request, interventions.source_mask))
    return request


def _tables(model: Any, heads: Mapping[Head, float]) -> dict[str, Tensor]:
    """[L, H] of factors for every kind that is named, 1 where none was given."""
    # 1) Which kinds the model has, and whose layers they are.
    configs = {"decoder_self": model.config}
    if model.config.is_encoder_decoder:
        sides = model.config
        configs = {"cross": sides.decoder, "decoder_self": sides.decoder, "encoder_self": sides.encoder}
    # 2) The factors, each in its place.
    tables: dict[str, Tensor] = {}
    for (kind, layer, head), factor in heads.items():
        if kind not in configs:
            raise Trouble("interventions.no_such_kind", kind=kind, known=", ".join(configs))
        config = configs[kind]
        if not 0 <= layer < config.num_hidden_layers:
            raise Trouble("interventions.layer", kind=kind, layer=layer, last=config.num_hidden_layers - 1)
        # Where heads were pruned the others have moved up.
        count = config.num_attention_heads
        if kind != "cross":
            count -= len(config.pruned_heads.get(layer, ()))
        if not 0 <= head < count:
            raise Trouble("interventions.head", kind=kind, layer=layer, head=head, last=count - 1)
        if kind not in tables:
            shape = config.num_hidden_layers, config.num_attention_heads
            tables[kind] = torch.ones(shape, device=model.device)
        tables[kind][layer, head] = factor
    return tables


def _masked(request: Request, places: Sequence[int]) -> Tensor:
    """The source's mask [1, S] without some places; at least one stays."""
    if request.source_mask is None:
        raise Trouble("interventions.no_source")
    mask = request.source_mask.clone()
    if places[-1] >= mask.shape[1]:
        raise Trouble("interventions.place", place=places[-1], last=mask.shape[1] - 1)
    mask[:, list(places)] = 0
    if not bool(mask.any()):
        raise Trouble("interventions.all_masked")
    return mask


def _checked_prefix(model: Any, request: Request, prefix: Sequence[int]) -> tuple[int, ...]:
    """The prefix as integers: ids of the decoder, no more than there is room for, ended only at its end."""
    ids = _integers("prefix", prefix)
    if not ids:
        return ()
    decoder = model
    if model.config.is_encoder_decoder:
        decoder = model.decoder
    check_ids(torch.tensor([ids]), decoder, "prefix")
    room = request.max_length - request.prompt.shape[1]
    if len(ids) > room:
        raise Trouble("interventions.long_prefix", given=len(ids), room=room)
    for place, token in enumerate(ids[:-1]):
        if token in request.eos:
            raise Trouble("interventions.ended_prefix", id=token, place=place)
    return tuple(ids)
