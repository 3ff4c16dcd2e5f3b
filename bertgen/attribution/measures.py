"""The measures by name, and the one call that computes any of them from a finished run.

A measure is a function from a model and a trace to maps by kind ("cross", "decoder_self", "encoder_self"; a
kind for which it is not defined is left out). Beside the function stands, as data, what a reader has to know
of it: formula, source, what it does not say, and its cost. Adding one is adding an entry to ``MEASURES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from bertgen.attribution import contributions, erased, gradients, vectors
from bertgen.attribution.forced import Maps, Reading
from bertgen.errors import Trouble
from bertgen.trace import GenerationTrace


@dataclass(frozen=True)
class Measure:
    """One measure: ``compute(model, trace)`` and what is said of it.

    ``cost`` is what it needs beside the trace: "none"; "one pass" of the model over the finished text; "a
    pass a token" (a backward pass a written token, or a batched forward pass a token read); "50 passes a
    token".
    """

    compute: Callable[[Any, GenerationTrace], Maps]
    formula: str
    source: str
    silent_on: str
    cost: str = "none"


def _raw(model: Any, trace: GenerationTrace) -> Maps:
    """The weights as the softmax gave them."""
    return dict(trace.maps)


def _forced(compute: Callable[[Reading], Maps]) -> Callable[[Any, GenerationTrace], Maps]:
    """A measure that reads the finished text again, as a function of model and trace."""

    def of_run(model: Any, trace: GenerationTrace) -> Maps:
        # Gradients need ordinary tensors, also where the caller is in inference mode.
        with torch.inference_mode(False), torch.no_grad():
            return compute(Reading(model, trace))

    return of_run


MEASURES: dict[str, Measure] = {
    "raw": Measure(
        compute=_raw,
        formula="softmax(q k / sqrt(d)), a row a query",
        source="Vaswani et al. 2017, Attention Is All You Need",
        silent_on="how large the values are that were looked at, and what later layers made of them",
    ),
    "norm": Measure(
        compute=_forced(vectors.norm),
        formula="|| a_ij (x_j W_V + b_V) W_O ||, head by head; the output bias is left out",
        source="Kobayashi et al. 2020, Attention is Not Only a Weight",
        silent_on="the residual and the norms; vectors of several keys or heads may cancel each other",
        cost="one pass",
    ),
    "norm_block": Measure(
        compute=_forced(vectors.norm_block),
        formula=(
            "|| g (v_ij - mean(v_ij)) / s(y_i) || with v_ij = sum_h a_ij f(x_j), plus x_i at j = i in "
            "self-attention; s from the true sum; layers opened by a norm: || v_ij ||"
        ),
        source="Kobayashi et al. 2021, Incorporating Residual and Normalization Layers",
        silent_on=(
            "the feed-forward half and other layers; in cross-attention the residual belongs to no source "
            "piece and is left out"
        ),
        cost="one pass",
    ),
    "rollout": Measure(
        compute=_forced(vectors.rollout),
        formula="R_l = (mean_h A_l + I) / 2 R_(l-1), R_0 = I; layer l holds the product up to l",
        source="Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers",
        silent_on=(
            "values, norms, feed-forward: it takes residual and attention as equal halves; in a decoder what "
            "came from the source is left out"
        ),
        cost="one pass",
    ),
    "value_zeroing": Measure(
        compute=_forced(vectors.value_zeroing),
        formula="1 - cos(layer's output with v_j = 0 in all heads, layer's output), a row divided by its sum",
        source="Mohebbi et al. 2023, Quantifying Context Mixing in Transformers",
        silent_on="other layers, single heads, and how strong the whole row's effect is (rows sum to 1)",
        cost="a pass a token",
    ),
    "alti": Measure(
        compute=_forced(contributions.alti),
        formula=(
            "c_ij = max(0, |y_i| - |y_i - T_i(x_j)|) in L1, rows divided by their sum, y_i the attention "
            "half's output = sum_j T_i(x_j) + biases; multiplied up through the layers, the decoder's source "
            "part by the encoder's; source and prefix shares of a row sum to 1"
        ),
        source="Ferrando et al. 2022, Measuring the Mixing of Contextual Information; ALTI+ for the decoder",
        silent_on="the feed-forward halves, single heads, and whether a share spoke for or against the token",
        cost="one pass",
    ),
    "grad_x_attention": Measure(
        compute=_forced(gradients.grad_x_attention),
        formula=(
            "max(0, dy/dA A), head by head, y the log-probability of the row's token; an encoder's rows "
            "predict nothing, there y is that of the whole output"
        ),
        source="Chefer et al. 2021, Generic Attention-model Explainability (not propagated here)",
        silent_on="what spoke against the token (negative parts are cut), and effects that are not local",
        cost="a pass a token",
    ),
    "input_x_gradient": Measure(
        compute=_forced(gradients.input_x_gradient),
        formula="x_j . dy/dx_j, x_j the word embedding, y the log-probability of the row's token; signed",
        source="Shrikumar et al. 2016, Not Just a Black Box; Denil et al. 2014",
        silent_on="anything but the slope right here: a saturated input counts little",
        cost="a pass a token",
    ),
    "integrated_gradients": Measure(
        compute=_forced(gradients.integrated_gradients),
        formula=(
            "x_j . integral over t in 0..1 of dy/dx at t x, 50 Gauss-Legendre nodes from zero word "
            "embeddings; a row of both maps sums to log p minus that of the zero embeddings; signed"
        ),
        source="Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks",
        silent_on=(
            "what another starting point than zero would say; positions are never taken away; where the "
            "slope turns sharply, as trained models' does near zero, 50 nodes miss the sum by a few percent"
        ),
        cost="50 passes a token",
    ),
    "occlusion": Measure(
        compute=_forced(erased.occlusion_maps),
        formula=(
            "log p(y_i) - log p(y_i with piece j masked), positions stay; a prefix token is hidden from the "
            "queries after it, its own diagonal is 0; signed"
        ),
        source="Zeiler and Fergus 2014, Visualizing Convolutional Networks; Li et al. 2016",
        silent_on="pieces that stand in for each other: masking one of two changes nothing",
        cost="a pass a token",
    ),
}


def measure(model: Any, trace: GenerationTrace, name: str) -> Maps:
    """The maps of a measure for a finished run, by kind; float32 but for the trace's own weights.

    Shapes are [L, H, R, C] with the rows and columns of the trace's map of that kind; measures that are not
    of single heads have H = 1, those that are not of single layers L = 1 as well. ``model`` is the one that
    made the run, in eval mode. Raises ``Trouble`` for a name that is no measure, for another model, and for
    "occlusion" of a source of one piece.
    """
    if name not in MEASURES:
        raise Trouble("measure.unknown", name=name, known=", ".join(sorted(MEASURES)))
    return MEASURES[name].compute(model, trace)
