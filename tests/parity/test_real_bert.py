"""Real weights: a BERT of six layers answers as in transformers 4.37.2, and starts encoder-decoders.

The weights come from tests/install_weights.py.
"""

from __future__ import annotations

import pytest
import torch

from bertgen import (
    AutoTokenizer,
    BertGenerationEncoder,
    BertModel,
    BertTokenizer,
    EncoderDecoderModel,
    save_warm_start,
    trace_generate,
    warm_start,
    warm_start_tokenizer,
)
from tests.golden.fingerprint import fingerprint
from tests.install_weights import folder
from tests.parity import cases

FOLDER = folder()


@pytest.fixture(autouse=True)
def _weights_are_there():
    assert FOLDER is not None, "the real weights are missing; run tests/install_weights.py first"


def batch() -> dict[str, torch.Tensor]:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    assert isinstance(tokenizer, BertTokenizer)
    return tokenizer(cases.notes("real_bert")["sentences"], padding=True, return_tensors="pt")


def test_the_golden_is_of_these_files():
    assert fingerprint(FOLDER) == cases.notes("real_bert")["fingerprint"]


def test_ids():
    given, expected = batch(), cases.notes("real_bert")["ids"]
    rows = zip(given["input_ids"].tolist(), given["attention_mask"].sum(1).tolist(), strict=True)
    assert [ids[:length] for ids, length in rows] == expected


@torch.no_grad()
def test_states_of_every_layer():
    model, given, expected = BertModel.from_pretrained(FOLDER), batch(), cases.arrays("real_bert")
    assert set(model.load_report.counts()) == {"loaded"}
    output = model(**given, output_hidden_states=True)
    last = given["attention_mask"].sum(1)
    found = {
        "first_rows": torch.stack(output.hidden_states)[:, :, 0],
        "last_rows": output.last_hidden_state[range(len(last)), last - 1],
        "shortest": output.last_hidden_state[3, : last[3]],
        "pooler_output": output.pooler_output,
    }
    assert set(found) == set(expected)
    for key, value in expected.items():
        torch.testing.assert_close(
            found[key], value, msg=lambda text, key=key: f"{key}: {text}", **cases.TOLERANCE
        )


@torch.no_grad()
def test_the_same_states_without_token_types():
    """Row 0 of the token types folded into the words; dropped, as in the reference, the states differ."""
    given, expected = batch(), cases.arrays("real_bert")["first_rows"][-1]
    given.pop("token_type_ids")
    folded = BertGenerationEncoder.from_pretrained(FOLDER, token_types="fold")
    torch.testing.assert_close(folded(**given).last_hidden_state[:, 0], expected, **cases.TOLERANCE)
    dropped = BertGenerationEncoder.from_pretrained(FOLDER)
    assert (dropped(**given).last_hidden_state[:, 0] - expected).abs().max() > 0.1


@pytest.mark.parametrize("setup", ["BERT2BERT", "BERTSHARE"])
def test_warm_start(setup):
    """What the report tells is true, and the start writes."""
    torch.manual_seed(0)
    model = warm_start(setup, bert=FOLDER)
    report, shared = model.load_report, setup == "BERTSHARE"
    known = dict(model.named_parameters(remove_duplicate=False))
    fresh = {key for key in known if ".crossattention." in key} | {"decoder.lm_head.bias"}
    assert set(report.keys("initialised")) == fresh
    tied = [key for key in report.keys("tied") if key.startswith("encoder.")]
    assert len(tied) == (len(list(model.encoder.parameters())) if shared else 0)
    assert len(report.keys("dropped")) == 4
    assert all(".pooler." in key for key in report.keys("dropped"))
    source = BertModel.from_pretrained(FOLDER).state_dict()
    types = source["embeddings.token_type_embeddings.weight"][0]
    for side in ("encoder", "decoder.bert"):
        query = "encoder.layer.3.attention.self.query.weight"
        assert torch.equal(known[f"{side}.{query}"], source[query])
        words = "embeddings.word_embeddings.weight"
        assert torch.equal(known[f"{side}.{words}"], source[words] + types)
    assert (model.config.decoder_start_token_id, model.config.eos_token_id) == (101, 102)
    trace = trace_generate(model, warm_start_tokenizer(setup, bert=FOLDER), "A dog runs.")
    assert trace.source_pieces == ("[CLS]", "a", "dog", "runs", ".", "[SEP]")
    assert trace.cross.shape == (6, 12, len(trace.target_ids), 6)


def test_a_shared_start_learns_and_comes_back(tmp_path):
    """A step lowers the loss of its pair; saved and loaded the model answers the same."""
    torch.manual_seed(0)
    model, tokenizer = warm_start("BERTSHARE", bert=FOLDER), warm_start_tokenizer("BERTSHARE", bert=FOLDER)
    pair = tokenizer("A dog runs.", text_target="Ein Hund rennt.", return_tensors="pt")
    pair.pop("token_type_ids")
    loss = model(**pair).loss
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.01).step()
    with torch.no_grad():
        better = model(**pair).loss
    assert better < loss
    save_warm_start(model, tokenizer, tmp_path)
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    assert set(again.load_report.counts()) <= {"loaded", "tied"}
    with torch.no_grad():
        torch.testing.assert_close(again(**pair).loss, better, rtol=0, atol=0)
    assert isinstance(AutoTokenizer.from_pretrained(tmp_path), BertTokenizer)
