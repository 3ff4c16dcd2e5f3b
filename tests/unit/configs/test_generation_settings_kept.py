"""Settings of generate survive what users do with them: own configs, saving, keywords of from_pretrained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from bertgen import BertGenerationConfig, BertGenerationDecoder, EncoderDecoderModel, GenerationConfig

IDS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 0, 0]])
PAD, EOS, START = 0, 1, 2


@pytest.mark.parametrize("settings", [{}, {"num_beams": 3}, {"do_sample": True, "top_k": 1}], ids=str)
def test_a_config_of_ones_own_takes_start_end_and_pad_from_the_model(make_model, settings):
    """GenerationConfig(max_new_tokens=...) names no ids: those of the model stand."""
    model = make_model(eos_bias=8.0)
    asked = {"max_new_tokens": 16, **settings}
    wanted = model.generate(IDS, attention_mask=(IDS != PAD).long(), **asked)
    mask = {"attention_mask": (IDS != PAD).long()}  # (what is inferred goes by the settings' own pad: below)
    written = model.generate(IDS, generation_config=GenerationConfig(**asked), **mask)
    assert (written == EOS).any()
    assert written.tolist() == wanted.tolist()
    assert model.generate(IDS, eos_token_id=None, **mask, **asked).tolist() == wanted.tolist()


def test_start_is_the_models_before_it_is_bos(make_model):
    """A bos of the settings starts nothing while the model has a decoder_start_token_id."""
    model = make_model()
    assert (
        model.generate(IDS, generation_config=GenerationConfig(max_new_tokens=2, bos_token_id=9))[0, 0]
        == START
    )
    model.generation_config.decoder_start_token_id = None
    assert (
        model.generate(IDS, generation_config=GenerationConfig(max_new_tokens=2, bos_token_id=9))[0, 0] == 9
    )


def test_processors_and_mask_keep_to_the_settings(make_model):
    """Without an end token of its own, min_length holds nothing back; without a pad, nothing is masked."""
    model = make_model(eos_bias=1000.0)
    own = GenerationConfig(max_new_tokens=6, min_length=5)
    assert model.generate(IDS, generation_config=own).tolist() == [[START, EOS]] * 2
    assert model.generate(IDS, min_length=5, max_new_tokens=6).shape[1] == 6
    ends = GenerationConfig(max_new_tokens=6)
    model = make_model()
    unmasked = model.generate(IDS, attention_mask=torch.ones_like(IDS), generation_config=ends)
    assert model.generate(IDS, generation_config=ends).tolist() == unmasked.tolist()


def test_an_end_without_a_pad_is_refused(make_model):
    model = make_model()
    model.generation_config.pad_token_id = None
    with pytest.raises(ValueError, match="pad_token_id"):
        model.generate(IDS, generation_config=GenerationConfig(max_new_tokens=3))


CHANGES = {"max_length": 9, "num_beams": 2, "no_repeat_ngram_size": 2, "early_stopping": True}


@pytest.fixture
def plain_model(tmp_path):
    """Two sides without any ids of their own, as BERT's are."""
    sizes = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 24, "max_position_embeddings": 32}
    none = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    torch.manual_seed(0)
    encoder, decoder = BertGenerationConfig(**sizes, **none), BertGenerationConfig(**sizes, **none)
    joint = EncoderDecoderModel(
        config=EncoderDecoderModel.config_class.from_encoder_decoder_configs(encoder, decoder)
    )
    return joint.eval()


def test_settings_on_the_model_config_survive_saving(plain_model, tmp_path):
    """model.config.decoder_start_token_id = ..., as fine-tuning examples do it; then save, load, generate."""
    config = plain_model.config
    config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = 2, 3, 0
    config.update(CHANGES)
    wanted = plain_model.generate(IDS)
    plain_model.save_pretrained(tmp_path)
    loaded = EncoderDecoderModel.from_pretrained(tmp_path)
    assert loaded.generate(IDS).tolist() == wanted.tolist()
    settings = loaded.generation_config
    assert (settings.num_beams, settings.max_length, settings.decoder_start_token_id) == (2, 9, 2)


def test_ids_alone_survive_saving_before_the_first_generate(plain_model, tmp_path):
    plain_model.config.update({"decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 0})
    plain_model.save_pretrained(tmp_path)
    settings = EncoderDecoderModel.from_pretrained(tmp_path).generation_config
    assert (settings.decoder_start_token_id, settings.eos_token_id, settings.pad_token_id) == (2, 3, 0)


def stale_file(model, folder):
    """A folder as the reference writes it: the settings' file still as the model was made."""
    model.config.update({"decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, **CHANGES})
    model.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps({"_from_model_config": True}))


def test_a_stale_settings_file_gives_way_to_the_model_config(plain_model, tmp_path):
    stale_file(plain_model, tmp_path)
    loaded = EncoderDecoderModel.from_pretrained(tmp_path)
    assert loaded.generate(IDS)[:, 0].tolist() == [2, 2]
    assert loaded.generation_config.num_beams == 2
    loaded.config.max_length = 7
    assert loaded.generate(IDS).shape[1] <= 7


def test_settings_touched_after_loading_stand(plain_model, tmp_path):
    stale_file(plain_model, tmp_path)
    loaded = EncoderDecoderModel.from_pretrained(tmp_path)
    loaded.generation_config.decoder_start_token_id = 5
    assert loaded.generate(IDS)[:, 0].tolist() == [5, 5]
    assert loaded.generation_config.num_beams == 1


def test_a_settings_file_stands_beside_a_model_config_without_any(plain_model, tmp_path):
    plain_model.save_pretrained(tmp_path)
    own = {"_from_model_config": True, "decoder_start_token_id": 6, "max_length": 5}
    (tmp_path / "generation_config.json").write_text(json.dumps(own))
    loaded = EncoderDecoderModel.from_pretrained(tmp_path)
    assert loaded.generate(IDS).shape == (2, 5)
    assert loaded.generate(IDS)[:, 0].tolist() == [6, 6]


def test_keywords_of_from_pretrained_reach_the_settings(make_model, tmp_path):
    """The documentation gives bos_token_id= and eos_token_id= to from_pretrained."""
    make_model().save_pretrained(tmp_path / "both")
    both = EncoderDecoderModel.from_pretrained(
        tmp_path / "both", num_beams=3, max_length=7, decoder_start_token_id=9
    )
    settings = both.generation_config
    assert (settings.num_beams, settings.max_length, settings.decoder_start_token_id) == (3, 7, 9)
    assert both.generate(IDS)[:, 0].tolist() == [9, 9]
    make_model().decoder.save_pretrained(tmp_path / "decoder")
    decoder = BertGenerationDecoder.from_pretrained(
        tmp_path / "decoder", is_decoder=True, bos_token_id=7, eos_token_id=17, max_length=6
    )
    settings = decoder.generation_config
    assert (settings.bos_token_id, settings.eos_token_id, settings.max_length) == (7, 17, 6)
    assert not hasattr(settings, "is_decoder")
    assert decoder.generate()[0, 0] == 7


def test_labels_of_a_batch_are_left_aside(make_model):
    model = make_model()
    batch = {
        "input_ids": IDS,
        "attention_mask": (IDS != PAD).long(),
        "labels": torch.tensor([[5, 6], [7, 8]]),
    }
    wanted = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"])
    assert model.generate(**batch).tolist() == wanted.tolist()


@pytest.mark.parametrize("name", ["suppress_tokens", "begin_suppress_tokens"])
def test_empty_lists_suppress_nothing(make_model, name):
    model = make_model()
    assert model.generate(IDS, **{name: []}).tolist() == model.generate(IDS).tolist()


def test_number_of_labels_and_name_can_be_set(make_model, tmp_path):
    """num_labels renames the labels, unless there are as many already."""
    config = BertGenerationConfig(num_labels=3)
    config.num_labels = 4
    assert config.id2label == {i: f"LABEL_{i}" for i in range(4)}
    assert config.label2id == {f"LABEL_{i}": i for i in range(4)}
    config.id2label[0] = "first"
    config.num_labels = 4
    assert config.id2label[0] == "first"
    config.name_or_path = tmp_path
    assert config.name_or_path == str(tmp_path)
    make_model().encoder.save_pretrained(tmp_path)
    assert BertGenerationConfig.from_pretrained(tmp_path, num_labels=5).num_labels == 5


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"max_new_tokens": np.int64(4)}, {"max_new_tokens": 4}),
        (
            {"num_beams": np.int32(2), "length_penalty": np.float32(0.5)},
            {"num_beams": 2, "length_penalty": 0.5},
        ),
        ({"repetition_penalty": np.float32(1.5)}, {"repetition_penalty": 1.5}),
        ({"eos_token_id": np.int64(1)}, {"eos_token_id": 1}),
    ],
    ids=str,
)
def test_numbers_of_numpy_are_numbers(make_model, given, plain):
    model = make_model()
    assert model.generate(IDS, **given).tolist() == model.generate(IDS, **plain).tolist()


@pytest.mark.parametrize(
    "given", [{"max_length": 6.5}, {"num_beams": True}, {"max_new_tokens": np.bool_(True)}]
)
def test_halves_and_truths_are_no_counts(make_model, given):
    with pytest.raises(ValueError, match=next(iter(given))):
        make_model().generate(IDS, **given)
