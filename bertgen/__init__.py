"""bertgen: BertGeneration encoder-decoders in plain PyTorch."""

from bertgen.cache import KVCache
from bertgen.checkpoints import Advice, LoadReport
from bertgen.checks import ConfigError
from bertgen.config import (
    BertConfig,
    BertGenerationConfig,
    EncoderDecoderConfig,
    GenerationConfig,
    GPT2Config,
    RobertaConfig,
)
from bertgen.encoder_decoder import EncoderDecoderModel
from bertgen.families import (
    BertLMHeadModel,
    BertModel,
    GPT2LMHeadModel,
    GPT2Model,
    RobertaForCausalLM,
    RobertaModel,
)
from bertgen.generation import GenerationStream, stack_attentions, stream_generate, trace_generate
from bertgen.modeling import BertGenerationDecoder, BertGenerationEncoder
from bertgen.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
    ModelOutput,
    Seq2SeqLMOutput,
)
from bertgen.tokenizers import (
    AutoTokenizer,
    BatchEncoding,
    BertGenerationTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    RobertaTokenizer,
)
from bertgen.trace import BeamAncestry, BeamStep, GenerationTrace, TokenStep
from bertgen.warm_start import save_warm_start, warm_start, warm_start_tokenizer

__all__ = [
    "Advice",
    "AutoTokenizer",
    "BaseModelOutput",
    "BaseModelOutputWithPastAndCrossAttentions",
    "BaseModelOutputWithPoolingAndCrossAttentions",
    "BatchEncoding",
    "BeamAncestry",
    "BeamStep",
    "BertConfig",
    "BertGenerationConfig",
    "BertGenerationDecoder",
    "BertGenerationEncoder",
    "BertGenerationTokenizer",
    "BertLMHeadModel",
    "BertModel",
    "BertTokenizer",
    "CausalLMOutputWithCrossAttentions",
    "ConfigError",
    "EncoderDecoderConfig",
    "EncoderDecoderModel",
    "GPT2Config",
    "GPT2LMHeadModel",
    "GPT2Model",
    "GPT2Tokenizer",
    "GenerationConfig",
    "GenerationStream",
    "GenerationTrace",
    "KVCache",
    "LoadReport",
    "ModelOutput",
    "RobertaConfig",
    "RobertaForCausalLM",
    "RobertaModel",
    "RobertaTokenizer",
    "Seq2SeqLMOutput",
    "TokenStep",
    "save_warm_start",
    "stack_attentions",
    "stream_generate",
    "trace_generate",
    "warm_start",
    "warm_start_tokenizer",
]
