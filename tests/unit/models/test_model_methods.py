"""Methods that all models share, against what transformers 4.37.2 answers (tests/golden/api)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bertgen import (
    BertConfig,
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderModel,
    GenerationConfig,
)

GOLDEN = Path(__file__).parents[2] / "golden"
EXPECTED = json.loads((GOLDEN / "api" / "utilities.json").read_text(encoding="utf-8"))
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])


@pytest.fixture(scope="module")
def joint() -> EncoderDecoderModel:
    return EncoderDecoderModel.from_pretrained(GOLDEN / "encdec_short")


@pytest.fixture(scope="module")
def alone() -> BertGenerationDecoder:
    return BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")


def test_counting(joint, alone):
    for model, counts, nbytes, operations in zip(
        (joint, alone),
        EXPECTED["num_parameters"],
        EXPECTED["memory"],
        EXPECTED["operations"],
        strict=True,
    ):
        assert [model.num_parameters(t, e) for t in (False, True) for e in (False, True)] == counts
        assert model.get_memory_footprint(return_buffers=False) == nbytes
        assert model.get_memory_footprint() == nbytes  # there are no buffers here
        assert model.floating_point_ops({"input_ids": MASK}) == operations
        assert model.estimate_tokens({"inputs_embeds": MASK}) == 0


def test_frozen_parameters_are_not_trainable():
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    model.lm_head.bias.requires_grad_(False)
    assert model.num_parameters() - model.num_parameters(only_trainable=True) == 67


def test_masks(joint, alone):
    encoder = joint.encoder
    for mask, values in zip((MASK, torch.ones(1, 2, 3)), EXPECTED["inverted"], strict=True):
        assert torch.equal(encoder.invert_attention_mask(mask), torch.tensor(values))
    shapes = ((encoder, (2, 3)), (alone, (2, 3)), (alone, (2, 2)), (alone, (2, 1)))
    for (model, shape), values in zip(shapes, EXPECTED["extended"], strict=True):
        assert torch.equal(model.get_extended_attention_mask(MASK, shape), torch.tensor(values))
    with pytest.raises(ValueError, match="expected"):
        encoder.get_extended_attention_mask(torch.ones(3), (3,))
    with pytest.raises(ValueError, match="expected"):
        encoder.invert_attention_mask(torch.ones(3))


def test_head_masks(alone):
    shapes = [
        list(alone.get_head_mask(mask, 2, chunked).shape)
        for mask in (torch.ones(4), torch.ones(2, 4))
        for chunked in (False, True)
    ]
    assert shapes == EXPECTED["head_mask"]
    assert alone.get_head_mask(None, 2) == [None, None]
    with pytest.raises(AssertionError, match="dimensions"):
        alone.get_head_mask(torch.ones(1, 2, 3), 2)


@pytest.mark.parametrize("case", EXPECTED["scores"], ids=lambda c: f"{c['kind']}-{c['options']['num_beams']}")
def test_transition_scores(joint, alone, case):
    model = joint if case["kind"] == "joint" else alone
    output = model.generate(torch.tensor(case["ids"]), **case["options"])
    assert output.sequences.tolist() == case["sequences"]
    scores = model.compute_transition_scores(
        output.sequences, output.scores, output.get("beam_indices"), case["normalize"]
    )
    torch.testing.assert_close(scores, torch.tensor(case["values"]), rtol=1e-5, atol=1e-5)


def test_transition_scores_make_the_sequence_scores(joint):
    """The documented identity: summed, divided by the length, they are sequences_scores."""
    options = {"num_beams": 4, "num_return_sequences": 4, "length_penalty": 0.7, "max_length": 14}
    ids = torch.tensor([[5, 6, 7, 8]])
    output = joint.generate(ids, **options, output_scores=True, return_dict_in_generate=True)
    scores = joint.compute_transition_scores(output.sequences, output.scores, output.beam_indices)
    lengths = (output.beam_indices >= 0).sum(1)
    torch.testing.assert_close(scores.sum(1) / lengths**0.7, output.sequences_scores, rtol=1e-5, atol=1e-5)


def test_labels_to_decoder_inputs(joint):
    labels = torch.tensor([[5, 6, -100]])
    assert joint.prepare_decoder_input_ids_from_labels(labels).tolist() == EXPECTED["shifted"]


@pytest.mark.parametrize("cached", [False, True])
def test_a_search_loop_of_ones_own(joint, cached):
    """prepare_inputs_for_generation feeds a hand-written greedy loop, which writes what generate writes."""
    source = torch.tensor([[5, 6, 7, 8]])
    expected = joint.generate(source, max_length=10)[0].tolist()
    encoded = joint.get_encoder()(source)
    ids, past = torch.tensor([[2]]), None
    while ids.shape[1] < 10 and ids[0, -1] != 1:
        inputs = joint.prepare_inputs_for_generation(
            ids, past_key_values=past, use_cache=cached, encoder_outputs=encoded
        )
        with torch.no_grad():
            output = joint(**inputs)
        past = output.past_key_values
        ids = torch.cat([ids, output.logits[:, -1:].argmax(-1)], dim=1)
    assert ids[0].tolist() == expected


def test_names_and_flags(joint, alone):
    assert (joint.main_input_name, joint.framework, joint.is_parallelizable) == ("input_ids", "pt", False)
    assert EncoderDecoderModel.can_generate()
    assert BertGenerationDecoder.can_generate()
    assert not BertGenerationEncoder.can_generate()
    assert alone.base_model is alone.bert
    assert joint.base_model is joint
    assert joint.encoder.base_model is joint.encoder
    with torch.no_grad():
        assert joint.encoder(**joint.dummy_inputs).last_hidden_state.shape[:2] == (3, 5)


def test_positions_are_fixed(alone):
    for call in (alone.get_position_embeddings, lambda: alone.resize_position_embeddings(80)):
        with pytest.raises(NotImplementedError):
            call()


def test_two_sides_are_resized_and_pruned_one_by_one(joint):
    for call in (joint.resize_token_embeddings, lambda: joint.prune_heads({0: [1]})):
        with pytest.raises(NotImplementedError, match=r"model\.encoder"):
            call()
    assert not joint.config.pruned_heads


@pytest.mark.parametrize(("asked", "rows"), [(None, 72), (70, 72), (72, 72), (73, 80), (30, 32)])
def test_rows_in_multiples(asked, rows):
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    before = model.get_input_embeddings().weight.detach().clone()
    table = model.resize_token_embeddings(asked, pad_to_multiple_of=8)
    assert table.num_embeddings == model.config.vocab_size == rows
    assert model.lm_head.decoder.weight is table.weight
    assert model(torch.tensor([[3, 4]])).logits.shape == (1, 2, rows)
    kept = min(rows, 67)
    assert torch.equal(table.weight[:kept], before[:kept])
    with pytest.raises(ValueError, match="pad_to_multiple_of"):
        model.resize_token_embeddings(70, pad_to_multiple_of=2.5)


def test_other_embeddings_can_be_put_in(joint):
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec")
    table, head = torch.nn.Embedding(67, 24), torch.nn.Linear(24, 67)
    model.set_input_embeddings(table)
    model.set_output_embeddings(head)
    assert model.encoder.get_input_embeddings() is table
    assert model.decoder.get_output_embeddings() is head


def test_initialised_again():
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    model.init_weights()
    assert abs(model.bert.embeddings.word_embeddings.weight[1:].std().item() - 0.02) < 0.003
    assert not model.lm_head.bias.any()


SOURCE, LABELS = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]]), torch.tensor([[11, 12, 1], [13, 1, -100]])


def gradients(model: torch.nn.Module, **inputs) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(**inputs).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("options", [None, {"use_reentrant": False}])
def test_gradient_checkpointing(options):
    """The same loss and gradients, with the layers run a second time in backward."""
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec").train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    runs = []
    layer = model.encoder.encoder.layer[0]
    layer.intermediate.register_forward_hook(lambda *_: runs.append(1))
    inputs = {"input_ids": SOURCE, "attention_mask": (SOURCE != 0).long(), "labels": LABELS}
    expected = gradients(model, **inputs)
    assert len(runs) == 1
    assert not model.is_gradient_checkpointing
    with pytest.raises(ValueError, match="use_reentrant"):
        model.gradient_checkpointing_enable({"use_reentrant": True})
    model.gradient_checkpointing_enable(options)
    assert model.is_gradient_checkpointing
    found = gradients(model, **inputs)
    assert len(runs) == 3
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert model(**inputs).past_key_values is None  # nothing is cached meanwhile
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    gradients(model, **inputs)
    assert len(runs) == 5


def test_gradients_through_frozen_embeddings():
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    model.requires_grad_(False)
    assert not model(SOURCE).logits.requires_grad
    model.enable_input_require_grads()
    assert model(SOURCE).logits.requires_grad
    model.disable_input_require_grads()
    assert not model(SOURCE).logits.requires_grad


# -- loading and saving ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"device_map": "auto"},
        {"load_in_8bit": True},
        {"quantization_config": object()},
        {"from_tf": True},
        {"variant": "fp16"},
        {"use_flash_attention_2": True},
    ],
    ids=str,
)
def test_other_back_ends_are_refused(option):
    with pytest.raises(NotImplementedError, match=next(iter(option))):
        BertGenerationEncoder.from_pretrained(GOLDEN / "encoder", **option)


def test_options_without_effect():
    model = BertGenerationEncoder.from_pretrained(
        GOLDEN / "encoder",
        low_cpu_mem_usage=True,
        trust_remote_code=False,
        device_map=None,
        attn_implementation="eager",
    )
    assert not model.load_report.keys("initialised")
    with pytest.raises(ValueError, match="eager"):
        BertGenerationEncoder.from_pretrained(GOLDEN / "encoder", attn_implementation="flash_attention_2")


def test_unknown_options_are_a_type_error():
    with pytest.raises(TypeError, match="no_such_option"):
        BertGenerationEncoder.from_pretrained(GOLDEN / "encoder", no_such_option=1)


def test_one_kind_of_file(tmp_path):
    model = BertGenerationEncoder.from_pretrained(GOLDEN / "encoder")
    model.save_pretrained(tmp_path)
    torch.save({key: value * 0 for key, value in model.state_dict().items()}, tmp_path / "pytorch_model.bin")
    for choice, is_zero in ((None, False), (True, False), (False, True)):
        found = BertGenerationEncoder.from_pretrained(tmp_path, use_safetensors=choice)
        assert (not found.embeddings.word_embeddings.weight.any()) is is_zero
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        BertGenerationEncoder.from_pretrained(tmp_path, use_safetensors=True)


def test_tensors_without_a_folder():
    model = BertGenerationEncoder.from_pretrained(GOLDEN / "encoder")
    again = BertGenerationEncoder.from_pretrained(None, config=model.config, state_dict=model.state_dict())
    ids = torch.tensor([[5, 6]])
    assert torch.equal(again(ids).last_hidden_state, model(ids).last_hidden_state)
    with pytest.raises(ValueError, match="state_dict"):
        BertGenerationEncoder.from_pretrained(None, config=model.config)


def test_saving_other_tensors(tmp_path):
    """An average of checkpoints, or a wrapped model's own tensors, under the model's names."""
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    doubled = {key: value * 2 for key, value in model.state_dict().items()}
    model.save_pretrained(tmp_path, state_dict=doubled)
    again = BertGenerationDecoder.from_pretrained(tmp_path)
    for key, value in again.state_dict().items():
        assert torch.equal(value, doubled[key]), key
    doubled.pop("lm_head.bias")
    with pytest.raises(ValueError, match=r"lm_head\.bias"):
        model.save_pretrained(tmp_path, state_dict=doubled)


def test_one_of_several_processes_saves(tmp_path):
    model = BertGenerationEncoder.from_pretrained(GOLDEN / "encoder")
    model.save_pretrained(tmp_path / "other", is_main_process=False)
    assert not (tmp_path / "other").exists()
    written = []

    def save(tensors, path):
        written.append(Path(path).name)
        torch.save(tensors, path)

    model.save_pretrained(tmp_path, safe_serialization=False, save_function=save)
    assert written == ["pytorch_model.bin"]
    with pytest.raises(NotImplementedError, match="variant"):
        model.save_pretrained(tmp_path, variant="fp16")


# -- settings and configs ----------------------------------------------------------------------------


def test_settings_of_dicts_and_files(tmp_path):
    data = {"num_beams": 3, "mine": 1}
    settings, unused = GenerationConfig.from_dict(data, max_length=9, return_unused_kwargs=True)
    assert (settings.num_beams, settings.mine, settings.max_length, unused) == (3, 1, 9, {})
    settings.save_pretrained(tmp_path, config_file_name="beams.json")
    again = GenerationConfig.from_pretrained(tmp_path, "beams.json", top_k=7)
    assert (again.num_beams, again.mine, again.top_k) == (3, 1, 7)
    with pytest.raises(OSError, match=r"generation_config\.json"):
        GenerationConfig.from_pretrained(tmp_path)
    settings.to_json_file(tmp_path / "all.json", use_diff=False)
    assert len(json.loads((tmp_path / "all.json").read_text())) > 40
    assert "transformers_version" not in settings.to_json_string(ignore_metadata=True)


def test_settings_that_no_file_can_hold():
    with pytest.raises(TypeError, match="sequence_bias"):
        GenerationConfig(sequence_bias={(3, 4): 1.0}).to_json_string()


def test_validate():
    GenerationConfig(do_sample=True, temperature=0.5).validate()
    with pytest.warns(UserWarning, match="temperature=0.5 has no effect without do_sample=True"):
        GenerationConfig(temperature=0.5).validate()
    with pytest.warns(UserWarning, match="length_penalty=2.0 has no effect without num_beams above 1"):
        GenerationConfig(length_penalty=2.0).validate()
    with pytest.raises(ValueError, match="streamer is not a setting"):
        GenerationConfig(streamer=1).validate()
    with pytest.raises(ValueError, match="never"):
        GenerationConfig(early_stopping="soon").validate()


def test_fields_from_text():
    config = BertGenerationConfig()
    config.update_from_string("hidden_size=32,use_cache=no,layer_norm_eps=1e-5,hidden_act=relu")
    assert (config.hidden_size, config.use_cache, config.layer_norm_eps, config.hidden_act) == (
        32,
        False,
        1e-5,
        "relu",
    )
    for text in ("nothing=1", "use_cache=maybe", "architectures=x"):
        with pytest.raises(ValueError, match=text.split("=")[0]):
            config.update_from_string(text)


def test_dtypes_become_words():
    data = {"torch_dtype": torch.float16, "inner": {"torch_dtype": torch.bfloat16, "x": 1}}
    BertConfig().dict_torch_dtype_to_str(data)
    GenerationConfig().dict_torch_dtype_to_str(data)
    assert data == {"torch_dtype": "float16", "inner": {"torch_dtype": "bfloat16", "x": 1}}
