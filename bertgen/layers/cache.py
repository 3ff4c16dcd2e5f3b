"""Keys and values of a decoding run, owned by the request and passed in: the model itself keeps no state."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

LegacyCache = tuple[tuple[Tensor, ...], ...]


class KVCache:
    """Self-attention K/V in preallocated buffers, cross-attention K/V computed once.

    Buffers are [B, H, capacity, D] and double when they are full, so appending a token writes one row
    instead of copying the past. ``capacity`` is the number of positions to allocate at the start.
    """

    def __init__(self, num_layers: int, capacity: int = 32) -> None:
        self.capacity = capacity
        self.legacy_cross = True  # whether the reference's tuples hold cross-attention (not GPT-2's)
        # By layer; None until a layer's first keys come, since their sizes are not known before.
        self._self: list[tuple[Tensor, Tensor] | None] = [None] * num_layers
        self._length = [0] * num_layers
        self._cross: list[tuple[Tensor, Tensor] | None] = [None] * num_layers

    def __len__(self) -> int:
        return len(self._self)

    @property
    def length(self) -> int:
        """Number of positions already cached."""
        if not self._length:
            return 0
        return self._length[0]

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds key and value [B, H, T, D] of new positions; returns views [B, H, past+T, D] of all."""
        past, new = self._length[layer], key.shape[2]
        # 1) room for the new positions
        buffers = self._self[layer]
        if buffers is None or buffers[0].shape[2] < past + new:
            buffers = self._grow(layer, key, past, past + new)
        # 2) their rows behind those that are there
        for buffer, rows in zip(buffers, (key, value), strict=True):
            buffer[:, :, past : past + new] = rows
        self._length[layer] = past + new
        return buffers[0][:, :, : past + new], buffers[1][:, :, : past + new]

    def _grow(self, layer: int, like: Tensor, past: int, needed: int) -> tuple[Tensor, Tensor]:
        """Buffers of at least ``needed`` positions with the past in them, for a layer."""
        # Twice as many as before, so that copying the past costs a constant a token on the average.
        capacity = max(self.capacity, needed, 2 * past)
        batch, heads, _, width = like.shape
        grown = tuple(like.new_empty(batch, heads, capacity, width) for _ in range(2))
        old = self._self[layer]
        if old is not None:
            for new_buffer, old_buffer in zip(grown, old, strict=True):
                new_buffer[:, :, :past] = old_buffer[:, :, :past]
        self._self[layer] = grown
        return grown

    def cross(self, layer: int) -> tuple[Tensor, Tensor] | None:
        """Cross-attention key and value [B, H, S, D] of a layer, once they are computed."""
        return self._cross[layer]

    def set_cross(self, layer: int, key: Tensor, value: Tensor) -> None:
        self._cross[layer] = (key, value)

    def reorder(self, rows: Tensor) -> None:
        """Lets row i continue what was row rows[i] (beam search); cross-attention stays with its source."""
        for layer, buffers in enumerate(self._self):
            if buffers is not None:
                past = self._length[layer]
                for buffer in buffers:
                    # The picked rows are copied out first: a beam may be the parent of several.
                    buffer[:, :, :past] = buffer[rows, :, :past]

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return iter(self.to_legacy())

    def __getitem__(self, layer: int) -> tuple[Tensor, ...]:
        return self.to_legacy()[layer]

    def to_legacy(self) -> LegacyCache:
        """The reference's form: a tuple over layers of (k, v) or (k, v, cross_k, cross_v)."""
        layers = []
        for buffers, past, cross in zip(self._self, self._length, self._cross, strict=True):
            # The buffers reach further than what is written in them.
            entry = tuple(buffer[:, :, :past] for buffer in buffers or ())
            if self.legacy_cross and cross is not None:
                entry += cross
            layers.append(entry)
        return tuple(layers)

    @classmethod
    def from_legacy(cls, past_key_values: LegacyCache) -> KVCache:
        """A cache that starts from the reference's tuples (which stay untouched)."""
        cache = cls(len(past_key_values))
        for layer, entry in enumerate(past_key_values):
            if len(entry) not in (2, 4):
                raise ValueError(
                    f"past_key_values[{layer}] has {len(entry)} tensors; expected (key, value) or "
                    "(key, value, cross_key, cross_value), each [batch, heads, length, head width]"
                )
            # Copied into buffers of the cache's own: the caller's tuples do not change.
            cache.append(layer, entry[0], entry[1])
            if len(entry) == 4:
                cache.set_cross(layer, entry[2], entry[3])
        return cache
