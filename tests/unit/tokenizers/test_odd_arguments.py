"""Arguments and texts that cannot be used: said in words, never an error from deep inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertgen import BertGenerationTokenizer

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def tokenizer():
    return BertGenerationTokenizer(GOLDEN / "tokenizer" / "bytes.model", pad_token="<pad>")


def test_half_a_surrogate_pair(tokenizer):
    for text in ("\ud800", "a \udfff b"):
        for call in (tokenizer, tokenizer.tokenize, tokenizer.encode, tokenizer.convert_tokens_to_ids):
            with pytest.raises(ValueError, match="surrogate"):
                call(text)
    with pytest.raises(ValueError, match="at place 2"):
        tokenizer(["fine", "ab\ud800"], padding=True)
    assert tokenizer("\U0001f600").input_ids  # a whole pair is a character


@pytest.mark.parametrize("length", ["x", 3.5, -1])
@pytest.mark.parametrize("options", [{}, {"truncation": True}, {"padding": "max_length"}], ids=str)
def test_lengths_that_are_none(tokenizer, length, options):
    with pytest.raises(ValueError, match="max_length"):
        tokenizer("a b c", max_length=length, **options)


def test_multiples(tokenizer):
    """0 rounds nothing, with and without a length; what is no number is refused."""
    plain = tokenizer("a b c", truncation=True, max_length=3, padding=True).input_ids
    found = tokenizer("a b c", truncation=True, max_length=3, padding=True, pad_to_multiple_of=0).input_ids
    assert found == plain
    for multiple in ("x", 1.5, -2):
        with pytest.raises(ValueError, match="pad_to_multiple_of"):
            tokenizer("a b c", padding=True, pad_to_multiple_of=multiple)
