# ruff: noqa: E501 - the snippets stand as they are on the page
"""The documentation page of BertGeneration (transformers 4.37.2): its snippets, and every fact it states.

The snippets run as written but for the package's name. Hub names resolve to small stand-ins of the same
layout, in a cache of the Hub's form, with the network forbidden.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import huggingface_hub.constants  # noqa: F401 - it keeps what HF_HUB_OFFLINE says when it is imported
import pytest
import torch
from safetensors.torch import save_file

import bertgen
from bertgen import (
    BertConfig,
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    BertGenerationTokenizer,
    BertLMHeadModel,
    EncoderDecoderModel,
)
from tests.conftest import scrambled, tiny_config

PIECES = Path(__file__).parents[2] / "golden" / "tokenizer" / "bytes.model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
WORDS = [*["this", "is", "a", "long", "article", "to", "summarize", "short", "summary"], "##s", ","]

WARM_START = """
>>> # leverage checkpoints for Bert2Bert model...
>>> # use BERT's cls token as BOS token and sep token as EOS token
>>> encoder = BertGenerationEncoder.from_pretrained("bert-large-uncased", bos_token_id=101, eos_token_id=102)
>>> # add cross attention layers and use BERT's cls token as BOS token and sep token as EOS token
>>> decoder = BertGenerationDecoder.from_pretrained(
...     "bert-large-uncased", add_cross_attention=True, is_decoder=True, bos_token_id=101, eos_token_id=102
... )
>>> bert2bert = EncoderDecoderModel(encoder=encoder, decoder=decoder)

>>> # create tokenizer...
>>> tokenizer = BertTokenizer.from_pretrained("bert-large-uncased")

>>> input_ids = tokenizer(
...     "This is a long article to summarize", add_special_tokens=False, return_tensors="pt"
... ).input_ids
>>> labels = tokenizer("This is a short summary", return_tensors="pt").input_ids

>>> # train...
>>> loss = bert2bert(input_ids=input_ids, decoder_input_ids=labels, labels=labels).loss
>>> loss.backward()
"""
FUSION = """
>>> # instantiate sentence fusion model
>>> sentence_fuser = EncoderDecoderModel.from_pretrained("google/roberta2roberta_L-24_discofuse")
>>> tokenizer = AutoTokenizer.from_pretrained("google/roberta2roberta_L-24_discofuse")

>>> input_ids = tokenizer(
...     "This is the first sentence. This is the second sentence.", add_special_tokens=False, return_tensors="pt"
... ).input_ids

>>> outputs = sentence_fuser.generate(input_ids)

>>> print(tokenizer.decode(outputs[0]))
"""
CONFIG = """
>>> from transformers import BertGenerationConfig, BertGenerationEncoder

>>> # Initializing a BertGeneration config
>>> configuration = BertGenerationConfig()

>>> # Initializing a model (with random weights) from the config
>>> model = BertGenerationEncoder(configuration)

>>> # Accessing the model configuration
>>> configuration = model.config
"""
ENCODER = """
>>> from transformers import AutoTokenizer, BertGenerationEncoder
>>> import torch

>>> tokenizer = AutoTokenizer.from_pretrained("google/bert_for_seq_generation_L-24_bbc_encoder")
>>> model = BertGenerationEncoder.from_pretrained("google/bert_for_seq_generation_L-24_bbc_encoder")

>>> inputs = tokenizer("Hello, my dog is cute", return_tensors="pt")
>>> outputs = model(**inputs)

>>> last_hidden_states = outputs.last_hidden_state
"""
DECODER = """
>>> from transformers import AutoTokenizer, BertGenerationDecoder, BertGenerationConfig
>>> import torch

>>> tokenizer = AutoTokenizer.from_pretrained("google/bert_for_seq_generation_L-24_bbc_encoder")
>>> config = BertGenerationConfig.from_pretrained("google/bert_for_seq_generation_L-24_bbc_encoder")
>>> config.is_decoder = True
>>> model = BertGenerationDecoder.from_pretrained(
...     "google/bert_for_seq_generation_L-24_bbc_encoder", config=config
... )

>>> inputs = tokenizer("Hello, my dog is cute", return_token_type_ids=False, return_tensors="pt")
>>> outputs = model(**inputs)

>>> prediction_logits = outputs.logits
"""


def run(snippet: str) -> dict:
    """Executes a snippet (its package called bertgen) and returns its names.

    Where it imports nothing, as the page's first two, the package's names are there already.
    """
    lines = [line[4:] for line in snippet.splitlines() if line[:3] in (">>>", "...")]
    names = {} if "import" in snippet else {name: getattr(bertgen, name) for name in bertgen.__all__}
    exec("\n".join(lines).replace("from transformers import", "from bertgen import"), names)
    return names


# -- stand-ins ---------------------------------------------------------------------------------------


def write_bert(folder: Path) -> None:
    """As bert-large-uncased: the pre-training model's file, lower-cased WordPiece, special tokens at 100.."""
    words = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}', encoding="utf-8")
    torch.manual_seed(5)
    config = BertConfig(vocab_size=len(words), is_decoder=True, **SIZES)
    tensors = dict(BertLMHeadModel(config).state_dict())
    tensors.pop("cls.predictions.decoder.weight")
    tensors.pop("cls.predictions.decoder.bias")
    tensors |= {"bert.pooler.dense.weight": torch.ones(32, 32), "bert.pooler.dense.bias": torch.ones(32)}
    tensors |= {"cls.seq_relationship.weight": torch.ones(2, 32), "cls.seq_relationship.bias": torch.ones(2)}
    aged = {
        key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for key, value in tensors.items()
    }
    save_file(
        {key: value.clone() for key, value in aged.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    written = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": len(words)}
    written |= {"type_vocab_size": 2, "pad_token_id": 0, "layer_norm_eps": 1e-12, **SIZES}
    (folder / "config.json").write_text(json.dumps(written), encoding="utf-8")


def write_encoder(folder: Path) -> None:
    """As google/bert_for_seq_generation_L-24_bbc_encoder: a pickle, an old class's name, a short config."""
    (folder / "spiece.model").write_bytes(PIECES.read_bytes())
    config = BertGenerationConfig(vocab_size=400, **SIZES)
    torch.manual_seed(6)
    torch.save(BertGenerationEncoder(config).state_dict(), folder / "pytorch_model.bin")
    written = {"architectures": ["BertForSeqGenerationEncoderModel"], "model_type": "bert-generation"}
    written |= {"vocab_size": 400, "pad_token_id": 0, "hidden_act": "gelu", **SIZES}
    (folder / "config.json").write_text(json.dumps(written), encoding="utf-8")


def write_fuser(folder: Path) -> None:
    """As google/roberta2roberta_L-24_discofuse: two bert-generation sides, settings in config.json alone."""
    (folder / "spiece.model").write_bytes(PIECES.read_bytes())
    config = tiny_config(367)
    model = scrambled(EncoderDecoderModel(config), 8)
    model.save_pretrained(folder, safe_serialization=False)
    (folder / "generation_config.json").unlink()


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A Hub cache that holds the three models that the page names."""
    root = tmp_path_factory.mktemp("hub")
    for name, write in (
        ("bert-large-uncased", write_bert),
        ("google/bert_for_seq_generation_L-24_bbc_encoder", write_encoder),
        ("google/roberta2roberta_L-24_discofuse", write_fuser),
    ):
        repository = root / ("models--" + name.replace("/", "--"))
        snapshot = repository / "snapshots" / COMMIT
        snapshot.mkdir(parents=True)
        write(snapshot)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)
    return root


@pytest.fixture
def hub(cache, monkeypatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return cache


# -- the snippets ------------------------------------------------------------------------------------


def test_warm_start_snippet(hub):
    with pytest.warns(UserWarning, match="decoder_input_ids equal labels.*Pass labels alone"):
        names = run(WARM_START)
    model, labels, loss = names["bert2bert"], names["labels"], names["loss"]
    assert labels.tolist() == [[101, 104, 105, 106, 111, 112, 102]]  # [CLS] this is a short summary [SEP]
    assert names["input_ids"].tolist() == [list(range(104, 111))]
    assert (model.config.encoder.bos_token_id, model.config.decoder.eos_token_id) == (101, 102)
    assert model.config.decoder.is_decoder
    assert model.config.decoder.add_cross_attention
    assert not model.config.encoder.is_decoder
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logits = model(input_ids=names["input_ids"], decoder_input_ids=labels).logits
    expected = torch.nn.functional.cross_entropy(logits[0], labels[0])  # not shifted, as in the reference
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-5, atol=1e-5)
    for name, parameter in model.named_parameters():
        unused = name.endswith("position_embeddings.weight")
        assert parameter.grad is not None, name
        assert unused or bool(parameter.grad.any()) or "key.bias" in name, name


def test_warm_start_takes_berts_weights(hub):
    """Prefix and old names are turned; the token types and BERT's head are named as lost."""
    encoder = BertGenerationEncoder.from_pretrained("bert-large-uncased", bos_token_id=101, eos_token_id=102)
    report = encoder.load_report
    assert not report.keys("initialised")
    assert any("token_type_embeddings" in key for key in report.keys("dropped"))
    decoder = BertGenerationDecoder.from_pretrained(
        "bert-large-uncased", add_cross_attention=True, is_decoder=True, bos_token_id=101, eos_token_id=102
    )
    fresh = decoder.load_report.keys("initialised")
    assert all("crossattention" in key or key == "lm_head.bias" for key in fresh)
    assert torch.equal(
        decoder.bert.encoder.layer[1].attention.self.query.weight,
        encoder.encoder.layer[1].attention.self.query.weight,
    )


def test_the_copier_is_warned_of_only_when_it_is_one(hub):
    """Labels alone are shifted and no copier; so are other decoder inputs."""
    with pytest.warns(UserWarning, match="learns to repeat"):
        names = run(WARM_START)
    model, labels = names["bert2bert"], names["labels"]
    model.config.decoder_start_token_id, model.config.pad_token_id = 101, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(input_ids=names["input_ids"], labels=labels)
        model(input_ids=names["input_ids"], decoder_input_ids=labels[:, :-1], labels=labels[:, 1:])


def test_sentence_fusion_snippet(hub, capsys):
    names = run(FUSION)
    outputs, tokenizer = names["outputs"], names["tokenizer"]
    assert type(tokenizer) is BertGenerationTokenizer
    assert outputs.shape[1] <= 20  # the library's default length
    assert outputs[0, 0] == 2
    assert capsys.readouterr().out == tokenizer.decode(outputs[0]) + "\n"
    settings = names["sentence_fuser"].generation_config
    assert (settings.decoder_start_token_id, settings.eos_token_id, settings.pad_token_id) == (2, 1, 0)


def test_config_snippet():
    """At its full size: on the meta device, where 354 million weights take no memory."""
    with torch.device("meta"):
        names = run(CONFIG)
    assert names["configuration"] is names["model"].config
    assert names["model"].num_parameters() == (50_358 + 512 + 2) * 1024 + 24 * 12_596_224


def test_encoder_snippet(hub):
    names = run(ENCODER)
    assert set(names["inputs"]) == {"input_ids", "attention_mask"}
    length = names["inputs"]["input_ids"].shape[1]
    assert names["last_hidden_states"].shape == (1, length, 32)
    assert (names["model"].config.bos_token_id, names["model"].config.eos_token_id) == (2, 1)  # the defaults


def test_decoder_snippet(hub):
    names = run(DECODER)
    length = names["inputs"]["input_ids"].shape[1]
    assert names["prediction_logits"].shape == (1, length, 400)
    assert names["model"].load_report.keys("initialised") == ["lm_head.bias"]
    assert names["outputs"].past_key_values is not None  # a decoder caches by default


def test_names_that_are_not_cached(hub):
    with pytest.raises(OSError, match="google/roberta2roberta_L-24_wikisplit"):
        EncoderDecoderModel.from_pretrained("google/roberta2roberta_L-24_wikisplit")
