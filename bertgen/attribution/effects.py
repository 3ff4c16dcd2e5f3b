"""What single heads are worth, and what each layer would have written: two looks at the finished text.

Dimension letters: L layers, H heads, T target, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bertgen.attribution.forced import Reading
from bertgen.trace import GenerationTrace


def head_effects(model: Any, trace: GenerationTrace) -> dict[str, np.ndarray]:
    """{kind: float32 [L, H]}: log-probability of the output with a head minus that without it.

    Teacher-forced and summed over the output's tokens; positive where the head helped (Michel et al. 2019).
    Without it means that its part of the output projection gets zeros; the bias stays. Raises ``Trouble`` for
    another model than the run's.
    """
    with torch.inference_mode(False), torch.no_grad():
        reading = Reading(model, trace)
        clean = reading.clean_run()
        effects = {}
        for kind in reading.kinds():
            layers = []
            for layer, (parts, _) in enumerate(clean.side(kind).halves(kind)):
                heads = parts.attention.num_attention_heads
                without = reading.run(edits={(kind, layer): _without_one_head}, copies=heads)
                layers.append(clean.logprobs[0].sum() - without.logprobs.sum(-1))  # [H]
            effects[kind] = torch.stack(layers).float().cpu().numpy()
    return effects


def _without_one_head(values: Tensor) -> Tensor:
    """Values [H, H, K, D] of a batch with a row a head: row h without head h."""
    heads = torch.arange(values.shape[1], device=values.device)
    kept = values.clone()
    kept[heads, heads] = 0
    return kept


@dataclass(frozen=True, eq=False)
class LogitLens:
    """What the model's own head makes of each decoder layer's states.

    ``top_ids`` and ``top_logprobs`` [L, T, k], best first; ``ranks`` [L, T] of the token that was written, 0
    for the best; ``logprobs`` [L, T] of it. The last layer's are the run's own.
    """

    top_ids: np.ndarray
    top_logprobs: np.ndarray
    ranks: np.ndarray
    logprobs: np.ndarray


def logit_lens(model: Any, trace: GenerationTrace, k: int = 5) -> LogitLens:
    """Reads the head off every decoder layer's output (nostalgebraist 2020), after the model's closing norm.

    Says what a layer's states look like to the head; earlier layers need not write in its language. Raises
    ``Trouble`` for another model than the run's.
    """
    with torch.inference_mode(False), torch.no_grad():
        reading = Reading(model, trace)
        base, head = reading.language.base, reading.language.head()
        ids, best, ranks, chosen = [], [], [], []
        for run in reading.clean_run().decoder.runs:
            # 1) the layer's states as the last layer's would be read
            states = run.output[:, reading.rows]
            if base.closed_by is not None:
                states = base.get_submodule(base.closed_by)(states)
            logprobs = head(states)[0].float().log_softmax(-1)  # [T, V]
            # 2) its best tokens, and where the written one stands among all
            values, top = logprobs.topk(min(k, logprobs.shape[-1]))
            own = logprobs.gather(-1, reading.target[:, None])
            ids.append(top)
            best.append(values)
            chosen.append(own[:, 0])
            ranks.append((logprobs > own).sum(-1))
    return LogitLens(*(torch.stack(layers).cpu().numpy() for layers in (ids, best, ranks, chosen)))
