"""A finished run as the browser reads it: ``GenerationTrace`` and its lines to ``contract.Run``."""

from __future__ import annotations

from typing import Any, Literal

from components.views.contract import VERSION, Run, RunMap
from components.views.lines import Lines, sentencepiece_lines
from components.views.packing import finite, pack_u16, thumbnails, u16_text

# How much of the weights a ``Run`` holds: all, small pictures, or none (its shapes and sides are there).
Amount = Literal["whole", "tiles", "none"]


def finished_run(trace: Any, lines: Lines | None = None, *, amount: Amount = "whole") -> Run:
    """A trace in the contract's words.

    ``lines`` says how its tokens read; without them its pieces are taken to be SentencePiece's. A map whose
    sides are none of the page's lines (those of a decoder that continues a prompt) is left out.
    """
    lines = lines or sentencepiece_lines(trace)
    maps = {name: _map(found, trace, amount) for name, found in trace.maps.items()}
    return Run(
        version=VERSION,
        source=lines.source,
        start=lines.start,
        cut=lines.cut,
        target=lines.target,
        maps={name: found for name, found in maps.items() if found is not None},
        finish=trace.finish_reason,
        model=str(trace.model),
        text=trace.text,
        seconds=finite(trace.seconds, 5),
        first_token_seconds=finite(trace.first_token_seconds, 5),
        settings={key: value for key, value in dict(trace.settings or {}).items() if _is_plain(value)},
    )


def _map(found: Any, trace: Any, amount: Amount) -> RunMap | None:
    """One ``bertgen.AttentionMap`` for the browser."""
    # 1) Which lines its sides are. A row that predicts stands for a written token, else for a source one.
    read = (trace.start_piece, *trace.target_pieces)[: len(trace.target_pieces)]
    if tuple(found.columns) == tuple(trace.source_pieces):
        side = "source"
    elif tuple(found.columns) == read:
        side = "read"
    else:
        return None
    rows = "source"
    if found.shift:
        rows = "target"

    # 2) As much of its weights as is wanted.
    shape = tuple(found.weights.shape)
    packed, tiles = None, None
    if amount == "whole":
        packed = u16_text(found.weights)
    elif amount == "tiles":
        tiles = pack_u16(thumbnails(found.weights))
    return RunMap(shape, rows, side, found.shift, found.measure, u16=packed, tiles=tiles)


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold the value as it is."""
    return value is None or isinstance(value, bool | int | float | str)


def packed_bytes(trace: Any) -> int:
    """Size in bytes of all maps of a trace as uint16."""
    return sum(2 * found.weights.size for found in trace.maps.values())
