"""What a search asks of whatever computes its steps: begin a run, feed tokens, follow the beams.

An engine knows layers; it knows no search and no text. Its weights are the model's own. What belongs to one
run (keys, values, how far it has come) lies in a ``State``, so that one engine can serve many runs at once.

Dimension letters: B sources, R rows (hypotheses of all sources, those of one source side by side), L layers,
H heads, T positions, S source positions, C width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from bertgen.layers.attention import HeadFactors
from bertgen.layers.cache import KVCache


@dataclass(frozen=True)
class Capture:
    """What a step hands out beside its logits."""

    attentions: bool = False
    hidden_states: bool = False


LOGITS_ONLY = Capture()


@dataclass(frozen=True)
class HeadSwitches:
    """A factor for every head, 1 = as it is, 0 = off: [L, H] by the name of the map ("cross", ...).

    What a head adds is scaled; the weights that an engine hands out are those before the scaling.
    """

    factors: dict[str, Tensor]

    def of_decoder(self) -> HeadFactors:
        """The decoder's two kinds, as its layers take them."""
        return HeadFactors(self.factors.get("decoder_self"), self.factors.get("cross"))

    def of_encoder(self) -> HeadFactors:
        """The encoder's only kind."""
        return HeadFactors(self.factors.get("encoder_self"))


@dataclass
class EngineOutput:
    """logits [R, V] of the next token.

    ``attentions`` holds, when captured, "decoder_self" and "cross": a layer each of [R, H, T, K], T the
    number of ids that were fed. ``hidden_states``: L + 1 of [R, T, C], when asked for.
    """

    logits: Tensor
    attentions: dict[str, Sequence[Tensor] | Tensor] = field(default_factory=dict)
    hidden_states: tuple[Tensor, ...] | None = None


class State(Protocol):
    """What one run keeps between its steps."""

    def past(self) -> KVCache | None:
        """Keys and values so far, in the form that a model's forward accepts; None without a cache."""


class Engine(Protocol):
    """One decoding step, at whatever speed."""

    def begin(
        self,
        memory: Tensor | None,
        memory_mask: Tensor | None,
        *,
        rows: int = 1,
        capture: Capture = LOGITS_ONLY,
        heads: HeadSwitches | None = None,
        prompt_mask: Tensor | None = None,
    ) -> State:
        """A new run over memory [B, S, C] and its mask [B, S], with ``rows`` hypotheses a source.

        Without cross-attention there is no memory, and ``prompt_mask`` [B, T] covers the prompt. ``heads``
        holds for the whole run.
        """

    def step(self, state: State, ids: Tensor) -> EngineOutput:
        """Feeds ids [R, T], which follow what was fed before."""

    def reorder(self, state: State, rows: Tensor) -> None:
        """Row i goes on with what was row rows[i]; beams stay with their source."""
