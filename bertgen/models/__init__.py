"""The other families of checkpoints: BERT, RoBERTa and GPT-2, built on the layers of BertGeneration."""

from bertgen.models.bert import BertLMHeadModel, BertModel
from bertgen.models.gpt2 import GPT2LMHeadModel, GPT2Model
from bertgen.models.roberta import RobertaForCausalLM, RobertaModel

__all__ = [
    "BertLMHeadModel",
    "BertModel",
    "GPT2LMHeadModel",
    "GPT2Model",
    "RobertaForCausalLM",
    "RobertaModel",
]
