"""Random BERT, RoBERTa and GPT-2 checkpoints of one layer, and a recipe that starts from one of them."""

import json
from pathlib import Path

import torch

from bertgen import (
    BertConfig,
    BertLMHeadModel,
    BertTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    RobertaConfig,
    RobertaForCausalLM,
    RobertaTokenizer,
)

SIZES = {"num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "hidden_size": 8}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["ada", "bob", "sees", "and", "runs", ".", "he", *map(str, range(30))]
RECIPE = """
name = "tiny"
task = "{task}"
title = "Tiny"
seed = 1
longest_source = {longest}
longest_target = {longest}

[warm_start]
setup = "BERTSHARE"
bert = "{bert}"

[[data]]
name = "own"
origin = "this test"
licence = "Apache-2.0"
{files}

[optimisation]
batch_tokens = 128
validate_every = 1
max_steps = {steps}
warmup_steps = 0
decay_steps = 0
learning_rate = 1e-3
"""
OWN_FILES = 'train = "train.tsv"\nvalid = "valid.tsv"'


def recipe_text(
    bert: Path, task: str = "split", longest: int = 38, files: str = OWN_FILES, steps: int = 2
) -> str:
    """A recipe of one set, called "own", and `steps` steps."""
    return RECIPE.format(bert=bert, task=task, longest=longest, files=files, steps=steps)


def byte_letters() -> list[str]:
    """The 256 letters of a byte-level vocabulary."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) for byte in plain] + [chr(256 + number) for number in range(len(others))]


def make_bert(folder: Path) -> Path:
    """An uncased BERT of 42 tokens and 40 positions."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS]) + "\n")
    BertTokenizer(folder / "vocab.txt").save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=42, max_position_embeddings=40, is_decoder=True, **SIZES)
    BertLMHeadModel(config).save_pretrained(folder)
    return folder


def _byte_level_files(folder: Path, pieces: list[str]) -> tuple[Path, Path]:
    folder.mkdir()
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder / "vocab.json", folder / "merges.txt"


def make_roberta(folder: Path) -> Path:
    """A RoBERTa of single bytes, with 38 positions."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *byte_letters(), "<mask>"]
    RobertaTokenizer(*_byte_level_files(folder, pieces)).save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(vocab_size=len(pieces), max_position_embeddings=40, type_vocab_size=1, **SIZES)
    RobertaForCausalLM(config).save_pretrained(folder)
    return folder


def make_gpt2(folder: Path) -> Path:
    """A GPT-2 of single bytes, with 64 positions."""
    files = _byte_level_files(folder, [*byte_letters(), "<|endoftext|>"])
    GPT2Tokenizer(*files).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=257, n_embd=8, n_layer=1, n_head=1, n_positions=64)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder
