"""The other families of checkpoints: BERT, RoBERTa and GPT-2, built on the layers of BertGeneration."""

from bertgen.families.bert import BertLMHeadModel, BertModel
from bertgen.families.gpt2 import GPT2LMHeadModel, GPT2Model
from bertgen.families.roberta import RobertaForCausalLM, RobertaModel

__all__ = [
    "BertLMHeadModel",
    "BertModel",
    "GPT2LMHeadModel",
    "GPT2Model",
    "RobertaForCausalLM",
    "RobertaModel",
]
