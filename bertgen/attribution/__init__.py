"""Measures of what a run's attention was worth: arrays and traces in, named maps out."""

from bertgen.attribution.erased import occlusion
from bertgen.attribution.measures import MEASURES, Measure, measure

__all__ = ["MEASURES", "Measure", "measure", "occlusion"]
