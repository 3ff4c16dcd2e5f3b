"""The paper's ten set-ups from tiny checkpoints: what came from where, special ids, both tokenizers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import bertgen
from bertgen import AutoTokenizer, stream_generate
from bertgen.warm_start import SETUPS, save_warm_start, warm_start, warm_start_tokenizer
from tests.conftest import GOLDEN
from tests.golden.warm_sources import END, write_sources

JOINED = [name for name in SETUPS if name != "GPT"]


def sources_of(setup: str, checkpoints: dict[str, Path]) -> dict[str, Path]:
    plan = SETUPS[setup]
    return {family: checkpoints[family] for family in plan.families() or ["bert"]}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """Golden BERT (encoder with pooler), RoBERTa and GPT-2 checkpoints, each with a small vocabulary."""
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.mark.parametrize("classes", ["bert-generation", "own"])
@pytest.mark.parametrize("setup", JOINED)
def test_every_setup(checkpoints, setup, classes, tmp_path):
    """Made, told, saved and loaded again; it writes from its start token."""
    sources, plan = sources_of(setup, checkpoints), SETUPS[setup]
    torch.manual_seed(0)
    model = warm_start(setup, **sources, classes=classes)
    kinds = {"bert": "Bert", "random": "Bert", "roberta": "Roberta", "gpt2": "GPT2"}
    for side, origin in ((model.encoder, plan.encoder), (model.decoder, plan.decoder)):
        name = type(side).__name__
        assert name.startswith(kinds[origin])
        assert ("Generation" in name) == (kinds[origin] == "Bert" and classes == "bert-generation")
    report = model.load_report
    fresh = report.keys("initialised")
    known = dict(model.named_parameters(remove_duplicate=False))
    assert {key for key in fresh if "crossattention" in key} == {
        key for key in known if "crossattention" in key
    }
    for side, origin in (("encoder", plan.encoder), ("decoder", plan.decoder)):
        own = [key for key in known if (key.startswith(side) and "embeddings.word" in key) or ".wte" in key]
        assert (origin == "random") == all(key in fresh for key in own if key.startswith(side))
    assert report.remarks[0].startswith(f"{setup}: ")
    assert ("random weights" in report.remarks[0]) == ("random" in (plan.encoder, plan.decoder))
    tied = [key for key in report.keys("tied") if key.startswith("encoder.")]
    assert bool(tied) == plan.shared
    assert not [key for key in tied if "pooler" in key]
    ids = (model.config.decoder_start_token_id, model.config.eos_token_id, model.config.pad_token_id)
    assert (
        ids
        == {"bert": (2, 3, 0), "roberta": (0, 2, 1), "gpt2": (END, END, END)}[
            "bert" if plan.decoder == "random" else plan.decoder
        ]
    )
    assert model.generation_config.eos_token_id == ids[1]
    tokenizer = warm_start_tokenizer(setup, **sources)
    save_warm_start(model, tokenizer, tmp_path)
    again = bertgen.EncoderDecoderModel.from_pretrained(tmp_path)
    assert set(again.load_report.counts()) <= {"loaded", "tied"}
    both = AutoTokenizer.from_pretrained(tmp_path)
    batch = both(["the cat sat", "a dog"], return_tensors="pt", padding=True)
    batch.pop("token_type_ids", None)
    written = model.generate(**batch, max_length=8, num_beams=2)
    assert torch.equal(written, again.generate(**batch, max_length=8, num_beams=2))
    assert set(written[:, 0].tolist()) == {ids[0]}
    trace = bertgen.trace_generate(again, both, "the cat sat")
    target = both.decoder_tokenizer or both
    assert trace.text == target.decode(trace.target_ids.tolist(), skip_special_tokens=True)


def test_two_vocabularies_have_two_tokenizers(checkpoints, tmp_path):
    sources = sources_of("BERT2GPT", checkpoints)
    model, tokenizer = warm_start("BERT2GPT", **sources), warm_start_tokenizer("BERT2GPT", **sources)
    save_warm_start(model, tokenizer, tmp_path)
    assert (tmp_path / "decoder_tokenizer" / "vocab.json").is_file()
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert type(again).__name__ == "BertTokenizer"
    assert type(again.decoder_tokenizer).__name__ == "GPT2Tokenizer"
    assert again.decoder_tokenizer.pad_token == "<|endoftext|>"
    for setup in ("BERT2BERT", "ROBERTASHARE", "RND2RND", "RND2GPT", "GPT"):
        one = warm_start_tokenizer(setup, **sources_of(setup, checkpoints))
        assert one.decoder_tokenizer is None


def test_the_start_stays_visible_where_it_is_the_padding(checkpoints):
    """GPT-2 has one token for both: a mask made from the padding would hide the first position."""
    model = warm_start("BERT2GPT", **sources_of("BERT2GPT", checkpoints))
    assert model.config.keep_start_in_mask
    labels = torch.tensor([[5, 6, 7, END]])
    ids = torch.tensor([[2, 6, 7, 3]])
    loss = model(input_ids=ids, labels=labels).loss
    seen = model(input_ids=ids, decoder_input_ids=torch.tensor([[END, 5, 6, 7]])).logits
    expected = torch.nn.functional.cross_entropy(seen[0], labels[0])
    torch.testing.assert_close(loss, expected)


def test_a_decoder_alone(checkpoints, tmp_path):
    model = warm_start("gpt", gpt2=checkpoints["gpt2"])
    tokenizer = warm_start_tokenizer("GPT", gpt2=checkpoints["gpt2"])
    assert type(model).__name__ == "GPT2LMHeadModel"
    assert set(model.load_report.counts()) <= {"loaded", "tied"}
    assert (model.config.eos_token_id, model.generation_config.pad_token_id) == (END, END)
    save_warm_start(model, tokenizer, tmp_path)
    stream = stream_generate(
        bertgen.GPT2LMHeadModel.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path), "the cat"
    )
    text = "".join(step.text for step in stream)
    assert text == stream.trace.text


def test_a_random_encoder_beside_gpt2(checkpoints):
    """Of GPT-2's sizes and vocabulary, or of BERT's where that is given."""
    model = warm_start("RND2GPT", gpt2=checkpoints["gpt2"])
    own, other = model.config.encoder, model.config.decoder
    assert (own.vocab_size, own.hidden_size, own.num_hidden_layers) == (other.vocab_size, 16, 2)
    assert own.intermediate_size == 24
    model = warm_start("RND2GPT", gpt2=checkpoints["gpt2"], bert=checkpoints["bert"])
    assert model.config.encoder.max_position_embeddings == 32
    tokenizer = warm_start_tokenizer("RND2GPT", gpt2=checkpoints["gpt2"], bert=checkpoints["bert"])
    assert type(tokenizer.decoder_tokenizer).__name__ == "GPT2Tokenizer"


@torch.no_grad()
def test_folded_token_types_keep_berts_states(checkpoints):
    ids = torch.tensor([[2, 7, 9, 12, 3]])
    bert = bertgen.BertModel.from_pretrained(checkpoints["bert"])(ids).last_hidden_state
    folded = bertgen.BertGenerationEncoder.from_pretrained(checkpoints["bert"], token_types="fold")
    torch.testing.assert_close(folded(ids).last_hidden_state, bert, rtol=1e-5, atol=1e-5)
    assert not [key for key in folded.load_report.keys("dropped") if "token_type" in key]
    why = next(row.why for row in folded.load_report.rows if "token_type" in row.key)
    assert why.startswith("row 0 was added to every row of embeddings.word_embeddings.weight")
    dropped = bertgen.BertGenerationEncoder.from_pretrained(checkpoints["bert"])
    assert (dropped(ids).last_hidden_state - bert).abs().max() > 0.1
    assert "embeddings.token_type_embeddings.weight" in dropped.load_report.keys("dropped")
    model = warm_start("BERT2BERT", bert=checkpoints["bert"])
    torch.testing.assert_close(model.encoder(ids).last_hidden_state, bert, rtol=1e-5, atol=1e-5)
    model, info = bertgen.BertGenerationDecoder.from_pretrained(
        checkpoints["bert"], token_types="fold", output_loading_info=True, is_decoder=True
    )
    torch.testing.assert_close(
        model.get_input_embeddings().weight, folded.get_input_embeddings().weight, rtol=0, atol=0
    )
    assert set(info["unexpected_keys"]) == {"bert.pooler.dense.bias", "bert.pooler.dense.weight"}


def test_folding_where_there_is_nothing_to_fold():
    model = bertgen.BertGenerationEncoder.from_pretrained(GOLDEN / "encoder", token_types="fold")
    assert "nothing to fold" in str(model.load_report)
    with pytest.raises(ValueError, match='"fold" or "drop"'):
        bertgen.BertGenerationEncoder.from_pretrained(GOLDEN / "encoder", token_types="keep")


def test_sides_of_unequal_width_are_told(checkpoints, tmp_path):
    config = bertgen.GPT2Config(
        vocab_size=30, n_embd=8, n_layer=1, n_head=2, bos_token_id=29, eos_token_id=29
    )
    bertgen.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    model = warm_start("ROBERTA2GPT", roberta=checkpoints["roberta"], gpt2=tmp_path)
    fresh = model.load_report.keys("initialised")
    assert {"enc_to_dec_proj.weight", "enc_to_dec_proj.bias"} <= set(fresh)
    assert model.enc_to_dec_proj.weight.shape == (8, 16)


@pytest.mark.parametrize(
    ("setup", "given", "message"),
    [
        ("BERT3BERT", {}, "unknown set-up 'BERT3BERT'; choose one of"),
        ("BERT2GPT", {"bert": "x"}, "BERT2GPT needs gpt2="),
        ("RND2RND", {}, "RND2RND needs bert="),
        ("BERT2BERT", {"bert": "x", "roberta": "y"}, "reads bert, not roberta"),
        ("ROBERTASHARE", {"roberta": "bert"}, "is of model_type 'bert'; expected roberta"),
        ("GPT", {"gpt2": "roberta"}, "is of model_type 'roberta'; expected gpt2"),
    ],
)
def test_what_does_not_fit_is_told(checkpoints, setup, given, message):
    given = {family: checkpoints.get(name, name) for family, name in given.items()}
    with pytest.raises(ValueError, match=message):
        warm_start(setup, **given)


def test_a_checkpoint_without_its_tokenizer(checkpoints, tmp_path):
    """BERT's config.json names no start and end: they have to be given then."""
    for name in ("config.json", "model.safetensors"):
        shutil.copy(checkpoints["bert"] / name, tmp_path)
    data = json.loads((tmp_path / "config.json").read_text())
    data.pop("bos_token_id"), data.pop("eos_token_id")
    (tmp_path / "config.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="decoder_start_token_id="):
        warm_start("BERT2BERT", bert=tmp_path)
    model = warm_start("BERT2BERT", bert=tmp_path, decoder_start_token_id=2, eos_token_id=3, pad_token_id=0)
    assert (model.config.decoder_start_token_id, model.config.decoder.eos_token_id) == (2, 3)


def test_a_tokenizer_too_large_is_refused(checkpoints, tmp_path):
    tokenizer = warm_start_tokenizer("BERT2BERT", bert=checkpoints["bert"])
    tokenizer.add_tokens([f"new{i}" for i in range(40)])
    model = warm_start("BERT2BERT", bert=checkpoints["bert"])
    with pytest.raises(ValueError, match="87 tokens but the encoder 47 rows"):
        save_warm_start(model, tokenizer, tmp_path)
