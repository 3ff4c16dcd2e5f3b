"""The lean decoding step: fused projections, preallocated keys and values, attention rows for free.

Equal to ``PlainStepper`` within float rounding (a test holds them together), at a fraction of the
dispatches: query, key and value are one matrix product on a transposed copy of the weights (the layout
that CPU kernels read fastest at batch 1), and softmax writes straight into the rows that are handed out.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import Any

import torch
from torch import Tensor

from bertgen.generation.engines.choose import weights_tell_all
from bertgen.generation.engines.plain import StepOutput
from bertgen.layers.attention import additive_mask
from bertgen.layers.cache import KVCache

# Transposed copies double a decoder's memory: above this size (bytes) the plain step is used.
_LARGEST_COPY = 1 << 30
# Families whose layer is the post-norm one of BERT.
_POST_NORM = ("bert-generation", "bert", "roberta")


class _Affine:
    """x @ weight + bias with the weight stored [in, out]."""

    def __init__(self, *linears: Any, scale: float = 1.0) -> None:
        weights = [linear.weight.detach() for linear in linears]
        biases = [linear.bias.detach() for linear in linears]
        weights[0], biases[0] = weights[0] * scale, biases[0] * scale
        self.weight = torch.cat(weights).t().contiguous()
        self.bias = torch.cat(biases).contiguous()

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight)


class _Norm:
    def __init__(self, module: Any) -> None:
        self.module, self.shape = module, module.normalized_shape
        self.weight, self.bias = module.weight.detach(), module.bias.detach()

    def __call__(self, x: Tensor) -> Tensor:
        return torch.layer_norm(x, self.shape, self.weight, self.bias, self.module.eps)


class _Layer:
    def __init__(self, layer: Any) -> None:
        own, cross = layer.attention, layer.crossattention
        self.heads, self.width = own.self.num_attention_heads, own.self.attention_head_size
        scale = 1.0 / math.sqrt(self.width)  # the division of the scores, moved into the query
        self.qkv = _Affine(own.self.query, own.self.key, own.self.value, scale=scale)
        self.own_out, self.own_norm = _Affine(own.output.dense), _Norm(own.output.LayerNorm)
        self.query = _Affine(cross.self.query, scale=scale)
        self.memory_kv = _Affine(cross.self.key, cross.self.value)
        self.cross_out, self.cross_norm = _Affine(cross.output.dense), _Norm(cross.output.LayerNorm)
        self.inner, self.outer = _Affine(layer.intermediate.dense), _Affine(layer.output.dense)
        self.intermediate, self.norm = layer.intermediate, _Norm(layer.output.LayerNorm)


class _TransformingHead:
    """BERT's and RoBERTa's head: dense, activation, norm, then the projection."""

    def __init__(self, transform: tuple[Any, Any, Any], projection: Any) -> None:
        dense, self.activation, norm = transform
        self.dense, self.norm, self.projection = _Affine(dense), _Norm(norm), _Affine(projection)

    def __call__(self, x: Tensor) -> Tensor:
        return self.projection(self.norm(self.activation(self.dense(x))))


class FusedWeights:
    """A decoder's weights in the layout of the lean step; made once a model, remade when it changes.

    ``positions`` [P, C] are those of the first, second, ... token, with the row of token type 0 added.
    ``pad`` is the id that RoBERTa gives the position ``pad_position`` [C] wherever it stands, else None.
    """

    def __init__(self, decoder: Any) -> None:
        base = decoder.base
        embeddings = base.embeddings
        self.words = embeddings.word_embeddings.weight.detach()
        table = embeddings.position_embeddings.weight.detach()
        if embeddings.token_types:
            table = table + embeddings.token_type_embeddings.weight.detach()[0]
        self.pad = getattr(embeddings, "padding_idx", None)
        self.positions, self.pad_position = table, None
        if self.pad is not None:
            self.positions, self.pad_position = table[self.pad + 1 :], table[self.pad]
        self.norm = _Norm(embeddings.LayerNorm)
        self.layers = [_Layer(layer) for layer in base.encoder.layer]
        projection, transform = decoder.get_output_embeddings(), decoder.head_transform()
        self.head = _Affine(projection) if transform is None else _TransformingHead(transform, projection)

    def embed(self, ids: Tensor, time: int) -> Tensor:
        """Embeddings [R, C] of ids [R] at position ``time``."""
        if self.pad is None:
            return self.norm(self.words[ids] + self.positions[time])
        place = torch.where((ids == self.pad)[:, None], self.pad_position, self.positions[time])
        return self.norm(self.words[ids] + place)


_MARGIN = 4  # rows and columns


class _Fingerprint:
    """What a decoder's parameters looked like when they were copied.

    Torch counts the changes of a parameter, but not those made through ``.data``, numpy or inference mode, so
    values have to be read. Reading all of them would cost a short answer a fifth of its time: of a matrix the
    first rows and columns are compared, of a vector everything. That shows what people do to weights in such
    ways: averages, merged adapters, scaling, replaced rows, heads set to zero. A change of single weights
    elsewhere, made past torch's counter, goes unseen until the next counted one.
    """

    def __init__(self, decoder: Any) -> None:
        self.place = _place(decoder)
        self._vectors, self._margins = [], []  # views: they show what is there now
        for value in (p.detach() for p in decoder.parameters()):
            if value.dim() == 2 and min(value.shape) >= _MARGIN:
                self._margins += [value[:, :_MARGIN], value[:_MARGIN].T]
            else:
                self._vectors.append(value.flatten())
        self._seen = self._look()

    def _look(self) -> list[Tensor]:
        return [torch.cat(values) for values in (self._vectors, self._margins) if values]

    def holds(self, decoder: Any) -> bool:
        """NaN is unlike itself, which costs a copy and nothing else."""
        return self.place == _place(decoder) and all(map(torch.equal, self._seen, self._look()))


def _place(decoder: Any) -> tuple[tuple[int, int], ...]:
    """Where every parameter lies, and how often torch saw it change."""
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in decoder.parameters())


_made: weakref.WeakKeyDictionary[Any, tuple[_Fingerprint, FusedWeights]] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def fused_weights(decoder: Any) -> FusedWeights:
    """The fused weights of a decoder, shared by all requests, and made anew when its weights have changed."""
    with _making, torch.inference_mode(False), torch.no_grad():
        known = _made.get(decoder)
        if known is None or not known[0].holds(decoder):
            known = _made[decoder] = (_Fingerprint(decoder), FusedWeights(decoder))
    return known[1]


class FusedStepper:
    """One token a row a step. ``memory`` [B, S, C], ``memory_mask`` [B, S]; ``beams`` rows a source.

    Beams of one source share its cross-attention keys and values. The rows' own keys and values are
    [2, R, H, capacity, D] a layer and double when full.
    """

    def __init__(
        self, decoder: Any, memory: Tensor, memory_mask: Tensor, *, beams: int = 1, capture: bool = False
    ) -> None:
        self.weights, self.beams, self.capture = fused_weights(decoder), beams, capture
        self.batch, self.source = memory.shape[:2]
        self.rows, self.length, self.capacity = self.batch * beams, 0, 32
        first = self.weights.layers[0]
        self.heads, self.width = first.heads, first.width
        self.mask = None
        if not bool((memory_mask == 1).all()):
            mask = additive_mask(memory_mask, memory.dtype)[:, None, None, :]  # [B, 1, 1, S]
            self.mask = mask.expand(-1, self.heads, -1, -1).reshape(self.batch * self.heads, 1, self.source)
        self.cross = [self._memory_heads(layer, memory) for layer in self.weights.layers]
        self.own = [
            memory.new_empty(2, self.rows, self.heads, self.capacity, self.width) for _ in self.weights.layers
        ]

    @staticmethod
    def serves(decoder: Any) -> bool:
        """Whether this step covers the decoder: absolute positions, unpruned, in eval mode, not too big.

        And nothing in it that only a call of its modules would do.
        """
        config = getattr(decoder, "config", None)
        if getattr(config, "model_type", None) not in _POST_NORM or decoder.training:
            return False
        plain = config.position_embedding_type == "absolute" and not config.pruned_heads
        size = sum(p.numel() * p.element_size() for p in decoder.parameters())
        fits = plain and config.add_cross_attention and size <= _LARGEST_COPY
        return fits and weights_tell_all(decoder)

    def _memory_heads(self, layer: _Layer, memory: Tensor) -> tuple[Tensor, Tensor]:
        both = layer.memory_kv(memory.reshape(-1, memory.shape[-1]))
        both = both.view(self.batch, self.source, 2, self.heads, self.width)
        both = both.permute(2, 0, 3, 1, 4).reshape(2, self.batch * self.heads, self.source, self.width)
        return both[0].transpose(1, 2).contiguous(), both[1]  # [B*H, D, S], [B*H, S, D]

    def step(self, ids: Tensor) -> StepOutput:
        """Feeds ids [R, 1]."""
        weights, time = self.weights, self.length
        if time >= weights.positions.shape[0]:
            raise RuntimeError(
                f"the model has {weights.positions.shape[0]} positions (max_position_embeddings); "
                "lower max_length or max_new_tokens"
            )
        if time == self.capacity:
            self._grow()
        hidden = weights.embed(ids[:, 0], time)  # [R, C]
        count = len(weights.layers)
        own = cross = None
        if self.capture:
            own = hidden.new_empty(count, self.rows, self.heads, 1, time + 1)
            cross = hidden.new_empty(count, self.batch * self.heads, self.beams, self.source)
        for index, layer in enumerate(weights.layers):
            hidden = self._self_attention(layer, index, hidden, own)
            hidden = self._cross_attention(layer, index, hidden, cross)
            inner = layer.intermediate.activation(layer.inner(hidden))
            hidden = layer.norm(layer.outer(inner).add_(hidden))
        self.length += 1
        if cross is not None:
            cross = cross.view(count, self.batch, self.heads, self.beams, self.source)
            cross = cross.transpose(2, 3).reshape(count, self.rows, self.heads, 1, self.source)
        return StepOutput(weights.head(hidden), own, cross)

    def _self_attention(self, layer: _Layer, index: int, hidden: Tensor, rows: Tensor | None) -> Tensor:
        end = self.length + 1
        qkv = layer.qkv(hidden).view(self.rows, 3, self.heads, self.width)
        memory = self.own[index]
        memory[:, :, :, self.length] = qkv[:, 1:].transpose(0, 1)
        past = memory[:, :, :, :end].flatten(1, 2)  # [2, R*H, T, D]
        query = qkv[:, 0].reshape(self.rows * self.heads, 1, self.width)
        scores = torch.bmm(query, past[0].transpose(1, 2))  # [R*H, 1, T]
        if rows is None:
            scores = scores.softmax(-1)
        else:
            out = rows[index].view(self.rows * self.heads, 1, end)
            scores = torch.softmax(scores, -1, out=out)
        context = torch.bmm(scores, past[1]).view(self.rows, -1)  # [R, C]
        return layer.own_norm(layer.own_out(context).add_(hidden))

    def _cross_attention(self, layer: _Layer, index: int, hidden: Tensor, rows: Tensor | None) -> Tensor:
        keys, values = self.cross[index]
        query = layer.query(hidden)
        if self.beams == 1:
            query = query.view(self.batch * self.heads, 1, self.width)
        else:
            query = query.view(self.batch, self.beams, self.heads, self.width).transpose(1, 2)
            query = query.reshape(self.batch * self.heads, self.beams, self.width)
        scores = torch.bmm(query, keys)  # [B*H, beams, S]
        if self.mask is not None:
            scores.add_(self.mask)
        scores = scores.softmax(-1) if rows is None else torch.softmax(scores, -1, out=rows[index])
        context = torch.bmm(scores, values)  # [B*H, beams, D]
        if self.beams > 1:
            context = context.view(self.batch, self.heads, self.beams, self.width).transpose(1, 2)
        return layer.cross_norm(layer.cross_out(context.reshape(self.rows, -1)).add_(hidden))

    def _grow(self) -> None:
        self.capacity *= 2
        for index, old in enumerate(self.own):
            new = old.new_empty(2, self.rows, self.heads, self.capacity, self.width)
            new[:, :, :, : self.length] = old
            self.own[index] = new

    def reorder(self, rows: Tensor) -> None:
        """Row i continues what was row rows[i]; free when every row continues itself."""
        if rows.tolist() == list(range(self.rows)):
            return
        for memory in self.own:
            memory[:, :, :, : self.length] = memory[:, rows, :, : self.length]

    def past(self) -> KVCache:
        """What was computed, as the cache that a forward accepts."""
        cache = KVCache(len(self.own))
        shape = (self.batch, self.heads, self.source, self.width)
        for index, memory in enumerate(self.own):
            cache.append(index, memory[0, :, :, : self.length], memory[1, :, :, : self.length])
            keys, values = self.cross[index]
            pair = (keys.transpose(1, 2).reshape(shape), values.reshape(shape))
            cache.set_cross(index, *(x.repeat_interleave(self.beams, dim=0) for x in pair))
        return cache
