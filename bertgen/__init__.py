"""bertgen: BertGeneration encoder-decoders in plain PyTorch."""

import sys

from bertgen.checkpoints import Advice, LoadReport, published
from bertgen.configs.checks import ConfigError
from bertgen.configs.generation import GenerationConfig
from bertgen.configs.models import (
    BertConfig,
    BertGenerationConfig,
    EncoderDecoderConfig,
    GPT2Config,
    RobertaConfig,
)
from bertgen.generation import (
    GenerationStream,
    Interventions,
    stack_attentions,
    stream_generate,
    trace_generate,
)
from bertgen.layers.cache import KVCache
from bertgen.layers.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
    ModelOutput,
    Seq2SeqLMOutput,
)
from bertgen.models import (
    BertLMHeadModel,
    BertModel,
    GPT2LMHeadModel,
    GPT2Model,
    RobertaForCausalLM,
    RobertaModel,
)
from bertgen.models.bert_generation import BertGenerationDecoder, BertGenerationEncoder
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import (
    AutoTokenizer,
    BatchEncoding,
    BertGenerationTokenizer,
    BertTokenizer,
    GPT2Tokenizer,
    RobertaTokenizer,
)
from bertgen.trace import AttentionMap, BeamAncestry, BeamStep, GenerationTrace, TokenStep
from bertgen.warm_start import save_warm_start, warm_start, warm_start_tokenizer

__all__ = [
    "Advice",
    "AttentionMap",
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
    "Interventions",
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

# Users import `bertgen.published`; the module itself lives with the other descriptions of checkpoints.
sys.modules[f"{__name__}.published"] = published
