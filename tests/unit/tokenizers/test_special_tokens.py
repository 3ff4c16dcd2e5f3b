"""What is worked out once of the special tokens follows every change of them."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from bertgen import BertGenerationTokenizer, BertTokenizer
from bertgen.tokenizers import PreTrainedTokenizer, StreamDecoder

GOLDEN = Path(__file__).parents[2] / "golden"
CHANGES = {
    "a name": lambda tokenizer: setattr(tokenizer, "mask_token", "red"),
    "an id": lambda tokenizer: setattr(tokenizer, "cls_token_id", tokenizer.convert_tokens_to_ids("o")),
    "no name": lambda tokenizer: setattr(tokenizer, "pad_token", None),
    "unnamed": lambda tokenizer: setattr(tokenizer, "additional_special_tokens", ["o"]),
    "add_special_tokens": lambda tokenizer: tokenizer.add_special_tokens({"cls_token": "<new>"}),
    "more unnamed": lambda tokenizer: tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<x>", "o"]}
    ),
    "add_tokens": lambda tokenizer: tokenizer.add_tokens(["sofa", "<y>"]),
    "add_tokens, special": lambda tokenizer: tokenizer.add_tokens(["<y>", "o"], special_tokens=True),
}


def make(kind: str) -> PreTrainedTokenizer:
    if kind == "bert":
        return BertTokenizer(GOLDEN / "family_tokenizer" / "bert" / "vocab.txt")
    return BertGenerationTokenizer(GOLDEN / "tokenizer" / "bytes.model")


def facts(tokenizer: PreTrainedTokenizer) -> list[object]:
    """Everything that goes by the special tokens."""
    ids = [*range(0, len(tokenizer), 7), *tokenizer.all_special_ids, *tokenizer.added_tokens_decoder]
    ids = [index for index in ids if index is not None and index < len(tokenizer)]
    stream = StreamDecoder(tokenizer)
    return [
        tokenizer.tokenize("Red <new> o<x>sofa<y>"),
        tokenizer.all_special_tokens,
        set(tokenizer.special_tokens),
        tokenizer.special_ids,
        tokenizer.tokens_set_off,
        tokenizer.decode(ids),
        tokenizer.decode(ids, skip_special_tokens=True),
        "".join([*map(stream.put, ids), stream.end()]),
    ]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["bert", "bert-generation"])
def test_a_change_after_use_is_a_change_before_it(kind, change):
    used, fresh = make(kind), make(kind)
    before = facts(used)
    CHANGES[change](used)
    CHANGES[change](fresh)
    assert facts(used) == facts(fresh) != before
    assert set(used.special_tokens) == set(used.all_special_tokens)
    assert used.special_ids == set(used.all_special_ids)


def test_a_copy_has_tokens_of_its_own():
    tokenizer = make("bert")
    before = facts(tokenizer)
    for other in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer))):
        assert facts(other) == before
        other.add_tokens(["<y>"], special_tokens=True)
        assert facts(other) != before
    assert facts(tokenizer) == before


@pytest.mark.parametrize("kind", ["bert", "spiece"])
def test_unnamed_tokens_by_their_ids_and_as_none(kind):
    """As in transformers 4.37.2: ids set the tokens, None reads back as None and may be added to."""
    tokenizer = make(kind)
    chosen = tokenizer.convert_tokens_to_ids(["o", "e"])
    tokenizer.additional_special_tokens_ids = chosen
    assert tokenizer.additional_special_tokens == ["o", "e"]
    assert tokenizer.additional_special_tokens_ids == chosen
    assert set(chosen) <= set(tokenizer.all_special_ids)

    tokenizer.additional_special_tokens = None
    assert tokenizer.additional_special_tokens is None
    assert tokenizer.additional_special_tokens_ids is None
    assert "additional_special_tokens" not in tokenizer.special_tokens_map
    assert "o" not in tokenizer.all_special_tokens
    assert (
        tokenizer.decode(tokenizer("o", add_special_tokens=False).input_ids, skip_special_tokens=True) == "o"
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<x>"]}, replace_additional_special_tokens=False
    )
    assert tokenizer.additional_special_tokens == ["<x>"]


def test_none_is_saved_and_more_are_added(tmp_path):
    tokenizer = make("spiece")
    tokenizer.additional_special_tokens = None
    tokenizer.save_pretrained(tmp_path)
    assert not BertGenerationTokenizer.from_pretrained(tmp_path).additional_special_tokens
    tokenizer.add_tokens(["<y>"], special_tokens=True)
    assert tokenizer.additional_special_tokens == ["<y>"]
    with pytest.raises(AssertionError, match="must be a list"):
        tokenizer.additional_special_tokens = ""
