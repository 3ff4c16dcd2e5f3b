"""Measures of what a run's attention was worth: arrays and traces in, named maps out."""

from bertgen.attribution.agreement import Agreement, agreement, alignment_error
from bertgen.attribution.effects import LogitLens, head_effects, logit_lens
from bertgen.attribution.erased import occlusion
from bertgen.attribution.erasure import Erasure, erasure
from bertgen.attribution.heads import HeadRow, head_table
from bertgen.attribution.measures import MEASURES, Measure, measure

__all__ = [
    "MEASURES",
    "Agreement",
    "Erasure",
    "HeadRow",
    "LogitLens",
    "Measure",
    "agreement",
    "alignment_error",
    "erasure",
    "head_effects",
    "head_table",
    "logit_lens",
    "measure",
    "occlusion",
]
