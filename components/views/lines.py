"""From the pieces of a vocabulary to the tokens and lines that people read.

A ``Surface`` says how one piece reads, whatever its vocabulary's notation; ``components/runs/tokens.py`` asks
the tokenizer for it. What stands here joins surfaces into lines: gaps, letters made of several byte pieces,
words. S source tokens, T target tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.views.contract import Alternative, Line, Token
from components.views.packing import finite

LONE_SPACE = "␣"
# Tokens that steer instead of saying something. <unk> is not among them: it stands where a word stood.
SPECIAL_PIECES = frozenset(
    [
        *("<pad>", "<s>", "</s>", "<bos>", "<eos>", "<::::>", "<mask>"),  # SentencePiece vocabularies
        *("[CLS]", "[SEP]", "[PAD]", "[MASK]"),  # WordPiece
        "<|endoftext|>",  # GPT-2
    ]
)
UNKNOWN_PIECES = frozenset(["<unk>", "[UNK]"])
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True, slots=True)
class Surface:
    """How a piece reads: ``data`` are its UTF-8 bytes without the white space in front, which ``gap`` tells.

    ``byte``: it is one byte, perhaps only a part of a letter. ``whole``: a special or unknown token, which
    hangs together with nothing; ``special``: it steers instead of saying something.
    """

    piece: str
    data: bytes
    gap: bool = False
    byte: bool = False
    whole: bool = False
    special: bool = False

    @property
    def label(self) -> str:
        """The piece as people read it by itself."""
        # A byte that is a whole character by itself reads as that character; a part of one, as its number.
        if self.byte and not self._printable:
            return f"x{self.data[0]:02X}"
        return self.data.decode("utf-8", errors="replace") or LONE_SPACE

    @property
    def _printable(self) -> bool:
        """Whether it is a printable ASCII character, such as a ``<`` that the vocabulary has no piece for."""
        return self.data.isascii() and self.data.decode("ascii").isprintable() and self.data != b" "

    @property
    def lone_space(self) -> bool:
        """Whether it is white space and nothing else."""
        return not self.data


def surface_of_text(piece: str, text: str, gap: bool) -> Surface:
    """The surface of a piece that stands for ``text``; a line break is shown as ``⏎``."""
    return Surface(piece, text.replace("\n", "⏎").strip().encode("utf-8", errors="replace"), gap)


def surface_of_whole(piece: str, special: bool) -> Surface:
    """The surface of a special or unknown token, which reads as it is written."""
    return Surface(piece, piece.encode("utf-8", errors="replace"), whole=True, special=special)


def sentencepiece_surface(piece: str) -> Surface:
    """The surface of a piece in SentencePiece's notation: ``▁`` for a space, ``<0xC3>`` for a byte."""
    if piece in SPECIAL_PIECES or piece in UNKNOWN_PIECES:
        return surface_of_whole(piece, piece in SPECIAL_PIECES)
    byte = _BYTE.fullmatch(piece)
    if byte:
        return Surface(piece, bytes([int(byte.group(1), 16)]), byte=True)
    return surface_of_text(piece, piece.replace("▁", " "), gap=piece.startswith("▁"))


# ---- a line that is read


def source_line(ids: Sequence[int], surfaces: Sequence[Surface], words: Sequence[int]) -> Line:
    """The line of a text that the model reads; ``words`` is the index of each token's word [S]."""
    shown = spelled(surfaces)
    tokens = []
    for index, surface in enumerate(surfaces):
        # A special token hangs together with neither side; the first token of a line always has a gap.
        gap = index == 0 or surfaces[index - 1].whole or surface.gap or surface.whole
        token = Token(int(ids[index]), surface.piece, surface.label, shown[index], gap, surface.special)
        tokens.append(token)
    return line_of(tokens, surfaces, words)


def spelled(surfaces: Sequence[Surface]) -> list[str]:
    """What each piece shows in a text: the bytes of a letter show it once, on the first of them."""
    # 1) By itself each piece shows its label, but a space before a letter made of bytes shows nothing.
    shown = [surface.label for surface in surfaces]
    for index, surface in enumerate(surfaces):
        followed = index + 1 < len(surfaces) and surfaces[index + 1].byte
        if surface.lone_space and followed:
            shown[index] = ""

    # 2) Bytes that make a letter together show it on the first of them.
    for index, surface in enumerate(surfaces):
        size = _letter_size(surface)
        letter = surfaces[index : index + size]
        if not size or len(letter) < size or not all(each.byte for each in letter):
            continue
        try:
            text = b"".join(each.data for each in letter).decode("utf-8")
        except UnicodeDecodeError:
            continue  # the bytes stay as they are
        shown[index : index + size] = [text] + [""] * (size - 1)
    return shown


def _letter_size(surface: Surface) -> int:
    """How many bytes the letter has that a byte piece begins; 0 where it begins none."""
    if not surface.byte or surface.data[0] < 0xC2:
        return 0
    # UTF-8: the first byte tells how many follow.
    if surface.data[0] >= 0xF0:
        return 4
    if surface.data[0] >= 0xE0:
        return 3
    return 2


# ---- a line that is written


class Writer:
    """Makes the tokens of an answer, one after the other, as they are written."""

    def __init__(self) -> None:
        self.surfaces: list[Surface] = []
        self.tokens: list[Token] = []

    def write(
        self,
        token_id: int,
        surface: Surface,
        adds: str,
        logprob: float,
        alternatives: Iterable[tuple[int, str, float]] = (),
        cross: str = "",
    ) -> Token:
        """The next token; ``adds`` is the text that it settles, ``alternatives`` are (id, label, logprob)."""
        token = Token(
            id=int(token_id),
            piece=surface.piece,
            label=surface.label,
            text=_written_text(surface, adds),
            gap=self._gap(surface, adds),
            special=surface.special,
            adds=adds,
            logprob=finite(logprob),
            alternatives=tuple(Alternative(other, label, finite(p)) for other, label, p in alternatives),
            cross=cross,
        )
        self.surfaces.append(surface)
        self.tokens.append(token)
        return token

    def line(self, words: Sequence[int]) -> Line:
        """The finished line [T]; the maps of the run hold what the tokens had of attention."""
        return line_of([replace(token, cross="") for token in self.tokens], self.surfaces, words)

    def _gap(self, surface: Surface, adds: str) -> bool:
        """Whether white space stands before the next token."""
        if not self.tokens or self.surfaces[-1].whole or surface.whole:
            return True
        if surface.gap and not adds:
            return True  # the space itself, or a piece whose letters come with a later token
        # The gap before a letter of several tokens stands at the first of them.
        stands_already = not self.tokens[-1].text and not surface.gap
        return adds[:1].isspace() and not stands_already


def _written_text(surface: Surface, adds: str) -> str:
    """What a written token shows: its text, or its label where it adds nothing though it is no part."""
    if surface.special:
        return surface.label
    if not adds and not surface.byte and not surface.lone_space:
        return surface.label
    return adds.lstrip()


# ---- words


def line_of(tokens: Sequence[Token], surfaces: Sequence[Surface], words: Sequence[int]) -> Line:
    """A line of tokens with the labels of a map's side and its words.

    ``words`` is what ``bertgen.tokenizers.word_groups`` says; a special token is a word of its own.
    """
    groups: list[int] = []
    members: list[list[Surface]] = []
    labels = []
    for index, surface in enumerate(surfaces):
        # Does a word begin here, as the tokenizer says or since a special token stands here or before?
        same = index > 0 and words[index] == words[index - 1]
        alone = surface.special or (index > 0 and surfaces[index - 1].special)
        begins = alone or not same
        if begins:
            members.append([])
        members[-1].append(surface)
        groups.append(len(members) - 1)
        labels.append(side_label(surface, begins))
    word_labels = tuple(word_label(group) for group in members)
    return Line(tuple(tokens), tuple(labels), tuple(groups), word_labels)


def side_label(surface: Surface, begins: bool = True) -> str:
    """A token's label at the side of a map: a middle dot in front of letters that continue a word."""
    label = surface.label
    if begins or surface.byte or surface.whole or not label[0].isalnum():
        return label
    return f"·{label}"


def word_label(surfaces: Sequence[Surface]) -> str:
    """The pieces of one word, joined without gaps; runs of byte pieces become their characters."""
    data = b"".join(surface.data for surface in surfaces)
    return data.decode("utf-8", errors="replace").strip(" ") or LONE_SPACE


# ---- a run


@dataclass(frozen=True, slots=True)
class Lines:
    """The two lines of a run, the token that the decoder begins with, and what of the text was left out."""

    source: Line
    target: Line
    start: Token
    cut: str = ""


def start_token(surface: Surface, token_id: int = -1) -> Token:
    """The token that the decoder begins with; -1 where only its piece is known."""
    return Token(token_id, surface.piece, surface.label, surface.label, gap=True, special=True)


def sentencepiece_lines(trace: Any) -> Lines:
    """The lines of a trace whose pieces are in SentencePiece's notation, without its tokenizer.

    What each token adds to the text is then taken from its piece.
    """
    source = [sentencepiece_surface(piece) for piece in trace.source_pieces]
    writer = Writer()
    for index, piece in enumerate(trace.target_pieces):
        surface = sentencepiece_surface(piece)
        others = ((i, sentencepiece_surface(other).label, p) for i, other, p in trace.top_k[index])
        adds = ""
        if not surface.special:
            adds = piece.replace("▁", " ")
        writer.write(trace.target_ids[index], surface, adds, trace.logprobs[index], others)
    start = getattr(trace, "start_piece", "") or "<s>"
    return Lines(
        source_line(trace.source_ids, source, trace.source_words),
        writer.line(trace.target_words),
        start_token(sentencepiece_surface(start)),
    )
