"""generate(): its arguments, where settings come from, and errors that tell the next move."""

from __future__ import annotations

import copy

import pytest
import torch

from bertgen import BertGenerationDecoder, EncoderDecoderModel, GenerationConfig

SOURCE = torch.tensor([[300, 261, 270, 280, 263], [264, 299, 288, 0, 0]])
MASK = (SOURCE != 0).long()


def test_default_length_is_the_references(make_model):
    """max_length 20, the start token counted."""
    assert make_model(eos_bias=-50.0).generate(SOURCE).shape == (2, 20)


def test_max_new_tokens_wins_over_max_length(make_model):
    output = make_model(eos_bias=-50.0).generate(SOURCE, max_length=5, max_new_tokens=9)
    assert output.shape == (2, 10)


def test_mask_is_inferred_from_the_padding(model):
    assert torch.equal(model.generate(SOURCE), model.generate(SOURCE, attention_mask=MASK))


def test_states_or_embeddings_instead_of_ids(model):
    expected = model.generate(SOURCE, attention_mask=MASK)
    with torch.no_grad():
        encoded = model.encoder(SOURCE, attention_mask=MASK)
        embeds = model.encoder.embeddings.word_embeddings(SOURCE)
    assert torch.equal(model.generate(encoder_outputs=encoded, attention_mask=MASK), expected)
    assert torch.equal(model.generate(inputs_embeds=embeds, attention_mask=MASK), expected)
    assert torch.equal(model.generate(input_ids=SOURCE, attention_mask=MASK), expected)


def test_settings_in_order_of_precedence(make_model):
    """A keyword wins over the argument, the argument over the model's own."""
    model = make_model(eos_bias=-50.0)
    model.generation_config.max_length = 6
    assert model.generate(SOURCE).shape[1] == 6
    argument = copy.deepcopy(model.generation_config)
    argument.max_length = 8
    assert model.generate(SOURCE, generation_config=argument).shape[1] == 8
    assert model.generate(SOURCE, generation_config=argument, max_length=11).shape[1] == 11
    assert argument.max_length == 8
    assert model.generation_config.max_length == 6


def test_settings_set_on_the_models_config_count(make_model):
    """`model.config.decoder_start_token_id = ...` is how the documentation does it."""
    model = make_model()
    model.config.decoder_start_token_id = 7
    assert model.generate(SOURCE)[:, 0].tolist() == [7, 7]


def test_given_decoder_ids_begin_the_output(model):
    given = torch.tensor([[2, 40], [2, 50]])
    assert model.generate(SOURCE, decoder_input_ids=given, max_length=6)[:, :2].tolist() == given.tolist()
    bare = model.generate(SOURCE, decoder_input_ids=given[:, 1:], max_length=6)
    assert bare[:, :2].tolist() == given.tolist()


def test_finished_rows_are_padded(model):
    output = model.generate(SOURCE, max_new_tokens=40)
    for row in output.tolist():
        if 1 in row:
            assert set(row[row.index(1) + 1 :]) <= {0}


def test_several_end_tokens(model):
    first = model.generate(SOURCE[:1], max_new_tokens=10)[0].tolist()
    stopped = model.generate(SOURCE[:1], max_new_tokens=10, eos_token_id=[1, first[3]])[0].tolist()
    assert stopped == first[: first.index(first[3]) + 1]


@pytest.mark.parametrize("beams", [1, 3])
def test_processors_of_the_caller(make_model, beams):
    """A plain callable in a list, as in the reference."""
    model = make_model()

    def only_even(ids, scores):
        assert ids.shape[0] == scores.shape[0] == 2 * beams
        scores = scores.clone()
        scores[:, 1::2] = -float("inf")
        return scores

    output = model.generate(SOURCE, logits_processor=[only_even], num_beams=beams, max_new_tokens=9)
    assert (output[:, 1:] % 2 == 0).all()


@pytest.mark.parametrize("beams", [1, 3])
def test_criteria_of_the_caller(make_model, beams):
    model = make_model(eos_bias=-50.0)
    output = model.generate(
        SOURCE, stopping_criteria=[lambda ids, scores: ids.shape[1] >= 7], num_beams=beams, max_new_tokens=30
    )
    assert (output[:, :7] != 1).all()
    # A beam that was stopped is closed with the end token, as in the reference.
    assert output[:, 7:].tolist() == ([[1], [1]] if beams > 1 else [[], []])


def test_streamer(model):
    class Recorder:
        def __init__(self):
            self.seen, self.ended = [], False

        def put(self, value):
            self.seen += value.flatten().tolist()

        def end(self):
            self.ended = True

    recorder = Recorder()
    output = model.generate(SOURCE[:1], streamer=recorder, max_new_tokens=12)
    assert recorder.seen == output[0].tolist()
    assert recorder.ended


def test_streamer_does_not_go_with_beams(model):
    with pytest.raises(ValueError, match="stream_generate"):
        model.generate(SOURCE, streamer=object(), num_beams=2)


def test_generator_seeds_the_sampling(model):
    options = {"do_sample": True, "temperature": 2.0, "max_new_tokens": 12}
    torch.manual_seed(9)
    globally = model.generate(SOURCE, **options)
    own = model.generate(SOURCE, generator=torch.Generator().manual_seed(9), **options)
    assert torch.equal(globally, own)


def test_several_samples_of_one_source(model):
    output = model.generate(SOURCE, do_sample=True, temperature=3.0, num_return_sequences=4, max_new_tokens=8)
    assert output.shape[0] == 8
    assert len({tuple(row) for row in output[:4].tolist()}) > 1


def test_no_input_starts_from_bos(model):
    assert model.generate(max_new_tokens=3).shape[0] == 1


def test_a_decoder_alone_continues_its_prompt():
    from bertgen import BertGenerationConfig

    torch.manual_seed(0)
    config = BertGenerationConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        is_decoder=True,
        initializer_range=1.0,
    )
    model = BertGenerationDecoder(config).eval()
    prompt = torch.tensor([[2, 9, 11]])
    cached = model.generate(prompt, max_new_tokens=10)
    assert cached[:, :3].tolist() == prompt.tolist()
    assert torch.equal(cached, model.generate(prompt, max_new_tokens=10, use_cache=False))


def test_gradients_are_off_and_the_model_unchanged(make_model):
    model = make_model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    output = model.generate(SOURCE, return_dict_in_generate=True, output_scores=True)
    assert not any(score.requires_grad for score in output.scores)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    assert torch.is_grad_enabled()


def test_generation_config_is_saved_and_loaded(make_model, tmp_path):
    model = make_model()
    model.generation_config = GenerationConfig(
        num_beams=3,
        length_penalty=0.7,
        max_new_tokens=5,
        decoder_start_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
    )
    model.save_pretrained(tmp_path)
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    assert again.generation_config == model.generation_config
    assert torch.equal(again.generate(SOURCE), model.generate(SOURCE))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_return_sequences": 2}, "num_beams"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_beams"),
        ({"num_beams": 2, "early_stopping": "perhaps"}, "never"),
        ({"num_beams": 0}, "1 or more"),
        ({"no_such_setting": 1}, "no_such_setting"),
        ({"do_sample": True, "temperature": 0.0}, "above 0"),
        ({"do_sample": True, "temperature": -2.0}, "above 0"),
        ({"do_sample": True, "top_k": -1}, "top_k"),
        ({"do_sample": True, "top_p": -0.5}, "between 0 and 1"),
        ({"repetition_penalty": -1.0}, "above 0"),
        ({"max_new_tokens": 0}, "1 or more"),
        ({"max_length": 1, "num_beams": 2}, "max_new_tokens"),
        ({"decoder_input_ids": torch.full((2, 20), 2), "num_beams": 2}, "no room"),
    ],
)
def test_settings_that_cannot_be(model, options, words):
    with pytest.raises(ValueError, match=words):
        model.generate(SOURCE, **options)


def test_nothing_to_start_from(make_model):
    """Neither the settings nor the model's own name a start token."""
    model = make_model()
    settings = GenerationConfig(eos_token_id=1, pad_token_id=0)
    model.generation_config = settings
    with pytest.raises(ValueError, match="decoder_start_token_id"):
        model.generate(SOURCE, generation_config=settings)


def test_unknown_ids_are_an_index_error(model):
    with pytest.raises(IndexError):
        model.generate(torch.tensor([[100_000]]))
