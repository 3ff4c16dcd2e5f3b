"""One text without options goes straight through the core: what comes out is what the long way gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from bertgen import BertGenerationTokenizer, BertTokenizer, GPT2Tokenizer, RobertaTokenizer
from bertgen.tokenizers import AddedToken, BatchEncoding, PreTrainedTokenizer

GOLDEN = Path(__file__).parents[2] / "golden"
FAMILY = GOLDEN / "family_tokenizer"
BYTES = (FAMILY / "bytes" / "vocab.json", FAMILY / "bytes" / "merges.txt")
MAKERS = {
    "bert-generation": lambda **kwargs: BertGenerationTokenizer(
        GOLDEN / "tokenizer" / "bytes.model", **kwargs
    ),
    "bert": lambda **kwargs: BertTokenizer(FAMILY / "bert" / "vocab.txt", **kwargs),
    "gpt2": lambda **kwargs: GPT2Tokenizer(*BYTES, **kwargs),
    "roberta": lambda **kwargs: RobertaTokenizer(*BYTES, **kwargs),
}
SNIPPETS = (
    "The", "sofa", "wasn't", " ", "  ", "\n", "\x00", "naïve", "Σας", "猫", "😀", "a\u0301", "3.5", "...",
    "<s>", "</s>", "[MASK]", "<mask>", "<|endoftext|>", "foo", "Foo", "bar", "\u2028", "x" * 120,
)  # fmt: skip


def texts() -> list[str]:
    rng = random.Random(0)
    return ["", " ", "</s>"] + ["".join(rng.choices(SNIPPETS, k=rng.randint(1, 8))) for _ in range(300)]


def long_way(tokenizer: PreTrainedTokenizer, text: str, **kwargs) -> BatchEncoding:
    """The same call with an option that changes nothing: only calls without any option take the short way."""
    return tokenizer(text, verbose=True, **kwargs)


@pytest.mark.parametrize(
    "options", [{}, {"model_input_names": ["input_ids"]}, {"split_special_tokens": True}]
)
@pytest.mark.parametrize("kind", MAKERS)
def test_short_way_is_long_way(kind, options, monkeypatch):
    tokenizer = MAKERS[kind](**options)
    tokenizer.add_tokens(["foo", AddedToken("bar", lstrip=True, single_word=True)])
    for text in texts():
        expected = long_way(tokenizer, text)
        with monkeypatch.context() as patch:
            # The long way is closed: the call below cannot take it.
            patch.delattr("bertgen.tokenizers.reference.rows.Rows._assemble")
            found = tokenizer(text)
            assert tokenizer.encode(text) == expected["input_ids"]
        assert list(found) == list(expected)
        assert found.data == expected.data
        assert tokenizer.encode_text(text) == found["input_ids"]
        assert tokenizer.encode_plus(text).data == expected.data


@pytest.mark.parametrize("kind", MAKERS)
def test_short_way_gives_the_same_tensors(kind):
    tokenizer = MAKERS[kind]()
    for text in ("", "The sofa wasn't red"):
        expected = long_way(tokenizer, text, return_tensors="pt")
        found = tokenizer(text, return_tensors="pt")
        assert list(found) == list(expected)
        for name, tensor in found.items():
            assert tensor.dtype == expected[name].dtype == torch.int64
            assert tensor.shape == expected[name].shape
            assert torch.equal(tensor, expected[name])
        assert torch.equal(tokenizer.encode(text, return_tensors="pt"), expected["input_ids"])


def test_both_ways_warn_once_of_a_text_that_is_too_long(caplog):
    for call in (lambda tokenizer: tokenizer("a b c d"), lambda tokenizer: long_way(tokenizer, "a b c d")):
        tokenizer = MAKERS["bert"](model_max_length=3)
        caplog.clear()
        call(tokenizer)
        call(tokenizer)
        assert [record.message for record in caplog.records] == [
            "6 tokens are more than the model's 3; pass truncation=True"
        ]


def test_hooks_of_a_subclass_hold_on_both_ways():
    class Shouting(BertTokenizer):
        def prepare_for_tokenization(self, text, **kwargs):
            return super().prepare_for_tokenization(text.replace("!", "."), **kwargs)

        def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
            return [*token_ids_0, self.sep_token_id]

        def create_token_type_ids_from_sequences(self, token_ids_0, token_ids_1=None):
            return [7] * (len(token_ids_0) + 1)

    tokenizer = Shouting(FAMILY / "bert" / "vocab.txt")
    found = tokenizer("no!")
    assert found.data == long_way(tokenizer, "no!").data
    assert found["input_ids"] == [
        *tokenizer.convert_tokens_to_ids(tokenizer.tokenize("no.")),
        tokenizer.sep_token_id,
    ]
    assert set(found["token_type_ids"]) == {7}


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_call_within_as_target_tokenizer_is_the_decoders():
    tokenizer = MAKERS["bert-generation"]()
    tokenizer.decoder_tokenizer = MAKERS["roberta"]()
    with tokenizer.as_target_tokenizer():
        inside = tokenizer("red")
    assert inside.data == tokenizer.decoder_tokenizer("red").data
    assert inside.data != tokenizer("red").data
