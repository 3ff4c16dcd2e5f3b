"""What all tests share: a tiny seeded model with a real tokenizer, and no way out of this machine."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest
import torch

from bertgen import BertGenerationConfig, BertGenerationTokenizer, EncoderDecoderConfig, EncoderDecoderModel
from bertgen.hub import network
from tests.hub_server import HubServer

GOLDEN = Path(__file__).parent / "golden"
PAD, EOS, START = 0, 1, 2

# The models here are tiny: a second thread only waits for the first, all the more on a busy machine.
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Connections beyond the loopback interface fail at once, so that no test depends on them unseen."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            known = host in ("localhost", "") or _is_loopback(host)
            if not known:
                raise OSError(f"the tests run without a network, {host} was asked for")
        return connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub on the loopback interface that the environment points to, with an empty cache of its own."""
    for name in (
        "HF_TOKEN",
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
    ):
        monkeypatch.delenv(name, raising=False)
    network.forget()
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf_home"))
        yield server
    network.forget()


@pytest.fixture(scope="session")
def tokenizer() -> BertGenerationTokenizer:
    """A SentencePiece tokenizer of 367 pieces, byte pieces included: pad 0, eos 1, start 2, unk 3."""
    return BertGenerationTokenizer(
        str(GOLDEN / "tokenizer" / "bytes.model"), clean_up_tokenization_spaces=False
    )


def tiny_config(vocabulary: int, **decoder_changes) -> EncoderDecoderConfig:
    """Two encoder and three decoder layers of width 32 with four heads, 96 positions."""
    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 96,
    }
    decoder = BertGenerationConfig(**{**sizes, "num_hidden_layers": 3, **decoder_changes})
    config = EncoderDecoderConfig.from_encoder_decoder_configs(BertGenerationConfig(**sizes), decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = START, PAD, EOS
    return config


def scrambled(model: torch.nn.Module, seed: int, eos_bias: float = 4.0) -> torch.nn.Module:
    """Every parameter away from its initial value, outputs far from uniform, eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("LayerNorm.weight"):
                value.copy_(1 + 0.2 * noise)
            elif "position_embeddings" in name:
                value.copy_(2 * noise)
            elif "embedding" in name:
                value.copy_(0.7 * noise)
            elif value.dim() == 2:
                spread = 0.5 if "attention.output" in name else 1.3 if "query" in name else 1.0
                value.copy_(noise * spread / value.shape[1] ** 0.5)
            else:
                value.copy_(0.1 * noise)
        bias = model.decoder.lm_head.bias
        bias[EOS] += eos_bias
        bias[PAD] -= 4.0
        bias[START] -= 4.0
    return model.eval()


@pytest.fixture(scope="session")
def model(tokenizer) -> EncoderDecoderModel:
    """A tiny model that writes varied nonsense; shared, so leave it as it is."""
    return scrambled(EncoderDecoderModel(tiny_config(len(tokenizer))), seed=8)


@pytest.fixture(scope="session")
def make_model(tokenizer):
    """A function making such models: make_model(seed, eos_bias, **decoder config)."""

    def make(seed: int = 8, eos_bias: float = 4.0, **decoder_changes) -> EncoderDecoderModel:
        return scrambled(EncoderDecoderModel(tiny_config(len(tokenizer), **decoder_changes)), seed, eos_bias)

    return make


@pytest.fixture(scope="session")
def scripted_model(tokenizer):
    """A function making a model that writes exactly the given ids, whatever it reads.

    Blocks that add nothing leave each position's own axis the largest, and the head reads the token off it.
    """

    def make(ids: list[int]) -> EncoderDecoderModel:
        width = 64
        assert len(ids) <= width
        config = tiny_config(
            len(tokenizer), hidden_size=width, num_hidden_layers=1, tie_word_embeddings=False
        )
        model = EncoderDecoderModel(config)
        decoder = model.decoder
        with torch.no_grad():
            for name, value in decoder.named_parameters():
                if not name.endswith("LayerNorm.weight"):
                    value.zero_()
            for position, token in enumerate(ids):
                decoder.bert.embeddings.position_embeddings.weight[position, position] = 1.0
                decoder.lm_head.decoder.weight[token, position] = 10.0
        return model.eval()

    return make
