"""Tokenizers: text to ids and back, without gradio and without a model."""

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.bert_generation import BertGenerationTokenizer
from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.strategies import PaddingStrategy, TruncationStrategy
from bertgen.tokenizers.stream import StreamDecoder, word_groups
from bertgen.tokenizers.tokens import AddedToken

__all__ = [
    "AddedToken",
    "BatchEncoding",
    "BertGenerationTokenizer",
    "PaddingStrategy",
    "PreTrainedTokenizer",
    "StreamDecoder",
    "TruncationStrategy",
    "word_groups",
]
