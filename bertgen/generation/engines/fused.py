"""The fused engine: one token a row a step, in a fraction of the dispatches that calling the modules costs.

Equal to the plain engine within float rounding (a test holds them together). What makes it fast: keys and
values are computed straight into the place where they stay, cross-attention's are computed once a source and
shared by its beams, softmax writes into the rows that are handed out, and no module is called.

It is made anew for every run, which takes about as long as finding out whether an older one still fits, and
it reads the model's own parameters, or copies that are compared with them value by value (``transposed``,
below): nothing can become stale, however the weights were written. Where calling the modules would do more
than their weights say, the plain engine is taken (``choose.fused_serves``).
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from bertgen.generation.engines.base import LOGITS_ONLY, Capture, EngineOutput, HeadSwitches
from bertgen.layers.attention import additive_mask
from bertgen.layers.blocks import SequenceTooLongError
from bertgen.layers.cache import KVCache

# For how many rows a product is faster on a transposed copy, by name. The vocabulary's table always is, the
# wide half of the feed-forward for one row, every matrix for some rows (beams, batches of up to 64). Copies
# and what they are compared with take twice a decoder's memory: a large one (bytes) goes without.
_ONE_ROW, _FEW_ROWS, _LARGEST_COPIED = ("head", "inner"), 64, 1 << 30
_FIRST_CAPACITY = 32  # positions that a run has room for before its buffers double

# Where the parts of a layer lie, by family: products by the name that the step calls them by, then norms.
# A family whose layer is built otherwise (GPT-2: norms before, one product for query, key and value) needs a
# table and a step of its own.
_POST_NORM = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "self_out": "attention.output.dense",
    "self_norm": "attention.output.LayerNorm",
    "cross_query": "crossattention.self.query",
    "cross_key": "crossattention.self.key",
    "cross_value": "crossattention.self.value",
    "cross_out": "crossattention.output.dense",
    "cross_norm": "crossattention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "norm": "output.LayerNorm",
}
LAYER_TABLES = {"bert-generation": _POST_NORM, "bert": _POST_NORM, "roberta": _POST_NORM}

Product = tuple[Tensor, Tensor]  # bias [out] and weight [in, out]: x @ weight + bias
Norm = tuple[tuple[int, ...], Tensor, Tensor, float]  # shape, weight, bias, epsilon


@dataclass
class FusedState:
    """One run. ``written`` holds keys (0) and values (1), [2, capacity, R, C] a layer, filled step by step.

    A step's keys of all rows lie side by side, so that one product can write them in place. What the queries
    look at are views of the same memory, head by head.
    """

    capture: Capture
    beams: int  # rows a source
    mask: Tensor | None  # additive, [B * H, 1, S]; None where nothing is masked
    cross: list[tuple[Tensor, Tensor]]  # a layer each: keys [B * H, D, S], values [B * H, S, D]
    written: list[Tensor]
    heads: int
    # by the map's name: what each place of a context is multiplied with, [L, C]
    factors: dict[str, Tensor] = field(default_factory=dict)
    past_keys: list[Tensor] = field(default_factory=list)  # a layer each: [R * H, D, capacity]
    past_values: list[Tensor] = field(default_factory=list)  # [R * H, capacity, D]
    length: int = 0

    def make_views(self) -> None:
        """The views of the buffers; again when they have grown."""
        by_head = [buffer.unflatten(3, (self.heads, -1)).flatten(2, 3) for buffer in self.written]
        self.past_keys = [keys.permute(1, 2, 0) for keys, _ in by_head]
        self.past_values = [values.transpose(0, 1) for _, values in by_head]

    def past(self) -> KVCache:
        """What was computed, as the cache that a forward accepts: [R, H, T, D], [R, H, S, D]."""
        cache = KVCache(len(self.written))
        for layer, buffer in enumerate(self.written):
            # Written tokens: time by time, as the steps filled them, becomes head by head.
            by_head = buffer[:, : self.length].unflatten(3, (self.heads, -1))  # [2, T, R, H, D]
            cache.append(layer, *by_head.permute(0, 2, 3, 1, 4))
            # The source's are one a source: every beam gets them.
            cross_keys, cross_values = self.cross[layer]
            memory = [x.unflatten(0, (-1, self.heads)) for x in (cross_keys.transpose(1, 2), cross_values)]
            cache.set_cross(layer, *(x.repeat_interleave(self.beams, dim=0) for x in memory))
        return cache


class FusedEngine:
    """A decoder's weights as the step reads them, gathered by name; fastest for runs of ``rows`` rows."""

    def __init__(self, decoder: Any, rows: int = 1) -> None:
        config, base = decoder.config, getattr(decoder, decoder.base_model_prefix)
        embeddings = base.embeddings
        self.heads = config.num_attention_heads
        self.width = config.hidden_size // self.heads
        self.scale = 1.0 / math.sqrt(self.width)
        self.nothing = embeddings.LayerNorm.weight.new_zeros(1)  # where no mask is added
        # 1) The embeddings. ``positions`` [P, C] are those of the first, second, ... token; RoBERTa counts
        #    from the row after its pad id, and gives pads the row of that id wherever they stand.
        self.words = embeddings.word_embeddings.weight
        self.positions = embeddings.position_embeddings.weight
        self.token_type = None
        if embeddings.token_types:
            self.token_type = embeddings.token_type_embeddings.weight[0]
        self.pad = getattr(embeddings, "padding_idx", None)
        self.first_position = 0 if self.pad is None else self.pad + 1
        self.embedding_norm = _weights(embeddings.LayerNorm)
        # 2) The layers, by their family's table.
        table = LAYER_TABLES[config.model_type]
        copied: tuple[str, ...] = ("head",)
        if rows <= _FEW_ROWS:
            copied = _ONE_ROW
            if rows > 1:
                copied = ("head", *table)
        width, inner = config.hidden_size, config.intermediate_size
        size = config.vocab_size * width + config.num_hidden_layers * (8 * width * width + 2 * width * inner)
        size *= self.words.element_size()
        if size > _LARGEST_COPIED or self.words.device.type != "cpu":
            copied = ()
        modules_of = attrgetter(*table.values())
        self.layers = [
            {
                name: _weights(module, name in copied)
                for name, module in zip(table, modules_of(layer), strict=True)
            }
            for layer in base.encoder.layer
        ]
        self.activations = [layer.intermediate.activation for layer in base.encoder.layer]
        # 3) The head: a projection, before which BERT and RoBERTa transform.
        self.projection = _weights(decoder.head().decoder, "head" in copied)
        self.transform: tuple[Product, Callable[[Tensor], Tensor], Norm] | None = None
        if hasattr(decoder, "head_transform"):
            dense, activation, norm = decoder.head_transform()
            self.transform = _weights(dense), activation, _weights(norm)

    def begin(
        self,
        memory: Tensor,
        memory_mask: Tensor,
        *,
        rows: int = 1,
        capture: Capture = LOGITS_ONLY,
        heads: HeadSwitches | None = None,
        prompt_mask: Tensor | None = None,
    ) -> FusedState:
        if capture.hidden_states or prompt_mask is not None:
            raise ValueError("the fused engine gives no hidden states and masks no prompt; take PlainEngine")
        batch, source, _ = memory.shape
        # 1) What hides padding of the source, once for every head; nothing where nothing is padded.
        mask = None
        if not bool((memory_mask == 1).all()):
            mask = additive_mask(memory_mask, memory.dtype)[:, None, None, :]  # [B, 1, 1, S]
            mask = mask.expand(-1, self.heads, -1, -1).reshape(batch * self.heads, 1, source)
        # 2) Cross-attention's keys and values of every source, in the layout of the step's products.
        flat = memory.reshape(batch * source, -1)
        cross = []
        for layer in self.layers:
            keys, values = (
                torch.addmm(layer[name][0], flat, layer[name][1])
                .view(batch, source, self.heads, self.width)
                .transpose(1, 2)
                .reshape(batch * self.heads, source, self.width)
                for name in ("cross_key", "cross_value")
            )
            cross.append((keys.transpose(1, 2).contiguous(), values))
        # 3) Room for the keys and values of what will be written.
        shape = (2, _FIRST_CAPACITY, batch * rows, self.heads * self.width)
        written = [memory.new_empty(shape) for _ in self.layers]
        # 4) A head's factor, for all places that the head fills.
        factors = {}
        if heads is not None:
            for name, table in heads.factors.items():
                factors[name] = table.to(memory).repeat_interleave(self.width, dim=1)
        state = FusedState(capture, rows, mask, cross, written, self.heads, factors)
        state.make_views()
        return state

    def step(self, state: FusedState, ids: Tensor) -> EngineOutput:
        """Feeds ids [R, 1], a token a row."""
        time, rows, layers = state.length, ids.shape[0], len(self.layers)
        # 1) Room: positions are as many as the model has, buffers double when they are full.
        count = self.positions.shape[0] - self.first_position
        if time >= count:
            raise SequenceTooLongError("generation.no_positions", there=count)
        if time == state.written[0].shape[1]:
            state.written = [torch.cat([old, torch.empty_like(old)], dim=1) for old in state.written]
            state.make_views()
        # 2) Embed: word, token type where there is one, position.
        place = self.positions[self.first_position + time]
        if self.pad is not None:
            place = torch.where(ids == self.pad, self.positions[self.pad], place)  # [R, C]
        hidden = self.words[ids[:, 0]] + place
        if self.token_type is not None:
            hidden = hidden + self.token_type
        hidden = torch.layer_norm(hidden, *self.embedding_norm)  # [R, C]
        # 3) The layers. When attention is captured, softmax writes its rows straight into what is handed out.
        self_rows = cross_rows = [None] * layers
        if state.capture.attentions:
            source = state.cross[0][1].shape[1]
            self_rows = hidden.new_empty(layers, rows * self.heads, 1, time + 1)
            cross_rows = hidden.new_empty(layers, len(state.cross[0][1]), state.beams, source)
        for index in range(layers):
            hidden = self._layer(index, state, hidden, self_rows[index], cross_rows[index])
        state.length += 1
        # 4) The head.
        if self.transform is not None:
            dense, activation, norm = self.transform
            hidden = torch.layer_norm(activation(_times(hidden, dense)), *norm)
        output = EngineOutput(_times(hidden, self.projection))
        if state.capture.attentions:
            # [L, B * H, beams, S] -> [L, R, H, 1, S]: rows of one source stand side by side.
            cross_rows = cross_rows.unflatten(1, (-1, self.heads)).transpose(2, 3).flatten(1, 2).unsqueeze(3)
            output.attentions = {
                "decoder_self": self_rows.unflatten(1, (rows, self.heads)),
                "cross": cross_rows,
            }
        return output

    def _layer(
        self,
        index: int,
        state: FusedState,
        hidden: Tensor,
        self_rows: Tensor | None,
        cross_rows: Tensor | None,
    ) -> Tensor:
        """hidden [R, C] through one layer; rows: where the attention is to be written, or None."""
        layer, end = self.layers[index], state.length + 1
        rows, heads, width, beams = hidden.shape[0], self.heads, self.width, state.beams
        # 1) Self-attention: this token's key and value are computed into their place [R, C] ...
        places = state.written[index][:, state.length]  # [2, R, C]
        for place, (bias, weight) in zip(places, (layer["key"], layer["value"]), strict=True):
            torch.addmm(bias, hidden, weight, out=place)
        query = _times(hidden, layer["query"]).view(rows * heads, 1, width)
        # ... and its query looks at all that stand there.
        past_keys = state.past_keys[index][:, :, :end]  # [R * H, D, T]
        past_values = state.past_values[index][:, :end]  # [R * H, T, D]
        scores = torch.baddbmm(self.nothing, query, past_keys, beta=0, alpha=self.scale)  # [R * H, 1, T]
        scores = torch.softmax(scores, -1, out=self_rows)
        context = torch.bmm(scores, past_values).view(rows, -1)  # [R, C]
        if "decoder_self" in state.factors:
            context = context * state.factors["decoder_self"][index]
        hidden = _times(context, layer["self_out"]).add_(hidden)
        hidden = torch.layer_norm(hidden, *layer["self_norm"])
        # 2) Cross-attention: the beams of a source are so many queries to the same keys and values.
        keys, values = state.cross[index]  # [B * H, D, S], [B * H, S, D]
        query = _times(hidden, layer["cross_query"])
        if beams > 1:
            query = query.view(-1, beams, heads, width).transpose(1, 2)
        query = query.reshape(-1, beams, width)  # [B * H, beams, D]
        if state.mask is None:
            scores = torch.baddbmm(self.nothing, query, keys, beta=0, alpha=self.scale)  # [B * H, beams, S]
        else:
            scores = torch.baddbmm(state.mask, query, keys, alpha=self.scale)
        scores = torch.softmax(scores, -1, out=cross_rows)
        context = torch.bmm(scores, values)  # [B * H, beams, D]
        if beams > 1:
            context = context.view(-1, heads, beams, width).transpose(1, 2)
        context = context.reshape(rows, -1)
        if "cross" in state.factors:
            context = context * state.factors["cross"][index]
        hidden = _times(context, layer["cross_out"]).add_(hidden)
        hidden = torch.layer_norm(hidden, *layer["cross_norm"])
        # 3) Feed-forward.
        inner = self.activations[index](_times(hidden, layer["inner"]))
        return torch.layer_norm(_times(inner, layer["outer"]).add_(hidden), *layer["norm"])

    def reorder(self, state: FusedState, rows: Tensor) -> None:
        """Row i continues what was row rows[i]; free when every row continues itself."""
        if rows.tolist() == list(range(len(rows))):
            return
        for buffer in state.written:
            # The picked rows are copied out first: a beam may be the parent of several.
            buffer[:, : state.length] = buffer[:, : state.length, rows]


def _weights(module: Any, copied: bool = False) -> Product | Norm:
    """What a step needs of a projection (``copied``: its transposed copy) or of a layer norm."""
    if isinstance(module, nn.LayerNorm):
        return module.normalized_shape, module.weight, module.bias, module.eps
    if copied:
        return module.bias, transposed(module)
    return module.bias, module.weight.t()


def _times(x: Tensor, product: Product) -> Tensor:
    """x [R, in] @ weight [in, out] + bias."""
    bias, weight = product
    return torch.addmm(bias, x, weight)


# -- copies of weights ---------------------------------------------------------------------------
#
# A row times a matrix [out, in], as the model stores it, takes up to twice as long on CPUs as on a transposed
# copy, where the matrix is wide. So the engine asks for such copies where they pay.
#
# A copy can become stale, and torch's own counter does not see changes through ``.data``, numpy or inference
# mode. So nothing is guessed: before each run every byte is compared with what was copied, at the speed of
# memory, which costs less than the copy saves on a token or two.

_C_LIBRARY = ctypes.cdll.msvcrt if os.name == "nt" else ctypes.CDLL(None)
_compare_bytes = _C_LIBRARY.memcmp  # (one place, another, bytes): 0 when they hold the same; lets threads run
_compare_bytes.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class PreparedCopy:
    """What belongs to one projection. A model that is copied or pickled takes none along."""

    def __init__(self, weight: Tensor) -> None:
        self.seen = weight.detach().clone(memory_format=torch.contiguous_format)  # [out, in]: what was copied
        self.transposed = self.seen.t().contiguous()  # [in, out]

    def __deepcopy__(self, memo: dict) -> None:
        return None

    def __reduce__(self) -> tuple:
        return type(None), ()


def transposed(linear: nn.Linear) -> Tensor:
    """The weight as [in, out], laid out that way: the projection's copy, made anew when it does not fit."""
    weight, prepared = linear.weight, linear.__dict__.get("_prepared_copy")
    fits = False
    if prepared is not None:
        seen, place = prepared.seen, weight.data_ptr()
        fits = (weight.shape, weight.dtype, weight.device) == (seen.shape, seen.dtype, seen.device)
        # A plain tensor on the CPU, as nearly all are, is so many bytes in a row; of others torch compares
        # the values.
        plain = type(weight) is nn.Parameter and weight.device.type == "cpu" and weight.is_contiguous()
        if fits and plain and place:
            fits = _compare_bytes(place, seen.data_ptr(), seen.numel() * seen.element_size()) == 0
        elif fits:
            fits = torch.equal(seen, weight.detach())
    if not fits:
        # Threads that come here at once each make one; whichever stays is whole and of these weights.
        prepared = linear.__dict__["_prepared_copy"] = PreparedCopy(weight)
    return prepared.transposed
