"""The one view contract: what the browser is given of a run, by the player and the explorer alike.

Python decides here, with the tokenizer at hand, how every token reads; the browser draws and never looks into
a piece again. ``components/widgets/contract.d.ts`` is written from these types by
``python -m components.views.typedefs``; a test holds the two equal. Letters: L layers, H heads, R rows
(queries), C columns (keys), S source tokens, T target tokens.

A finished run reaches the explorer as one JSON text, a ``Run``::

    {"version": 1, "source": Line, "start": Token, "target": Line, "maps": {"cross": RunMap, ...},
     "finish": "eos", "cut": "", "model": ..., "text": ..., "seconds": ..., "first_token_seconds": ...,
     "settings": {...}}

A run that is being written reaches the player as a ``StreamedRun``: the same parts, cut so that an update
costs little. ``head`` is the JSON text of what does not change (``RunHead``: version, source, start, cut),
and ``tokens`` holds the JSON text of one ``Token`` each. They are texts, since Gradio wraps every list and
dictionary of a value in a proxy, which costs seconds for thousands of them. A field that stands at its
default is left out of a text.

Units: log-probabilities are natural logarithms of the plain softmax, null where a number is not finite;
attention is base64 of little-endian uint16, a weight is worth u16 / 65535; times are seconds.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, NotRequired, TypedDict

VERSION = 1
Finish = Literal["eos", "length", "stopped"]
State = Literal["streaming", "finished", "stopped", "error", "idle"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the ten most probable tokens of a step."""

    id: int
    label: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Token:
    """One token, of the source or written, streamed or finished.

    ``piece`` is the vocabulary's own spelling, ``label`` how people read the token by itself ("Katze", "␣"
    for a lone space, "xC3" for a byte, "</s>"). ``text`` is what it shows in its line: no white space before
    it, "" where its letter is shown by another token. ``gap`` tells that white space stands before it in the
    line (always true of a line's first token); tokens without a gap hang together. ``special`` is true of
    tokens that steer instead of saying something; <unk> is none of them.

    Of a written token only: ``adds`` is what it adds to the answer (joined: the decoded text), ``logprob``
    and ``alternatives`` (best first) its probabilities, and while streaming ``cross`` the attention
    [L, H, S] of the step that wrote it, of the shape that ``StreamedRun.shape`` names; "" in a finished run,
    whose maps hold it.
    """

    id: int
    piece: str
    label: str
    text: str
    gap: bool
    special: bool
    adds: str = ""
    logprob: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    cross: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The tokens of a text, and their words.

    ``labels`` stand at the side of a map, one a token: as the token's own, with a middle dot in front where
    it continues a word ("·ze"). ``words`` is the index of each token's word, counted from 0, and
    ``word_labels`` holds what each word reads. A special token is a word of its own.
    """

    tokens: tuple[Token, ...]
    labels: tuple[str, ...]
    words: tuple[int, ...]
    word_labels: tuple[str, ...]


class Packed(TypedDict):
    """Weights of any shape: base64 of little-endian uint16, row by row."""

    shape: list[int]
    u16: str


@dataclass(frozen=True, slots=True)
class RunMap:
    """One kind of attention, [L, H, R, C], by the name it has in ``Run.maps``.

    ``rows`` and ``columns`` name the lines along its sides: "source", "target", or "read" (the start token,
    then the target without its last token). ``shift`` and ``measure`` are those of ``bertgen.AttentionMap``.
    Either ``u16`` holds all weights, or (of a large run) ``tiles`` small pictures of all maps
    [L + 1, H + 1, <= 16, <= 16], and single maps are asked for as they are looked at.
    """

    shape: tuple[int, ...]
    rows: str
    columns: str
    shift: int
    measure: str
    u16: str | None = None
    tiles: Packed | None = None


@dataclass(frozen=True, slots=True)
class RunHead:
    """What is known of a run before its first token; ``cut`` is the end of its text that was left out."""

    version: int
    source: Line
    start: Token
    cut: str


@dataclass(frozen=True, slots=True)
class Run(RunHead):
    """A finished run, as the explorer gets it."""

    target: Line
    maps: dict[str, RunMap]
    finish: Finish
    model: str
    text: str
    seconds: float | None
    first_token_seconds: float | None
    settings: dict[str, Any] = field(default_factory=dict)


class Draft(TypedDict):
    """The best draft of a beam search after ``step`` steps (counted from 1)."""

    step: int
    text: str
    score: float | None


class StreamedRun(TypedDict):
    """A run as the player gets it, again and again (see above); ``run`` opens it in the explorer."""

    head: str
    tokens: list[str]
    shape: list[int] | None
    draft: Draft | None
    finish: Finish | None
    run: str | None


class Stats(TypedDict):
    """What a press of Run cost, and under which settings; ``first`` is the time of the first token."""

    seconds: float
    first: float | None
    device: str
    dtype: str
    model: str
    checkpoint: str
    most: int
    settings: str
    beams: int
    limit: int


class PlayerValue(TypedDict):
    """The player's value: one press of Run, cumulative. A text run by sentences has a segment each.

    Of a message alone (``state`` "error" or "idle") ``segments`` is empty, and ``parts``, ``notes`` and
    ``stats`` are not there.
    """

    version: int
    id: str
    state: State
    segments: list[StreamedRun]
    parts: NotRequired[int]
    notes: NotRequired[list[str]]
    stats: NotRequired[Stats]
    message: str
    play: bool


class RunChoice(TypedDict):
    """A run in the explorer's list."""

    id: str
    label: str


class ExplorerValue(TypedDict):
    """The explorer's value. ``trace`` is the JSON text of a ``Run``, or null where the browser holds it.

    ``slices`` holds single maps [R, C] of a large run, by the names "kind,layer,head,words,by" that the
    browser asked for (not always there); ``warnings`` are those of the runs that have any, by id.
    """

    version: int
    runs: list[RunChoice]
    run: str
    newest: str
    trace: str | None
    figure: dict[str, Any]
    warnings: dict[str, list[str]]
    note: str
    slices: NotRequired[dict[str, Packed]]


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """(name, default) of a dataclass's fields; MISSING where there is none."""
    return tuple((entry.name, entry.default) for entry in fields(kind))


def plain(value: Any) -> Any:
    """Types of the contract as dictionaries and lists; a field at its default is left out."""
    # What stands at its default is left out: most tokens of a run have nothing in most of their fields.
    if is_dataclass(value):
        found = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: plain(each) for name, each, default in found if default is MISSING or each != default}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def to_json(value: Any) -> str:
    """The JSON text of a type of the contract, for the browser."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_run(text: str) -> Run:
    """The run of a JSON text that ``to_json`` wrote."""
    data = json.loads(text)
    for side in ("source", "target"):
        data[side] = _line(data[side])
    maps = {name: RunMap(**{**found, "shape": tuple(found["shape"])}) for name, found in data["maps"].items()}
    return Run(**{**data, "start": _token(data["start"]), "maps": maps})


def _line(data: dict[str, Any]) -> Line:
    tokens = tuple(_token(token) for token in data["tokens"])
    return Line(tokens, tuple(data["labels"]), tuple(data["words"]), tuple(data["word_labels"]))


def _token(data: dict[str, Any]) -> Token:
    alternatives = tuple(Alternative(**each) for each in data.get("alternatives", ()))
    return Token(**{**data, "alternatives": alternatives})
