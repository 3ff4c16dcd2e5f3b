"""Tokenizers: text to ids and back, without gradio and without a model."""

from bertgen.tokenizers.auto import AutoTokenizer
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.bert_generation import BertGenerationTokenizer
from bertgen.tokenizers.byte_level import GPT2Tokenizer, RobertaTokenizer
from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.strategies import PaddingStrategy, TruncationStrategy
from bertgen.tokenizers.stream import StreamDecoder, word_groups
from bertgen.tokenizers.tokens import AddedToken
from bertgen.tokenizers.vocabulary import VocabularyError
from bertgen.tokenizers.wordpiece import BertTokenizer

__all__ = [
    "AddedToken",
    "AutoTokenizer",
    "BatchEncoding",
    "BertGenerationTokenizer",
    "BertTokenizer",
    "GPT2Tokenizer",
    "PaddingStrategy",
    "PreTrainedTokenizer",
    "RobertaTokenizer",
    "StreamDecoder",
    "TruncationStrategy",
    "VocabularyError",
    "word_groups",
]
