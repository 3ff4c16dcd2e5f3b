"""Named options beyond the reference: positions counted from the mask, a start token that stays visible."""

from __future__ import annotations

import pytest
import torch

from bertgen import BertGenerationConfig, BertGenerationDecoder, BertGenerationEncoder, EncoderDecoderModel
from tests.conftest import scrambled

TEXTS = [[30, 26, 27, 28, 26], [26, 29], [41, 42, 43]]
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def padded(rows: list[list[int]], side: str = "left") -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [B, T]."""
    longest = max(map(len, rows))
    fill = [[0] * (longest - len(row)) for row in rows]
    ids = [f + row if side == "left" else row + f for f, row in zip(fill, rows, strict=True)]
    ones = [[0] * len(f) + [1] * len(row) for f, row in zip(fill, rows, strict=True)]
    mask = [m if side == "left" else m[::-1] for m in ones]
    return torch.tensor(ids), torch.tensor(mask)


def language_model(**changes) -> BertGenerationDecoder:
    """A tiny decoder alone whose outputs are far from uniform."""
    torch.manual_seed(4)
    sizes = {"vocab_size": 61, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertGenerationConfig(
        **{**sizes, "intermediate_size": 16, "max_position_embeddings": 40, "is_decoder": True, **changes},
        initializer_range=1.0,
    )
    model = BertGenerationDecoder(config).eval()
    with torch.no_grad():
        model.lm_head.bias[:2] -= 60.0  # neither pad nor end is written
    return model


@pytest.mark.parametrize("kind", ["absolute", "relative_key", "relative_key_query"])
def test_encoder_does_not_feel_padding_on_the_left(kind):
    torch.manual_seed(2)
    config = language_model(position_embedding_type=kind).config
    config.is_decoder = False
    model = BertGenerationEncoder(config).eval()
    ids, mask = padded(TEXTS)
    with torch.no_grad():
        found = model(ids, mask, position_ids="mask").last_hidden_state
        shifted = model(ids, mask).last_hidden_state
        for row, text in enumerate(TEXTS):
            alone = model(torch.tensor([text])).last_hidden_state[0]
            torch.testing.assert_close(found[row, -len(text) :], alone, **CLOSE)
    assert (shifted[1, -2:] - found[1, -2:]).abs().max() > 0.01  # the default shifts, as the reference does


def test_padding_on_the_right_changes_nothing():
    model = language_model()
    ids, mask = padded(TEXTS, "right")
    with torch.no_grad():
        plain, counted = model(ids, mask).logits, model(ids, mask, position_ids="mask").logits
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(counted[row, : len(text)], plain[row, : len(text)], **CLOSE)


def test_cached_steps_count_on():
    model = language_model()
    ids, mask = padded(TEXTS)
    with torch.no_grad():
        whole = model(ids, mask, position_ids="mask").logits
        first = model(ids[:, :4], mask[:, :4], position_ids="mask", use_cache=True)
        last = model(ids[:, 4:], mask, position_ids="mask", past_key_values=first.past_key_values)
    torch.testing.assert_close(last.logits[:, 0], whole[:, 4], **CLOSE)


MODES = {
    "greedy": {},
    "uncached": {"use_cache": False},
    "beams": {"num_beams": 3},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5},
}


@pytest.mark.parametrize("mode", MODES)
def test_decoder_continues_left_padded_prompts(mode):
    model, (ids, mask) = language_model(), padded(TEXTS)
    options = {**MODES[mode], "max_new_tokens": 8, "pad_token_id": 0, "eos_token_id": 1}
    found = model.generate(ids, attention_mask=mask, position_ids="mask", **options)
    for row, text in enumerate(TEXTS):
        alone = model.generate(torch.tensor([text]), **options)[0, len(text) :]
        assert found[row, ids.shape[1] :].tolist() == alone.tolist()
    shifted = model.generate(ids, attention_mask=mask, **options)
    assert shifted.tolist() != found.tolist()


@pytest.mark.parametrize("mode", MODES)
def test_encoder_decoder_reads_left_padded_sources(make_model, mode):
    model, (ids, mask) = make_model(eos_bias=-50.0), padded(TEXTS)
    options = {**MODES[mode], "max_new_tokens": 8}
    found = model.generate(ids, attention_mask=mask, position_ids="mask", **options)
    for row, text in enumerate(TEXTS):
        assert found[row].tolist() == model.generate(torch.tensor([text]), **options)[0].tolist()
    assert model.generate(ids, attention_mask=mask, **options).tolist() != found.tolist()


def test_encoder_decoder_forward(make_model):
    """Both sides: a left-padded source, left-padded decoder ids."""
    model, (ids, mask) = make_model(), padded(TEXTS)
    starts = [[2, *text[:2]] for text in TEXTS]
    starts[0] = [2, 30]
    decoder_ids, decoder_mask = padded(starts)
    with torch.no_grad():
        found = model(
            ids,
            mask,
            decoder_input_ids=decoder_ids,
            decoder_attention_mask=decoder_mask,
            position_ids="mask",
            decoder_position_ids="mask",
        ).logits
        for row, (text, start) in enumerate(zip(TEXTS, starts, strict=True)):
            alone = model(torch.tensor([text]), decoder_input_ids=torch.tensor([start])).logits[0]
            torch.testing.assert_close(found[row, -len(start) :], alone, **CLOSE)


def test_left_padded_decoder_prompts(make_model):
    model, (ids, mask) = make_model(eos_bias=-50.0), padded(TEXTS)
    starts = [[2, 30, 31], [2, 26], [2, 40, 41]]
    decoder_ids, decoder_mask = padded(starts)
    options = {"position_ids": "mask", "max_new_tokens": 6}
    found = model.generate(
        ids,
        attention_mask=mask,
        decoder_input_ids=decoder_ids,
        decoder_attention_mask=decoder_mask,
        **options,
    )
    for row, (text, start) in enumerate(zip(TEXTS, starts, strict=True)):
        alone = model.generate(torch.tensor([text]), decoder_input_ids=torch.tensor([start]), **options)
        assert found[row, 3:].tolist() == alone[0, len(start) :].tolist()


def test_positions_and_heads_of_the_source(make_model):
    """Tensors go to the encoder, as in the reference."""
    model, (ids, mask) = make_model(), padded(TEXTS)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    found = model.generate(ids, attention_mask=mask, position_ids=positions)
    assert torch.equal(found, model.generate(ids, attention_mask=mask, position_ids="mask"))
    heads = torch.tensor([[1.0, 0, 1, 0], [0, 1, 1, 1]])
    with torch.no_grad():
        encoded = model.encoder(ids, mask, head_mask=heads)
    expected = model.generate(encoder_outputs=encoded, attention_mask=mask)
    assert torch.equal(model.generate(ids, attention_mask=mask, head_mask=heads), expected)


def test_words_that_are_no_option():
    model, (ids, mask) = language_model(), padded(TEXTS)
    with pytest.raises(ValueError, match='"mask"'):
        model(ids, mask, position_ids="left")
    with pytest.raises(ValueError, match=r"\[batch, keys\]"):
        model(ids, torch.ones(3, 5, 5), position_ids="mask")
    assert model(ids, position_ids="mask").logits.shape == (3, 5, 61)  # without a mask nothing is padded


def start_is_pad(**options) -> EncoderDecoderModel:
    """An encoder-decoder whose start token is its pad token, as T5-like recipes have it."""
    from tests.conftest import tiny_config

    config = tiny_config(61)
    config.decoder_start_token_id = config.pad_token_id
    for key, value in options.items():
        setattr(config, key, value)
    return scrambled(EncoderDecoderModel(config), 8)


LABELS = torch.tensor([[30, 31, 1, -100], [40, 41, 42, 1]])


def test_start_token_that_equals_pad():
    """By default it is masked in training, though generation sees it; the option shows it to both."""
    model = start_is_pad()
    source = torch.tensor([[30, 26, 27], [26, 29, 33]])
    shifted = torch.tensor([[0, 30, 31, 1], [0, 40, 41, 42]])
    with torch.no_grad():
        default = model(source, labels=LABELS).logits
        kept = model(source, labels=LABELS, keep_start_in_mask=True).logits
        seen = model(source, decoder_input_ids=shifted).logits
        hidden = model(source, decoder_input_ids=shifted, decoder_attention_mask=(shifted != 0).long()).logits
    torch.testing.assert_close(kept, seen, **CLOSE)
    torch.testing.assert_close(default, hidden, **CLOSE)
    assert (kept - default).abs().max() > 0.01


def test_start_token_option_in_the_config(tmp_path):
    model = start_is_pad(keep_start_in_mask=True)
    model.save_pretrained(tmp_path)
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    assert again.config.keep_start_in_mask is True
    source = torch.tensor([[30, 26, 27], [26, 29, 33]])
    with torch.no_grad():
        kept = again(source, labels=LABELS).logits
        torch.testing.assert_close(kept, model(source, labels=LABELS, keep_start_in_mask=True).logits)
        default = again(source, labels=LABELS, keep_start_in_mask=False).logits
    assert (kept - default).abs().max() > 0.01


def test_other_pads_stay_masked():
    """A label that is pad, not -100, is hidden from the decoder with the option as without."""
    model = start_is_pad()
    labels = torch.tensor([[30, 0, 31, 1]])
    source = torch.tensor([[30, 26, 27]])
    with torch.no_grad():
        found = model(source, labels=labels, keep_start_in_mask=True).logits
        mask = torch.tensor([[1, 1, 0, 1]])
        ids = torch.tensor([[0, 30, 0, 31]])
        expected = model(source, decoder_input_ids=ids, decoder_attention_mask=mask).logits
    torch.testing.assert_close(found, expected, **CLOSE)
