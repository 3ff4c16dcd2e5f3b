"""What a generation hands over to whoever looks at it: plain numpy, no torch, no page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

TopK = tuple[tuple[int, str, float], ...]


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One written token.

    ``text`` is what the token adds to the output; it never cuts a multi-byte character (byte pieces are
    held back until the character is whole), and the texts of a run joined are the decoded output.
    ``logprob`` is the natural log of the plain softmax, before any processor or temperature; ``top_k``
    holds the ten most probable (token_id, piece, logprob) on the same scale, best first.
    ``cross`` [L, H, S] and ``decoder_self`` [L, H, index + 1] are the attention rows of the query that
    predicted this token (float16; None without capture).
    """

    index: int
    token_id: int
    piece: str
    text: str
    logprob: float
    top_k: TopK
    cross: np.ndarray | None = None
    decoder_self: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class BeamStep:
    """The best draft after one step of a beam search: its text so far and its score.

    ``score`` is the beam's sum of log-probabilities divided by length ** length_penalty, the number that
    finished hypotheses are ranked by.
    """

    index: int
    text: str
    score: float


@dataclass(frozen=True, eq=False)
class BeamAncestry:
    """A whole beam search, enough to draw its tree (K beams, N steps).

    ``token_ids`` [N, K]: the token each live beam took at a step; ``parents`` [N, K]: which beam of the
    step before it continues; ``scores`` [N, K]: sums of log-probabilities after the step; ``winner`` [T]:
    the live beam, of the step before the token was chosen, that wrote each token of the output.
    """

    token_ids: np.ndarray
    parents: np.ndarray
    scores: np.ndarray
    winner: np.ndarray


@dataclass(frozen=True, eq=False)
class GenerationTrace:
    """A finished run (T target tokens, S source tokens, L layers, H heads).

    The target leaves the start token out and keeps the end token. Row t of ``cross`` [L, H, T, S] and of
    ``decoder_self`` [L, H, T, T] is the query that PREDICTED target[t], that is, the one that read
    target[t-1]. Column j of ``decoder_self`` is the start token for j = 0, else target[j-1]; columns
    j > t are 0. ``encoder_self`` is [L, H, S, S]. All three are float16, rows sum to 1 within 1e-3, and
    None when the run was made without capture. A decoder alone continues its prompt of P tokens, which is
    the source: ``cross`` and ``encoder_self`` are None, ``decoder_self`` is [L, H, T, P - 1 + T], column j
    the prompt's token j for j < P, else target[j - P]. ``*_words`` give each piece the index of its word.
    ``finish_reason`` is "eos", "length" or "stopped" (closed by the caller). ``seconds`` counts the run
    from its start, ``first_token_seconds`` up to its first token, encoder included.
    """

    model: str
    source_ids: np.ndarray
    source_pieces: tuple[str, ...]
    source_words: tuple[int, ...]
    target_ids: np.ndarray
    target_pieces: tuple[str, ...]
    target_words: tuple[int, ...]
    text: str
    logprobs: np.ndarray
    top_k: tuple[TopK, ...]
    cross: np.ndarray | None
    decoder_self: np.ndarray | None
    encoder_self: np.ndarray | None
    beam_ancestry: BeamAncestry | None
    finish_reason: str
    seconds: float
    first_token_seconds: float = 0.0
    start_piece: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
