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
class AttentionMap:
    """One kind of map over all layers and heads: weights [L, H, R, C], R rows (queries), C columns.

    The model's own weights are float16; a measure's are float32, may be signed, and have H = 1 where they are
    not of single heads (L = 1 where not of single layers).

    ``rows`` and ``columns`` name what stands there, piece by piece. ``shift`` tells what a row's query had
    read: row r is labelled ``rows[r]``, the token that its query PREDICTED, and the query read the token
    ``shift`` places before that one. A decoder's maps have shift 1 (row t predicted target[t] and read
    target[t - 1], row 0 the start token or the end of the prompt). An encoder predicts nothing: shift 0,
    each row is the query of its own token. ``measure`` names what the numbers are (`bertgen.attribution`):
    "raw" are the model's own weights, whose rows sum to 1 within 1e-3.
    """

    weights: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shift: int = 0
    measure: str = "raw"

    def __post_init__(self) -> None:
        assert self.weights.shape[2:] == (len(self.rows), len(self.columns)), "a label a row and a column"


@dataclass(frozen=True, eq=False)
class GenerationTrace:
    """A finished run (T target tokens, S source tokens, L layers, H heads).

    The target leaves the start token out and keeps the end token. ``maps`` holds the attention by name, and
    is empty when the run was made without capture:

    - "cross" [L, H, T, S]: row t is the query that PREDICTED target[t], that is, the one that read
      target[t - 1] (``shift`` 1).
    - "decoder_self" [L, H, T, T]: the same rows; column j is the start token for j = 0, else target[j - 1];
      columns j > t are 0. A decoder alone continues its prompt of P tokens, which is the source: then the map
      is [L, H, T, P - 1 + T], column j the prompt's token j for j < P, else target[j - P], and there is
      neither "cross" nor "encoder_self".
    - "encoder_self" [L, H, S, S]: row s is the query of source[s] (``shift`` 0).

    The properties ``cross``, ``decoder_self`` and ``encoder_self`` are the weights of these maps, or None.
    ``*_words`` give each piece the index of its word. ``finish_reason`` is "eos", "length" or "stopped"
    (closed by the caller). ``seconds`` counts the run from its start, ``first_token_seconds`` up to its first
    token, encoder included.

    ``forced`` counts the tokens at the target's beginning that were given as a prefix; log-probabilities and
    rows are the model's for them too. ``interventions`` are the run's `bertgen.Interventions`, or None; the
    maps hold a scaled head's weights as they were before the scaling.
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
    beam_ancestry: BeamAncestry | None
    finish_reason: str
    seconds: float
    first_token_seconds: float = 0.0
    start_piece: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    maps: dict[str, AttentionMap] = field(default_factory=dict)
    forced: int = 0
    interventions: Any = None

    @classmethod
    def from_arrays(
        cls,
        *,
        cross: np.ndarray | None = None,
        decoder_self: np.ndarray | None = None,
        encoder_self: np.ndarray | None = None,
        **fields: Any,
    ) -> GenerationTrace:
        """A trace whose maps are given as bare weights (None: left out); the pieces become their labels."""
        source, target = tuple(fields["source_pieces"]), tuple(fields["target_pieces"])
        maps = {}
        if cross is not None:
            maps["cross"] = AttentionMap(cross, target, source, shift=1)
        if decoder_self is not None:
            # Before the target stands the start token, or the whole prompt that a decoder alone continues.
            before: tuple[str, ...] = (fields.get("start_piece", ""),)
            if decoder_self.shape[-1] > len(target) and cross is None:
                before = source
            maps["decoder_self"] = AttentionMap(decoder_self, target, (before + target)[:-1], shift=1)
        if encoder_self is not None:
            maps["encoder_self"] = AttentionMap(encoder_self, source, source)
        return cls(**fields, maps=maps)

    @property
    def cross(self) -> np.ndarray | None:
        """The weights [L, H, T, S] of ``maps["cross"]``, or None."""
        return self._weights("cross")

    @property
    def decoder_self(self) -> np.ndarray | None:
        """The weights [L, H, T, T] of ``maps["decoder_self"]``, or None."""
        return self._weights("decoder_self")

    @property
    def encoder_self(self) -> np.ndarray | None:
        """The weights [L, H, S, S] of ``maps["encoder_self"]``, or None."""
        return self._weights("encoder_self")

    def _weights(self, name: str) -> np.ndarray | None:
        found = self.maps.get(name)
        return None if found is None else found.weights
