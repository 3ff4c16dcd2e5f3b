"""bertgen: BertGeneration encoder-decoders in plain PyTorch."""

from bertgen.cache import KVCache
from bertgen.checkpoints import LoadReport
from bertgen.config import BertGenerationConfig, EncoderDecoderConfig, GenerationConfig
from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.modeling import BertGenerationDecoder, BertGenerationEncoder
from bertgen.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
    ModelOutput,
    Seq2SeqLMOutput,
)
from bertgen.trace import BeamAncestry, BeamStep, GenerationTrace, TokenStep

__all__ = [
    "BaseModelOutput",
    "BaseModelOutputWithPastAndCrossAttentions",
    "BeamAncestry",
    "BeamStep",
    "BertGenerationConfig",
    "BertGenerationDecoder",
    "BertGenerationEncoder",
    "CausalLMOutputWithCrossAttentions",
    "EncoderDecoderConfig",
    "EncoderDecoderModel",
    "GenerationConfig",
    "GenerationTrace",
    "KVCache",
    "LoadReport",
    "ModelOutput",
    "Seq2SeqLMOutput",
    "TokenStep",
]
