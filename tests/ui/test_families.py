"""Checkpoints of the other families in the page: opened, run, and readable, whatever their vocabularies."""

from __future__ import annotations

import json

import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationConfig,
    BertTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2Tokenizer,
    RobertaConfig,
    RobertaTokenizer,
)
from components.runs.tokens import TokenReader
from components.tabs import checkpoints, generate
from tests.conftest import GOLDEN

FILES = GOLDEN / "family_tokenizer"
SETTINGS = ("greedy", 4, 1.0, 50, 1.0, 8, 0)
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40}
TEXT = "The cat sat, unhappily."


def tokenizer_of(family: str, tokenizer):
    kinds = {"bert": BertTokenizer, "roberta": RobertaTokenizer, "gpt2": GPT2Tokenizer}
    if family == "bert-generation":
        return tokenizer
    return kinds[family].from_pretrained(str(FILES / ("bert" if family == "bert" else "bytes")))


def config_of(family: str, size: int):
    if family == "gpt2":
        return GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=64, vocab_size=size)
    kinds = {"bert": BertConfig, "roberta": RobertaConfig, "bert-generation": BertGenerationConfig}
    return kinds[family](**SMALL, max_position_embeddings=66, vocab_size=size)


@pytest.fixture
def make(tmp_path, tokenizer):
    """A function writing a small random checkpoint of two families and returning its folder."""

    def write(encoder: str, decoder: str):
        source, target = tokenizer_of(encoder, tokenizer), tokenizer_of(decoder, tokenizer)
        config = EncoderDecoderConfig.from_encoder_decoder_configs(
            config_of(encoder, len(source)), config_of(decoder, len(target))
        )
        config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 1
        torch.manual_seed(0)
        folder = tmp_path / f"{encoder}2{decoder}"
        EncoderDecoderModel(config).save_pretrained(str(folder))
        if decoder != encoder:
            source.decoder_tokenizer = target
        source.save_pretrained(str(folder))
        source.decoder_tokenizer = None
        (folder / "profile.json").write_text(json.dumps({"task": "split", "title": folder.name}))
        return folder

    return write


@pytest.mark.parametrize(
    ("encoder", "decoder", "longest"),
    [
        ("bert", "bert", 66),
        ("bert", "gpt2", 64),
        ("roberta", "roberta", 64),  # of 66 positions it uses those behind the padding token's
        ("roberta", "gpt2", 64),
        ("bert-generation", "bert", 66),
    ],
)
def test_any_two_halves_open_and_run(ctx, make, encoder, decoder, longest):
    folder = make(encoder, decoder)
    checkpoints.on_open(ctx, str(folder), "me")
    name = folder.name
    value = list(generate.on_run(ctx, TEXT, "split", name, SETTINGS, "me"))[-1]
    assert value["state"] == "finished", value["message"]
    (segment,) = value["segments"]
    trace = ctx.sessions.trace("me", segment["run"])
    tokens = [json.loads(token) for token in segment["tokens"]]
    source = json.loads(segment["head"])["source"]["tokens"]
    assert [token["piece"] for token in tokens] == list(trace.target_pieces)
    assert [token["piece"] for token in source] == list(trace.source_pieces)
    assert "".join(token.get("adds", "") for token in tokens).strip() == trace.text.strip()
    loaded = ctx.registry.get(name, "me")
    assert loaded.count(TEXT) == len(source)
    assert loaded.target_tokenizer.decode(trace.target_ids.tolist(), skip_special_tokens=True) == trace.text
    assert ctx.registry.describe(name, "me").longest_source == longest


def read(tokenizer, pieces: list[str]) -> list[tuple[bool, str]]:
    """(white space in front, label) of each piece."""
    reader = TokenReader(tokenizer)
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    ids = [special.get(piece, 10_000 + number) for number, piece in enumerate(pieces)]
    return [(surface.gap, surface.label) for surface in reader.surfaces(ids, pieces)]


def test_how_wordpiece_reads(tokenizer):
    bert = tokenizer_of("bert", tokenizer)
    pieces = ["[CLS]", "the", "##ly", ",", "(", "[SEP]"]
    assert read(bert, pieces) == [
        (False, "[CLS]"),
        (True, "the"),
        (False, "ly"),
        (False, ","),
        (True, "("),
        (False, "[SEP]"),
    ]


def test_how_byte_level_pieces_read(tokenizer):
    gpt2 = tokenizer_of("gpt2", tokenizer)
    assert read(gpt2, ["The", "Ġcat", "Ã¤", "Ã", "Ċ", "<|endoftext|>"]) == [
        (False, "The"),
        (True, "cat"),
        (False, "ä"),
        (False, "xC3"),
        (False, "⏎"),
        (False, "<|endoftext|>"),
    ]


def test_how_sentencepiece_reads(tokenizer):
    assert read(tokenizer, ["▁The", "cat", "<0xC3>", "</s>"]) == [
        (True, "The"),
        (False, "cat"),
        (False, "xC3"),
        (False, "</s>"),
    ]
