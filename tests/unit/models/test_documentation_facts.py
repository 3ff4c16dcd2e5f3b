"""The documentation page of BertGeneration (transformers 4.37.2): arguments, defaults and return values."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch

import bertgen
from bertgen import (
    BaseModelOutputWithPastAndCrossAttentions,
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    BertGenerationTokenizer,
    CausalLMOutputWithCrossAttentions,
)

PIECES = Path(__file__).parents[2] / "golden" / "tokenizer" / "bytes.model"
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
CONFIG_DEFAULTS = {
    "vocab_size": 50358,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "position_embedding_type": "absolute",
    "use_cache": True,
}
TOKENIZER_DEFAULTS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "sep_token": "<::::>",
    "sp_model_kwargs": None,
}
ENCODER_ARGUMENTS = (
    "input_ids",
    "attention_mask",
    "position_ids",
    "head_mask",
    "inputs_embeds",
    "encoder_hidden_states",
    "encoder_attention_mask",
    "past_key_values",
    "use_cache",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
)
DECODER_ARGUMENTS = (*ENCODER_ARGUMENTS[:7], "labels", *ENCODER_ARGUMENTS[7:])


def arguments(function) -> dict:
    """Name -> default, without self and **kwargs."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD}


def test_config_arguments():
    assert arguments(BertGenerationConfig.__init__) == CONFIG_DEFAULTS
    assert list(arguments(BertGenerationConfig.__init__)) == list(CONFIG_DEFAULTS)
    config = BertGenerationConfig()
    assert {name: getattr(config, name) for name in CONFIG_DEFAULTS} == CONFIG_DEFAULTS
    assert isinstance(config, bertgen.configs.base.PretrainedConfig)
    assert config.model_type == "bert-generation"


def test_tokenizer_arguments(tmp_path):
    found = arguments(BertGenerationTokenizer.__init__)
    assert found.pop("vocab_file") is inspect.Parameter.empty
    assert found == TOKENIZER_DEFAULTS
    tokenizer = BertGenerationTokenizer(str(PIECES))
    assert isinstance(tokenizer, bertgen.tokenizers.PreTrainedTokenizer)
    for name, value in TOKENIZER_DEFAULTS.items():
        assert getattr(tokenizer, name) == ({} if name == "sp_model_kwargs" else value)
    assert list(arguments(BertGenerationTokenizer.save_vocabulary)) == ["save_directory", "filename_prefix"]
    (path,) = tokenizer.save_vocabulary(str(tmp_path), filename_prefix="mine")
    assert Path(path).read_bytes() == PIECES.read_bytes()


@pytest.mark.parametrize("options", [{"nbest_size": -1}, {"nbest_size": 5}])
def test_subword_regularisation(options):
    """enable_sampling, nbest_size and alpha reach SentencePiece: several segmentations of one text."""
    options = {"enable_sampling": True, "alpha": 0.1, **options}
    tokenizer = BertGenerationTokenizer(str(PIECES), sp_model_kwargs=options)
    found = {tuple(tokenizer("Hello, my dog is cute")["input_ids"]) for _ in range(40)}
    assert len(found) > 1
    plain = BertGenerationTokenizer(str(PIECES), sp_model_kwargs={"nbest_size": 1, "alpha": 0.1})
    assert len({tuple(plain("Hello, my dog is cute")["input_ids"]) for _ in range(20)}) == 1


@pytest.mark.parametrize("size", [0, 1])
def test_no_sampling_from_one_result(size):
    """The page: nbest_size 0 or 1 performs no sampling (SentencePiece itself raises an error instead)."""
    options = {"enable_sampling": True, "nbest_size": size, "alpha": 0.1}
    tokenizer = BertGenerationTokenizer(str(PIECES), sp_model_kwargs=options)
    plain = BertGenerationTokenizer(str(PIECES)).encode("Hello, my dog is cute")
    assert all(tokenizer.encode("Hello, my dog is cute") == plain for _ in range(20))


def test_an_unknown_piece_is_the_unknown_token():
    tokenizer = BertGenerationTokenizer(str(PIECES))
    assert tokenizer.convert_tokens_to_ids("no such piece") == tokenizer.unk_token_id


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(BertGenerationEncoder, ENCODER_ARGUMENTS), (BertGenerationDecoder, DECODER_ARGUMENTS)],
)
def test_forward_arguments(kind, expected):
    found = arguments(kind.forward)
    assert tuple(found) == expected
    assert set(found.values()) == {None}
    assert list(arguments(kind.__init__)) == ["config"]
    assert issubclass(kind, torch.nn.Module)
    for method in ("from_pretrained", "save_pretrained", "resize_token_embeddings", "prune_heads"):
        assert callable(getattr(kind, method))


BATCH, SOURCE, LENGTH, LAYERS, HEADS, WIDTH = 2, 5, 3, 2, 4, 32
IDS = torch.tensor([[5, 6, 7], [8, 9, 10]])


def decoder_config() -> BertGenerationConfig:
    return BertGenerationConfig(vocab_size=61, is_decoder=True, add_cross_attention=True, **SIZES)


def everything() -> dict:
    memory = torch.randn(BATCH, SOURCE, WIDTH, generator=torch.Generator().manual_seed(1))
    return {"encoder_hidden_states": memory, "output_attentions": True, "output_hidden_states": True}


def check_common(output) -> None:
    """What the page says of both outputs: shapes, a layer each, the cache's four tensors."""
    assert len(output.hidden_states) == LAYERS + 1
    assert {tuple(state.shape) for state in output.hidden_states} == {(BATCH, LENGTH, WIDTH)}
    assert {tuple(a.shape) for a in output.attentions} == {(BATCH, HEADS, LENGTH, LENGTH)}
    assert {tuple(a.shape) for a in output.cross_attentions} == {(BATCH, HEADS, LENGTH, SOURCE)}
    assert len(output.attentions) == len(output.cross_attentions) == len(output.past_key_values) == LAYERS
    for weights in (*output.attentions, *output.cross_attentions):
        torch.testing.assert_close(weights.sum(-1), torch.ones(BATCH, HEADS, LENGTH))  # after the softmax
    own, cross = (BATCH, HEADS, LENGTH, WIDTH // HEADS), (BATCH, HEADS, SOURCE, WIDTH // HEADS)
    for layer in output.past_key_values:
        assert [tuple(x.shape) for x in layer] == [own, own, cross, cross]


def test_encoder_as_decoder_returns():
    torch.manual_seed(0)
    model = BertGenerationEncoder(decoder_config()).eval()
    output = model(IDS, **everything())
    assert type(output) is BaseModelOutputWithPastAndCrossAttentions
    assert output.last_hidden_state.shape == (BATCH, LENGTH, WIDTH)
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
    check_common(output)
    last = model(
        IDS[:, -1:], past_key_values=model(IDS[:, :-1], **everything()).past_key_values, **everything()
    )
    assert last.last_hidden_state.shape == (BATCH, 1, WIDTH)
    plain = model(IDS, **everything(), return_dict=False)
    assert isinstance(plain, tuple)
    assert torch.equal(plain[0], output.last_hidden_state)
    model.config.return_dict = False
    assert isinstance(model(IDS), tuple)


def test_decoder_returns():
    torch.manual_seed(0)
    model = BertGenerationDecoder(decoder_config()).eval()
    output = model(IDS, **everything())
    assert type(output) is CausalLMOutputWithCrossAttentions
    assert output.logits.shape == (BATCH, LENGTH, 61)
    assert output.loss is None
    check_common(output)
    loss = model(IDS, labels=IDS, **everything()).loss
    expected = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten())
    torch.testing.assert_close(loss, expected)  # the next word's
    ignored = model(IDS, labels=IDS.masked_fill(IDS == 7, -100), **everything()).loss
    expected = torch.nn.functional.cross_entropy(
        output.logits[:, :-1].flatten(0, 1), torch.tensor([6, -100, 9, 10]), ignore_index=-100
    )
    torch.testing.assert_close(ignored, expected)
    assert isinstance(model(IDS, return_dict=False), tuple)


def test_cache_is_for_decoders_only():
    model = BertGenerationEncoder(BertGenerationConfig(vocab_size=61, **SIZES)).eval()
    assert model(IDS, use_cache=True).past_key_values is None
    with pytest.raises(ValueError, match="is_decoder"):
        BertGenerationEncoder(BertGenerationConfig(vocab_size=61, add_cross_attention=True, **SIZES))


@pytest.mark.parametrize("kind", ["absolute", "relative_key", "relative_key_query"])
@pytest.mark.parametrize("act", ["gelu", "relu", "silu", "gelu_new"])
def test_choices_that_the_page_names(kind, act):
    config = BertGenerationConfig(vocab_size=61, position_embedding_type=kind, hidden_act=act, **SIZES)
    assert BertGenerationEncoder(config).eval()(IDS).last_hidden_state.isfinite().all()


def test_masks_that_the_page_names():
    """attention_mask, head_mask of both shapes, positions, embeddings in place of ids."""
    torch.manual_seed(0)
    model = BertGenerationEncoder(BertGenerationConfig(vocab_size=61, **SIZES)).eval()
    plain = model(IDS).last_hidden_state
    masked = model(IDS, attention_mask=torch.tensor([[1.0, 1, 0], [1, 1, 1]])).last_hidden_state
    assert not torch.allclose(masked[0], plain[0])
    torch.testing.assert_close(masked[1], plain[1])
    heads = torch.tensor([1.0, 0, 1, 1])
    both = [model(IDS, head_mask=mask).last_hidden_state for mask in (heads, heads.expand(LAYERS, -1))]
    torch.testing.assert_close(both[0], both[1])
    assert not torch.allclose(both[0], plain)
    table = model.get_input_embeddings()
    torch.testing.assert_close(model(inputs_embeds=table(IDS)).last_hidden_state, plain)
    positions = torch.arange(LENGTH).expand(BATCH, -1)
    torch.testing.assert_close(model(IDS, position_ids=positions).last_hidden_state, plain)
    with pytest.raises(IndexError, match="position_ids"):
        model(IDS, position_ids=positions + 64)
