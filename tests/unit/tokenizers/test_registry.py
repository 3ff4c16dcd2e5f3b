"""A new kind of tokenizer enters by the registry: nothing else has to know it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertgen import AutoTokenizer
from bertgen.tokenizers import PreTrainedTokenizer, registry


@pytest.fixture
def letters(monkeypatch):
    """A tokenizer whose vocabulary is a file of letters, registered for the length of a test."""
    monkeypatch.setattr(registry, "TOKENIZERS", dict(registry.TOKENIZERS))

    @registry.register("letters")
    class LetterTokenizer(PreTrainedTokenizer):
        vocab_files_names = {"vocab_file": "letters.json"}  # noqa: RUF012

        def __init__(self, vocab_file, eos_token="<end>", **kwargs):
            self.letters = json.loads(Path(vocab_file).read_text(encoding="utf-8"))["letters"]
            super().__init__(eos_token=eos_token, **kwargs)

        @property
        def vocab_size(self):
            return len(self.letters)

        def get_vocab(self):
            return {letter: index for index, letter in enumerate(self.letters)} | self.added_tokens_encoder

        def _tokenize(self, text):
            return list(text)

        def _convert_token_to_id(self, token):
            return self.letters.index(token)

        def _convert_id_to_token(self, index):
            return self.letters[index]

        def convert_tokens_to_string(self, tokens):
            return "".join(tokens)

        def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
            return [*token_ids_0, *(token_ids_1 or []), self.eos_token_id]

    return LetterTokenizer


@pytest.mark.parametrize("config", [{"model_type": "letters"}, {"tokenizer_class": "LetterTokenizer"}])
def test_a_registered_class_is_found_and_encodes(letters, config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "letters.json").write_text(json.dumps({"letters": "abc"}))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert type(tokenizer) is letters
    assert tokenizer.encode_text("cab<end>a") == [2, 0, 1, 3, 0, 3]
    assert tokenizer("cab").input_ids == tokenizer.encode("cab") == [2, 0, 1, 3]
    assert tokenizer("a", "b").data == {
        "input_ids": [0, 1, 3],
        "token_type_ids": [0, 1],
        "attention_mask": [1, 1, 1],
    }
    assert tokenizer.decode([2, 0, 1, 3], skip_special_tokens=True) == "cab"


def test_a_class_that_is_not_registered_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "letters"}))
    with pytest.raises(ValueError, match="'letters' is not among bert, bert-generation, gpt2, roberta;"):
        AutoTokenizer.from_pretrained(tmp_path)
