"""The lean form's weights under the names that checkpoints have."""

from __future__ import annotations

from torch import Tensor

_BLOCK = {
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "outer.norm": "output.LayerNorm",
    "self.out": "attention.output.dense",
    "self.norm": "attention.output.LayerNorm",
    "cross.out": "crossattention.output.dense",
    "cross.norm": "crossattention.output.LayerNorm",
}
_FUSED = {
    "self.query_key_value": ("attention.self", ("query", "key", "value")),
    "cross.query": ("crossattention.self", ("query",)),
    "cross.key_value": ("crossattention.self", ("key", "value")),
}
_STACK = {"encoder": "encoder", "decoder": "decoder.bert"}


def checkpoint_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every weight by its name in `EncoderDecoderModel.state_dict()`; the word table stands there thrice."""
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name == "words":
            for stack in _STACK.values():
                found[f"{stack}.embeddings.word_embeddings.weight"] = value
            found["decoder.lm_head.decoder.weight"] = value
        elif name == "head.bias":
            found["decoder.lm_head.bias"] = found["decoder.lm_head.decoder.bias"] = value
        else:
            found.update(_block_names(name, value))
    return found


def _block_names(name: str, value: Tensor) -> dict[str, Tensor]:
    """One weight of a side, such as "decoder.1.cross.key_value.bias"."""
    side, rest = name.split(".", 1)
    stack = _STACK[side]
    if rest == "positions":
        return {f"{stack}.embeddings.position_embeddings.weight": value}
    part, kind = rest.rsplit(".", 1)
    if part == "embeddings.norm":
        return {f"{stack}.embeddings.LayerNorm.{kind}": value}
    number, part = part.split(".", 1)
    layer = f"{stack}.encoder.layer.{number}"
    if part not in _FUSED:
        return {f"{layer}.{_BLOCK[part]}.{kind}": value}
    module, projections = _FUSED[part]
    pieces = value.chunk(len(projections))
    return {
        f"{layer}.{module}.{projection}.{kind}": piece
        for projection, piece in zip(projections, pieces, strict=True)
    }
