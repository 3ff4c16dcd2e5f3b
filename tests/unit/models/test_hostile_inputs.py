"""Inputs that cannot be: every one ends in an error of the reference's kind that says what to change."""

from __future__ import annotations

import math

import pytest
import torch

from bertgen import GenerationConfig

IDS = torch.tensor([[5, 6, 7], [8, 9, 10]])
ONES = torch.ones
STATES = torch.ones(2, 3, 32)
LAYER = (torch.ones(2, 4, 3, 8), torch.ones(2, 4, 3, 8))

TO_THE_ENCODER = {
    "a list": ({"input_ids": [[1, 2]]}, ValueError, "must be a tensor, got list"),
    "floats": ({"input_ids": IDS.float()}, RuntimeError, "whole numbers"),
    "booleans": ({"input_ids": IDS.bool()}, RuntimeError, "whole numbers"),
    "one row alone": ({"input_ids": IDS[0]}, ValueError, r"expected \[batch, length\]"),
    "three axes": ({"input_ids": IDS[None]}, ValueError, r"expected \[batch, length\]"),
    "no tokens": ({"input_ids": IDS[:, :0]}, ValueError, "empty"),
    "no rows": ({"input_ids": IDS[:0]}, ValueError, "empty"),
    "negative ids": ({"input_ids": -IDS}, IndexError, "between 0 and 366, got -10"),
    "ids too high": ({"input_ids": IDS + 1000}, IndexError, "between 0 and 366, got 1010"),
    "nothing": ({}, ValueError, "either input_ids or inputs_embeds"),
    "both": ({"input_ids": IDS, "inputs_embeds": STATES}, ValueError, "either input_ids or inputs_embeds"),
    "narrow embeddings": ({"inputs_embeds": ONES(2, 3, 5)}, RuntimeError, r"expected \[batch, length, 32\]"),
    "a mask of words": ({"input_ids": IDS, "attention_mask": "all"}, ValueError, "attention_mask must be"),
    "a mask as a list": ({"input_ids": IDS, "attention_mask": [[1]]}, ValueError, "attention_mask must be"),
    "a mask of other rows": (
        {"input_ids": IDS, "attention_mask": ONES(3, 3)},
        RuntimeError,
        "attention_mask",
    ),
    "a mask too long": ({"input_ids": IDS, "attention_mask": ONES(2, 4)}, ValueError, "covers 4 positions"),
    "a square mask too long": ({"input_ids": IDS, "attention_mask": ONES(2, 4, 4)}, RuntimeError, "expected"),
    "a mask of four axes": ({"input_ids": IDS, "attention_mask": ONES(2, 1, 3, 3)}, ValueError, "expected"),
    "float positions": ({"input_ids": IDS, "position_ids": ONES(2, 3)}, RuntimeError, "position_ids"),
    "other positions": ({"input_ids": IDS, "position_ids": IDS[:, :2]}, RuntimeError, r"expected \[2, 3\]"),
    "far positions": ({"input_ids": IDS, "position_ids": IDS * 100}, IndexError, "position_ids must lie"),
    "heads of other layers": ({"input_ids": IDS, "head_mask": ONES(7, 4)}, RuntimeError, "head_mask"),
    "heads of three axes": ({"input_ids": IDS, "head_mask": ONES(2, 1, 4)}, AssertionError, "dimensions"),
    "too long": ({"input_ids": torch.full((1, 97), 5)}, RuntimeError, "97 positions.*has 96"),
}


@pytest.mark.parametrize("name", TO_THE_ENCODER)
def test_encoder(model, name):
    given, error, words = TO_THE_ENCODER[name]
    with pytest.raises(error, match=words):
        model.encoder(**given)


TO_THE_DECODER = {
    "narrow states": ({"encoder_hidden_states": ONES(2, 3, 5)}, RuntimeError, "encoder_hidden_states"),
    "states of other rows": (
        {"encoder_hidden_states": ONES(3, 3, 32)},
        RuntimeError,
        "encoder_hidden_states",
    ),
    "another source's mask": (
        {"encoder_hidden_states": STATES, "encoder_attention_mask": ONES(2, 4)},
        RuntimeError,
        "encoder_attention_mask",
    ),
    "a mask of four axes": (
        {"encoder_hidden_states": STATES, "encoder_attention_mask": ONES(2, 1, 1, 3)},
        ValueError,
        "encoder_attention_mask",
    ),
    "fewer labels": ({"labels": IDS[:, :2]}, ValueError, "labels have shape"),
    "labels too high": ({"labels": IDS + 1000}, IndexError, "labels must lie.*-100"),
    "labels as a list": ({"labels": [[1, 2, 3]]}, ValueError, "labels must be a tensor"),
    "half a cache": ({"past_key_values": ((LAYER[0],),) * 3}, ValueError, "1 tensors"),
    "a cache of other layers": ({"past_key_values": (LAYER,)}, ValueError, "1 layers, the model 3"),
}


@pytest.mark.parametrize("name", TO_THE_DECODER)
def test_decoder(model, name):
    given, error, words = TO_THE_DECODER[name]
    with pytest.raises(error, match=words):
        model.decoder(IDS, **given)


TO_BOTH = {
    "no target": ({}, ValueError, "give decoder_input_ids, decoder_inputs_embeds or labels"),
    "labels of one axis": ({"labels": IDS[0]}, ValueError, "labels have shape"),
    "labels beyond the positions": ({"labels": torch.full((2, 97), 5)}, RuntimeError, "97 positions"),
    "states as a tensor": ({"encoder_outputs": STATES, "labels": IDS}, ValueError, "encoder_outputs must be"),
    "an unknown keyword": ({"labels": IDS, "nonsense": 1}, TypeError, "nonsense"),
    "an unknown decoder keyword": ({"labels": IDS, "decoder_nonsense": 1}, TypeError, "nonsense"),
}


@pytest.mark.parametrize("name", TO_BOTH)
def test_encoder_decoder(model, name):
    given, error, words = TO_BOTH[name]
    with pytest.raises(error, match=words):
        model(IDS, **given)


def sampling(**options) -> dict:
    return {"do_sample": True, **options}


def beams(**options) -> dict:
    return {"num_beams": 2, **options}


SETTINGS = [
    (sampling(temperature=math.nan), ValueError, "temperature must be a number"),
    (sampling(temperature="1"), ValueError, "temperature must be a number"),
    (sampling(top_p=math.nan), ValueError, "top_p must be a number"),
    (sampling(top_k=2.5), ValueError, "top_k"),
    (sampling(typical_p=-1.0), ValueError, "typical_p"),
    ({"do_sample": "yes"}, ValueError, "do_sample must be True or False"),
    ({"max_length": 1e9}, ValueError, "max_length"),
    ({"max_length": None}, ValueError, "max_length"),
    ({"max_length": "9"}, ValueError, "max_length"),
    ({"max_new_tokens": 2.0}, ValueError, "max_new_tokens"),
    ({"num_beams": 2.0}, ValueError, "num_beams"),
    (beams(length_penalty=math.nan), ValueError, "length_penalty"),
    (beams(length_penalty="a"), ValueError, "length_penalty"),
    (beams(early_stopping=2), ValueError, "never"),
    (beams(diversity_penalty=0.5), ValueError, "num_beam_groups"),
    ({"diversity_penalty": 0.5}, ValueError, "num_beam_groups"),
    ({"num_beams": 10**12}, ValueError, "this machine has"),
    (sampling(num_return_sequences=10**12), ValueError, "this machine has"),
    ({"num_return_sequences": 0}, ValueError, "1 or more"),
    ({"repetition_penalty": 2}, ValueError, "float above 0"),
    ({"no_repeat_ngram_size": "2"}, ValueError, "no_repeat_ngram_size"),
    ({"bad_words_ids": []}, ValueError, "bad_words_ids"),
    ({"bad_words_ids": [["a"]]}, ValueError, "bad_words_ids"),
    ({"bad_words_ids": [[999]]}, ValueError, "vocabulary ends at 367"),
    ({"sequence_bias": [[1], 2]}, ValueError, "sequence_bias"),
    ({"sequence_bias": {(999,): 1.0}}, ValueError, "vocabulary ends at 367"),
    ({"eos_token_id": "1"}, ValueError, "eos_token_id"),
    ({"pad_token_id": "a"}, ValueError, "pad_token_id"),
    ({"decoder_start_token_id": 9999}, IndexError, "decoder_start_token_id"),
    ({"decoder_start_token_id": [2, 2]}, ValueError, "decoder_start_token_id"),
    ({"forced_bos_token_id": 9999}, IndexError, "forced_bos_token_id"),
    ({"suppress_tokens": [9999]}, IndexError, "suppress_tokens"),
    ({"suppress_tokens": 5}, ValueError, "suppress_tokens"),
    ({"begin_suppress_tokens": ["a"]}, ValueError, "begin_suppress_tokens"),
    ({"forced_decoder_ids": [[1, 9999]]}, IndexError, "forced_decoder_ids"),
    ({"forced_decoder_ids": 5}, ValueError, "forced_decoder_ids"),
    ({"exponential_decay_length_penalty": 5}, ValueError, "exponential_decay"),
    ({"exponential_decay_length_penalty": (1, "a")}, ValueError, "exponential_decay"),
    ({"min_length": -1}, ValueError, "min_length"),
    ({"max_time": "x"}, ValueError, "max_time"),
    ({"streamer": object()}, ValueError, r"put\(ids\) and end\(\)"),
    ({"logits_processor": 5}, ValueError, "logits_processor"),
    ({"logits_processor": [5]}, ValueError, "logits_processor"),
    ({"stopping_criteria": [5]}, ValueError, "stopping_criteria"),
    ({"prefix_allowed_tokens_fn": 5}, ValueError, "prefix_allowed_tokens_fn"),
    ({"prefix_allowed_tokens_fn": lambda source, ids: []}, ValueError, "empty list"),
    ({"prefix_allowed_tokens_fn": lambda source, ids: None}, ValueError, "empty list"),
    ({"generation_config": {"num_beams": 2}}, ValueError, "GenerationConfig"),
    ({"attention_mask": ONES(2, 4)}, ValueError, "attention_mask has shape"),
    ({"attention_mask": "x"}, ValueError, "attention_mask must be a tensor"),
    ({"decoder_input_ids": torch.tensor([[2]])}, ValueError, "one row a source"),
    ({"decoder_input_ids": torch.tensor([2, 2])}, ValueError, "one row a source"),
    ({"decoder_input_ids": torch.zeros(2, 0).long()}, ValueError, "one row a source"),
    ({"decoder_input_ids": torch.tensor([[2.0], [2.0]])}, ValueError, "whole numbers"),
    ({"decoder_input_ids": torch.tensor([[2], [-1]])}, IndexError, "got -1"),
    ({"inputs_embeds": STATES}, ValueError, "not both"),
    ({"input_ids": IDS}, ValueError, "one argument under two names"),
    ({"no_such_setting": 1}, ValueError, "no_such_setting"),
    ({"synced_gpus": True}, NotImplementedError, "synced_gpus"),
    ({"assistant_model": object()}, NotImplementedError, "assistant_model"),
    ({"negative_prompt_ids": IDS}, NotImplementedError, "negative_prompt_ids"),
    ({"negative_prompt_attention_mask": IDS}, NotImplementedError, "negative_prompt_attention_mask"),
    ({"guidance_scale": 1.5}, NotImplementedError, "guidance_scale"),
    ({"penalty_alpha": 0.6, "top_k": 4}, NotImplementedError, "contrastive"),
    ({"prompt_lookup_num_tokens": 3}, NotImplementedError, "prompt_lookup_num_tokens"),
    (beams(constraints=[object()]), NotImplementedError, "constraints"),
    (beams(force_words_ids=[[5]]), NotImplementedError, "prefix_allowed_tokens_fn"),
    (
        beams(num_beam_groups=2, diversity_penalty=0.5, force_words_ids=[[5]]),
        NotImplementedError,
        "constrained",
    ),
]


@pytest.mark.parametrize(("options", "error", "words"), SETTINGS, ids=lambda x: str(x)[:60])
def test_generate(model, options, error, words):
    with pytest.raises(error, match=words):
        model.generate(IDS, **options)


SOURCES = {
    "a list": ([[1, 2]], {}, ValueError, "must be a tensor"),
    "one axis": (IDS[0], {}, ValueError, "the source has shape"),
    "floats": (IDS.float(), {}, ValueError, "whole numbers"),
    "ids too high": (IDS + 1000, {}, IndexError, "between 0 and 366"),
    "no rows": (IDS[:0], {}, ValueError, "the source has shape"),
    "too long": (torch.full((1, 97), 5), {}, RuntimeError, "97 positions"),
    "nothing and no bos": (None, {"bos_token_id": None}, ValueError, "bos_token_id"),
    "states as a tensor": (None, {"encoder_outputs": STATES}, ValueError, "encoder_outputs"),
    "no states": (None, {"encoder_outputs": (None,)}, ValueError, "encoder_outputs"),
    "penalties without ids": (
        None,
        {"inputs_embeds": STATES, "encoder_repetition_penalty": 1.5},
        ValueError,
        "need input_ids",
    ),
    "n-grams without ids": (
        None,
        {"inputs_embeds": STATES, "encoder_no_repeat_ngram_size": 2},
        ValueError,
        "need input_ids",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources(model, name):
    source, options, error, words = SOURCES[name]
    with pytest.raises(error, match=words):
        model.generate(source, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs_embeds": STATES}, "inputs_embeds"),
        ({"head_masks": ONES(4)}, "head_masks"),
        ({"position_ids": [1, 2]}, "mask"),
        ({"attention_mask": ONES(2, 2)}, "attention_mask"),
        ({"past_key_values": (LAYER,) * 3}, "past_key_values"),
    ],
    ids=str,
)
def test_decoder_alone(model, options, words):
    with pytest.raises(ValueError, match=words):
        model.decoder.generate(IDS, **options)


def test_what_is_odd_but_allowed(model):
    """The reference takes these, and so are they here."""
    plain = model.generate(IDS)
    for options in (
        {"attention_mask": torch.zeros(2, 3)},
        {"num_beams": None},
        {"penalty_alpha": 0.0},
        {"guidance_scale": 1},
        {"synced_gpus": False},
        {"max_time": 100},
        {"top_p": 1.5, "do_sample": True},
        {"temperature": math.inf, "do_sample": True},
        {"eos_token_id": [1, 366]},
        {"forced_eos_token_id": [1, 3], "max_length": 5},
        {"min_length": 30},
        {"no_such_setting": None},
    ):
        assert model.generate(IDS, **options).shape[0] == 2
    assert torch.equal(model.generate(IDS, num_beams=None), plain)
    assert model.encoder(IDS.int()).last_hidden_state.shape == (2, 3, 32)
    assert model.decoder(IDS, labels=torch.full_like(IDS, -100)).loss.isnan()


def test_settings_files_are_checked_when_used(model, tmp_path):
    """A hostile generation_config.json is read as it is and refused by generate."""
    (tmp_path / "generation_config.json").write_text('{"max_length": "20", "num_beams": 1e99}')
    settings = GenerationConfig.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_beams"):
        model.generate(IDS, generation_config=settings)
    (tmp_path / "generation_config.json").write_text('{"update": 1}')
    with pytest.raises(ValueError, match="update"):
        GenerationConfig.from_pretrained(tmp_path)
