"""bertgen: BertGeneration encoder-decoders in plain PyTorch."""

from bertgen.cache import KVCache
from bertgen.checkpoints import LoadReport
from bertgen.checks import ConfigError
from bertgen.config import BertGenerationConfig, EncoderDecoderConfig, GenerationConfig
from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.generation import GenerationStream, stack_attentions, stream_generate, trace_generate
from bertgen.modeling import BertGenerationDecoder, BertGenerationEncoder
from bertgen.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
    ModelOutput,
    Seq2SeqLMOutput,
)
from bertgen.tokenizers import BatchEncoding, BertGenerationTokenizer
from bertgen.trace import BeamAncestry, BeamStep, GenerationTrace, TokenStep

__all__ = [
    "BaseModelOutput",
    "BaseModelOutputWithPastAndCrossAttentions",
    "BatchEncoding",
    "BeamAncestry",
    "BeamStep",
    "BertGenerationConfig",
    "BertGenerationDecoder",
    "BertGenerationEncoder",
    "BertGenerationTokenizer",
    "CausalLMOutputWithCrossAttentions",
    "ConfigError",
    "EncoderDecoderConfig",
    "EncoderDecoderModel",
    "GenerationConfig",
    "GenerationStream",
    "GenerationTrace",
    "KVCache",
    "LoadReport",
    "ModelOutput",
    "Seq2SeqLMOutput",
    "TokenStep",
    "stack_attentions",
    "stream_generate",
    "trace_generate",
]
