"""Tokenizers: text to ids and back, without gradio and without a model."""

from bertgen.tokenizers.added_tokens import AddedToken
from bertgen.tokenizers.auto import AutoTokenizer
from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.bert import BertTokenizer
from bertgen.tokenizers.bert_generation import BertGenerationTokenizer
from bertgen.tokenizers.encoding import BatchEncoding
from bertgen.tokenizers.gpt2 import GPT2Tokenizer, RobertaTokenizer
from bertgen.tokenizers.reference.exceptions import VocabularyError
from bertgen.tokenizers.reference.options import PaddingStrategy, TruncationStrategy
from bertgen.tokenizers.stream import StreamDecoder
from bertgen.tokenizers.words import word_groups

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
