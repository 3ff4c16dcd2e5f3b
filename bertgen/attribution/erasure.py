"""The erasure test: does the output hang on the source words that a measure names, more than on any words?

Dimension letters: T target tokens, W source words, M masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bertgen.attribution.erased import source_logprobs
from bertgen.attribution.forced import Reading
from bertgen.attribution.measures import measure
from bertgen.errors import Trouble
from bertgen.trace import GenerationTrace

DRAWS = 20  # of random words, for the baseline


@dataclass(frozen=True, eq=False)
class Erasure:
    """What masking does to the probability p of each written token [T]; baselines are means of random words.

    ``words`` [T, k]: the source words that the measure names, by their numbers, the largest first.
    ``comprehensiveness``: p minus p without these words (high: they were needed). ``sufficiency``: p minus p
    with only these words (low: they were enough). ``random_*``: the same for k words drawn at random.
    """

    words: np.ndarray
    comprehensiveness: np.ndarray
    sufficiency: np.ndarray
    random_comprehensiveness: np.ndarray
    random_sufficiency: np.ndarray


def erasure(
    model: Any, tokenizer: Any, trace: GenerationTrace, name: str, k: int = 3, *, seed: int = 0
) -> Erasure:
    """Comprehensiveness and sufficiency (DeYoung et al. 2020) of a measure's cross map, word by word.

    A word's value is the sum over its pieces, of the map's last layer where layers are cumulative ("alti"),
    else of the mean over layers and heads. Words are masked as in ``occlusion``. ``tokenizer`` is the run's
    own. Raises ``Trouble`` where the measure has no cross map, or the source has no more than k words.
    """
    maps = measure(model, trace, name)
    if "cross" not in maps:
        raise Trouble("measure.no_cross", name=name)
    words = np.asarray(trace.source_words)
    count = int(words.max()) + 1
    if not 0 < k < count:
        raise Trouble("measure.too_many_words", k=k, words=count)
    # 1) the words that the measure names
    layers = maps["cross"].weights.astype(np.float64)  # [L, H, T, S]
    if name == "alti":
        layers = layers[-1:]
    pieces = layers.mean((0, 1))
    values = np.stack([pieces[:, words == word].sum(1) for word in range(count)], axis=1)  # [T, W]
    named = np.argsort(-values, axis=1, kind="stable")[:, :k]
    # 2) the same number of words at random, the same draws for every token
    generator = np.random.default_rng(seed)
    drawn = np.stack([generator.permutation(count)[:k] for _ in range(DRAWS)])  # [20, k]
    # 3) probabilities without and with only these words; each choice of words is run once
    choices, place = np.unique(np.sort(np.concatenate([named, drawn]), axis=1), axis=0, return_inverse=True)
    place = place.reshape(-1)
    chosen = np.zeros((len(choices), count), dtype=bool)
    np.put_along_axis(chosen, choices, True, axis=1)
    with torch.inference_mode(False), torch.no_grad():
        reading = Reading(model, trace)
        clean = reading.clean_run().logprobs[0].exp().cpu().numpy()  # [T]
        hidden = np.concatenate([chosen, ~chosen])[:, words]  # [2 M, S]
        drops = clean - source_logprobs(reading, hidden).exp().cpu().numpy()  # [2 M, T]
    without, only = drops[: len(choices)], drops[len(choices) :]
    # 4) each token's own words, and the mean of the draws
    tokens, own, random = np.arange(len(clean)), place[: len(named)], place[len(named) :]
    return Erasure(
        named, without[own, tokens], only[own, tokens], without[random].mean(0), only[random].mean(0)
    )
