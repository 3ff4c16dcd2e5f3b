"""Subword regularisation (Kudo 2018, https://arxiv.org/abs/1804.10959): other cuts of the same words."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

from bertgen.tokenizers.base import PreTrainedTokenizer

# Best cuts of a word that are drawn from.
CUTS = 16


def _knows_cuts(processor: Any) -> bool:
    """Whether a vocabulary has several cuts of a word, with probabilities."""
    try:
        processor.nbest_encode_as_ids("word", 2)
    except RuntimeError:
        # BPE, word and character models.
        return False
    return True


class SubwordSampler:
    """Draws a cut of every word with probability proportional to P(cut)^alpha among its best ones.

    In a unigram vocabulary words are cut independently, so drawing them one by one is drawing a cut of the
    text. The library's own sampling cannot be seeded across processes, which a resumed run needs; its lists
    of best cuts are the same everywhere.
    """

    def __init__(self, tokenizer: PreTrainedTokenizer, alpha: float) -> None:
        if alpha < 0:
            raise ValueError(f"subword_sampling must be at least 0, got {alpha}")
        processor: Any = getattr(tokenizer, "sp_model", None)
        if processor is None or tokenizer.decoder_tokenizer is not None or not _knows_cuts(processor):
            raise ValueError(
                "subword_sampling needs one SentencePiece vocabulary of model_type unigram on both sides: "
                "only that one knows several cuts of a word; set it to 0, or train such a vocabulary"
            )
        self.processor, self.alpha = processor, alpha
        self._cuts: dict[str, tuple[list[tuple[int, ...]], list[float]]] = {}

    def _of(self, word: str) -> tuple[list[tuple[int, ...]], list[float]]:
        """Cuts of a word and their cumulative weights."""
        if word not in self._cuts:
            ids = [tuple(cut) for cut in self.processor.nbest_encode_as_ids(word, CUTS)]
            scores = [sum(map(self.processor.get_score, cut)) for cut in ids]  # log P
            # Relative to the best cut: the P of a long word would underflow.
            weights = [math.exp(self.alpha * (score - scores[0])) for score in scores]
            self._cuts[word] = (ids, list(itertools.accumulate(weights)))
        return self._cuts[word]

    def encode(self, text: str, rng: random.Random) -> list[int]:
        """Ids of `text` with freshly drawn cuts, without special tokens."""
        ids: list[int] = []
        # Other kinds of space are letters to the vocabulary.
        for word in filter(None, text.split(" ")):
            cuts, weights = self._of(word)
            if len(cuts) == 1:
                # No draw where there is no choice.
                ids += cuts[0]
            else:
                ids += rng.choices(cuts, cum_weights=weights)[0]
        return ids
