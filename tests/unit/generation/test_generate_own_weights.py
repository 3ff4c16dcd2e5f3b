"""generate uses the model as it stands: weights changed in any way, modules replaced, hooked or patched."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bertgen import EncoderDecoderModel

IDS = torch.tensor([[5, 6, 7, 8, 9], [10, 11, 12, 13, 14]])
WANTED = 33  # a token that the model writes only when what was changed is looked at


def written(model, **settings) -> list[list[int]]:
    return model.generate(IDS, **{"max_new_tokens": 4, "eos_token_id": -1, **settings})[:, 1:].tolist()


def last_layer(model):
    return model.decoder.bert.encoder.layer[-1]


def through_data(model):
    model.decoder.lm_head.bias.data[WANTED] = 1000.0


def through_numpy(model):
    model.decoder.lm_head.bias.detach().numpy()[WANTED] = 1000.0


def through_inference_mode(model):
    with torch.inference_mode():
        model.decoder.lm_head.bias.detach()[WANTED] = 1000.0


def negated_matrix(model):
    last_layer(model).output.dense.weight.data.neg_()


def permuted_rows(model):
    weight = last_layer(model).attention.self.value.weight
    weight.data.copy_(weight.data.roll(3, dims=0))


def permuted_columns(model):
    weight = last_layer(model).intermediate.dense.weight
    weight.data.copy_(weight.data.roll(5, dims=1))


def scaled(model):
    for value in model.decoder.parameters():
        value.data.mul_(0.7)


def other_activation(model):
    for layer in model.decoder.bert.encoder.layer:
        layer.intermediate.activation = torch.tanh


EDITS = [through_data, through_numpy, through_inference_mode, negated_matrix, permuted_rows, permuted_columns]


@pytest.mark.parametrize("edit", [*EDITS, scaled, other_activation])
def test_edits_between_two_calls_are_seen(make_model, edit):
    """However the weights were written, the next call reads them."""
    model, other = make_model(), make_model()
    written(model)
    edit(model)
    edit(other)  # (whose first call this is)
    asked = {"return_dict_in_generate": True, "output_scores": True, "max_new_tokens": 6}
    changed, fresh = model.generate(IDS, **asked), other.generate(IDS, **asked)
    assert torch.equal(changed.sequences, fresh.sequences)
    assert torch.equal(torch.stack(changed.scores), torch.stack(fresh.scores))


def test_edit_of_a_model_loaded_in_inference_mode(make_model, tmp_path):
    make_model().save_pretrained(tmp_path)
    with torch.inference_mode():
        model = EncoderDecoderModel.from_pretrained(tmp_path)
        written(model)
        model.decoder.lm_head.bias[WANTED] = 1000.0
        assert written(model) == [[WANTED] * 4] * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_edits_in_other_types(make_model, dtype):
    model = make_model().to(dtype)
    written(model)
    through_data(model)
    assert written(model) == [[WANTED] * 4] * 2


class Adapted(nn.Linear):
    """As adapters are made: the layer's own weights, and something more in its forward."""

    def forward(self, x):
        return super().forward(x) + 1000.0 * nn.functional.one_hot(torch.tensor(WANTED), self.out_features)


class Wrapped(nn.Module):
    """A layer inside another, which has no weight of its own."""

    def __init__(self, base, out_features):
        super().__init__()
        self.base, self.added = base, nn.Parameter(torch.zeros(out_features))
        self.added.data[WANTED] = 1000.0

    def forward(self, x):
        return self.base(x) + self.added


def favour(module, inputs, output):
    return output + 1000.0 * nn.functional.one_hot(torch.tensor(WANTED), output.shape[-1])


def adapted_head(model):
    head = model.decoder.lm_head
    adapted = Adapted(head.decoder.in_features, head.decoder.out_features)
    adapted.weight, adapted.bias, head.decoder = head.decoder.weight, head.decoder.bias, adapted


def wrapped_head(model):
    head = model.decoder.lm_head
    head.decoder = Wrapped(head.decoder, head.decoder.out_features)


def hooked_head(model):
    model.decoder.lm_head.decoder.register_forward_hook(favour)


def patched_head(model):
    inner = model.decoder.lm_head.forward
    model.decoder.lm_head.forward = lambda hidden: favour(None, None, inner(hidden))


def favoured(forward):
    def forward_and_favour(*args, **kwargs):
        output = forward(*args, **kwargs)
        output.logits[..., WANTED] = 1000.0
        return output

    return forward_and_favour


def patched_decoder(model):
    model.decoder.forward = favoured(model.decoder.forward)


def patched_model(model):
    model.forward = favoured(model.forward)


def hooked_model(model):
    model.register_forward_hook(lambda module, inputs, output: favoured(lambda: output)())


CHANGES = [
    adapted_head,
    wrapped_head,
    hooked_head,
    patched_head,
    patched_decoder,
    patched_model,
    hooked_model,
]


@pytest.mark.parametrize("settings", [{}, {"use_cache": False}, {"num_beams": 2}], ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_modules_are_called(make_model, change, settings):
    """With and without the cache alike, also when a call went before."""
    model = make_model()
    assert written(model, **settings) != [[WANTED] * 4] * 2
    change(model)
    assert written(model, **settings) == [[WANTED] * 4] * 2


class Favouring(EncoderDecoderModel):
    """A subclass with a forward of its own."""

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        output.logits[..., WANTED] = 1000.0
        return output


@pytest.mark.parametrize(
    "settings", [{}, {"use_cache": False}, {"num_beams": 3}, {"do_sample": True}], ids=str
)
def test_a_subclass_has_its_forward_called(make_model, tmp_path, settings):
    make_model().save_pretrained(tmp_path)
    assert written(Favouring.from_pretrained(tmp_path), **settings) == [[WANTED] * 4] * 2


class Calling(EncoderDecoderModel):
    """A subclass whose forward changes nothing."""

    def forward(self, *args, **kwargs):
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_models_own_forward_gives_what_the_decoder_gives(make_model, tmp_path, beams):
    """Scores, attentions and states of a step are the same through the model as through its decoder."""
    make_model().save_pretrained(tmp_path)
    asked = {
        "num_beams": beams,
        "max_new_tokens": 5,
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
        "return_dict_in_generate": True,
        "output_scores": True,
        "output_attentions": True,
        "output_hidden_states": True,
    }
    one = EncoderDecoderModel.from_pretrained(tmp_path).generate(IDS, **asked)
    other = Calling.from_pretrained(tmp_path).generate(IDS, **asked)
    assert torch.equal(one.sequences, other.sequences)
    for name in ("scores", "decoder_attentions", "cross_attentions", "decoder_hidden_states"):
        torch.testing.assert_close(one[name], other[name])


def test_hooks_on_layers_are_called_once_a_token(make_model):
    model, calls = make_model(), []
    for module in (last_layer(model), last_layer(model).crossattention.self.key, model.encoder):
        module.register_forward_hook(lambda module, inputs, output: calls.append(type(module).__name__))
    written(model)
    assert calls.count("BertGenerationLayer") == 4
    assert calls.count("BertGenerationEncoder") == 1
    assert "Linear" in calls


def test_hooks_on_all_modules_are_called(make_model):
    model, seen = make_model(), set()
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *rest: seen.add(type(module).__name__)
    )
    try:
        written(model)
    finally:
        handle.remove()
    assert {"EncoderDecoderModel", "BertGenerationDecoder", "BertGenerationLayer", "LayerNorm"} <= seen


def test_parametrised_weights(make_model):
    """A scaling parametrisation writes what the same scaling of the weights writes."""

    class Twice(nn.Module):
        def forward(self, weight):
            return 2 * weight

    model, other = make_model(), make_model()
    written(model)
    nn.utils.parametrize.register_parametrization(last_layer(model).output.dense, "weight", Twice())
    last_layer(other).output.dense.weight.data.mul_(2)
    assert written(model, max_new_tokens=12) == written(other, max_new_tokens=12)


def test_a_layer_left_in_training_drops_out(make_model):
    """Dropout switched on in one layer alone varies what is written, as it varies the forward."""
    model = make_model(hidden_dropout_prob=0.5)
    last_layer(model).train()
    torch.manual_seed(0)
    assert len({str(written(model, max_new_tokens=8)) for _ in range(4)}) > 1


@pytest.mark.filterwarnings("ignore")
def test_quantised_linears(make_model):
    """Written in eight bits: with and without the cache the same."""
    model = torch.ao.quantization.quantize_dynamic(make_model(), {nn.Linear})
    assert written(model) == written(model, use_cache=False)


@pytest.mark.parametrize("settings", [{}, {"num_beams": 2}])
def test_autocast(make_model, settings):
    """Attention rows can be asked for, and everything is computed in the type that was asked for."""
    model = make_model()
    asked = {"output_attentions": True, "output_scores": True, "return_dict_in_generate": True, **settings}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model.generate(IDS, max_new_tokens=3, **asked)
    assert output.sequences.shape[1] <= 4
    assert output.decoder_attentions[0][0].shape[-1] == 1
    assert len(output.cross_attentions) == len(output.scores)
