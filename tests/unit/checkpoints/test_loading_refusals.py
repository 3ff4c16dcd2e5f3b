"""What from_pretrained and resizing refuse, and with which words."""

from __future__ import annotations

import pytest
import torch

from bertgen import BertGenerationDecoder, BertGenerationEncoder, EncoderDecoderModel


@pytest.mark.parametrize("kind", [BertGenerationDecoder, BertGenerationEncoder])
def test_one_side_does_not_load_both(make_model, tmp_path, kind):
    """The sentence names the class that does."""
    make_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="EncoderDecoderModel"):
        kind.from_pretrained(tmp_path)


@pytest.mark.parametrize("dtype", [torch.int32, "int8", torch.bool])
def test_weights_are_of_floating_point(make_model, tmp_path, dtype):
    make_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="floating point"):
        EncoderDecoderModel.from_pretrained(tmp_path, torch_dtype=dtype)


@pytest.mark.parametrize("rows", [-1, 0, 45.0, "45"])
def test_a_vocabulary_has_whole_rows(make_model, rows):
    decoder = make_model().decoder
    before = decoder.config.vocab_size
    with pytest.raises(ValueError, match="whole number"):
        decoder.resize_token_embeddings(rows)
    assert decoder.get_input_embeddings().num_embeddings == before


def test_a_model_knows_where_it_came_from(make_model, tmp_path):
    made = make_model()
    assert made.name_or_path == ""
    made.save_pretrained(tmp_path)
    assert EncoderDecoderModel.from_pretrained(str(tmp_path)).name_or_path == str(tmp_path)


def test_a_search_loop_of_ones_own_reorders_the_cache(make_model):
    model, ids = make_model().eval(), torch.tensor([[5, 6, 7], [8, 9, 10]])
    order = torch.tensor([1, 1])
    with torch.no_grad():
        first = model(input_ids=ids, decoder_input_ids=torch.tensor([[2, 5], [2, 6]]), use_cache=True)
        past = model._reorder_cache(first.past_key_values, order)
        step = {"encoder_outputs": (first.encoder_last_hidden_state[order],), "past_key_values": past}
        moved = model(decoder_input_ids=torch.tensor([[7], [8]]), **step).logits
        both = {"input_ids": ids[order], "decoder_input_ids": torch.tensor([[2, 6, 7], [2, 6, 8]])}
        whole = model(**both).logits[:, -1:]
    torch.testing.assert_close(moved, whole, atol=1e-5, rtol=1e-5)
