"""Writing: greedy search, sampling, beam search; whole, streamed or traced."""

from bertgen.generation.generate import generate
from bertgen.generation.interventions import Interventions
from bertgen.generation.stack import stack_attentions
from bertgen.generation.stream import GenerationStream, stream_generate, trace_generate

__all__ = [
    "GenerationStream",
    "Interventions",
    "generate",
    "stack_attentions",
    "stream_generate",
    "trace_generate",
]
