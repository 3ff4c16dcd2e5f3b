"""The table of published checkpoints: its rules on text, its full-size shapes, built without memory, and
small checkpoints of the same layout and key names, served by a Hub on loopback and loaded by their ids."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

import bertgen
from bertgen import (
    AutoTokenizer,
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    BertGenerationTokenizer,
    BertTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    stream_generate,
)
from bertgen.checkpoints.published import PUBLISHED, SOURCES, Known
from bertgen.hub import plan_download
from tests.hub_server import read_folder

PIECES = Path(__file__).parents[2] / "golden" / "tokenizer" / "bytes.model"  # pad 0, eos 1, bos 2, unk 3
WORDS = ["<pad>", "</s>", "<s>", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "kaf", "##fee", "would", "you", "like"]
ENCODER = "google/bert_for_seq_generation_L-24_bbc_encoder"
SEQ2SEQ = [name for name in PUBLISHED if name != ENCODER]
# What the repositories' file lists say, in GB with two digits.
LISTED_SIZES = {"roberta2roberta": 1.82, "bert2bert": 3.09, "bert_for_seq": 1.42}


def small(config):
    """The same config with two layers of width 32."""
    config.hidden_size, config.num_hidden_layers, config.num_attention_heads = 32, 2, 4
    config.intermediate_size, config.max_position_embeddings = 48, 64
    return config


def write(hub_id: str, folder: Path):
    """A small checkpoint laid out as the published one: an old pickle, a vocabulary, no tokenizer config."""
    known = PUBLISHED[hub_id]
    wordpiece = known.tokenizer_class.value == "BertTokenizer"
    config = known.full_config()
    sides = [config.encoder, config.decoder] if isinstance(config, EncoderDecoderConfig) else [config]
    for side in sides:
        small(side).vocab_size = len(WORDS) if wordpiece else 367
    torch.manual_seed(len(hub_id))
    model = (EncoderDecoderModel if len(sides) == 2 else BertGenerationEncoder)(config).eval()
    model.save_pretrained(folder, safe_serialization=False)
    state = dict(model.state_dict())
    if len(sides) == 2:
        (folder / "generation_config.json").write_text(
            json.dumps({**known.generation.value, "max_length": 12, "_from_model_config": True})
        )
    else:  # as its config.json is quoted: the class's older name, and nothing but sizes and the pad
        sizes = ("hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads")
        data = {key: getattr(config, key) for key in (*sizes, "num_hidden_layers", "vocab_size")}
        data |= {"architectures": ["BertForSeqGenerationEncoderModel"], "model_type": "bert-generation"}
        (folder / "config.json").write_text(json.dumps({**data, "pad_token_id": 0}))
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    if wordpiece:
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    else:
        (folder / "spiece.model").write_bytes(PIECES.read_bytes())
    return model


def layout(names) -> set[str]:
    """Key names with their layer numbers taken out."""
    return {re.sub(r"\.layer\.\d+\.", ".layer.*.", name) for name in names}


# -- the table ------------------------------------------------------------------------------------


def test_the_eight():
    assert list(PUBLISHED) == [
        ENCODER,
        *(
            f"google/roberta2roberta_L-24_{name}"
            for name in ("bbc", "cnn_daily_mail", "discofuse", "gigaword", "wikisplit")
        ),
        "google/bert2bert_L-24_wmt_de_en",
        "google/bert2bert_L-24_wmt_en_de",
    ]
    tasks = [checkpoint.task.value for checkpoint in PUBLISHED.values()]
    assert tasks == ["base", *["summarize"] * 2, "fuse", "summarize", "split", *["translate"] * 2]


def test_every_fact_says_where_it_is_known_from():
    for hub_id, checkpoint in PUBLISHED.items():
        assert checkpoint.hub_id == hub_id
        facts = [value for value in vars(checkpoint).values() if isinstance(value, Known)]
        assert len(facts) >= 12
        assert {fact.source for fact in (*facts, *checkpoint.notes)} <= set(SOURCES)


# -- input preparation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "prepared"),
    [
        ("roberta2roberta_L-24_discofuse", 'He said "no". She left.', "He said `no`. She left."),
        ("roberta2roberta_L-24_wikisplit", 'He said "no".', "<s>He said ''no''.</s>"),
        ("roberta2roberta_L-24_wikisplit", "", "<s></s>"),
        ("roberta2roberta_L-24_bbc", 'He said "no".', 'He said "no".'),
        ("roberta2roberta_L-24_cnn_daily_mail", "a\nb", "a\nb"),
        ("roberta2roberta_L-24_gigaword", "#.# percent", "#.# percent"),
        ("bert2bert_L-24_wmt_de_en", 'Er sagte "nein".', 'Er sagte "nein".'),
    ],
)
def test_preparation(name, text, prepared):
    rule = PUBLISHED[f"google/{name}"].prepare_input
    assert rule.value(text, BertGenerationTokenizer(str(PIECES))) == prepared
    assert rule.source == "card"
    assert rule.value.__doc__


# -- full size ------------------------------------------------------------------------------------


@pytest.mark.parametrize("hub_id", PUBLISHED)
def test_full_size_by_shapes(hub_id):
    """Built without memory: parameters, bytes (as the repository lists them), shapes, and what is shared."""
    known = PUBLISHED[hub_id]
    config = known.full_config()
    joint = isinstance(config, EncoderDecoderConfig)
    with torch.device("meta"):
        model = (EncoderDecoderModel if joint else BertGenerationEncoder)(config)
    assert model.num_parameters() == known.parameters.value
    assert known.nbytes_fp32.value == 4 * known.parameters.value
    listed = next(size for start, size in LISTED_SIZES.items() if f"/{start}" in hub_id)
    assert round(known.nbytes_fp32.value / 1e9, 2) == listed
    encoder = model.encoder if joint else model
    table = encoder.embeddings.word_embeddings.weight
    assert tuple(table.shape) == (known.vocab_size.value, 1024)
    assert len(encoder.encoder.layer) == 24
    if joint:
        assert (model.decoder.bert.embeddings.word_embeddings.weight is table) == known.shared.value
        assert model.decoder.lm_head.decoder.weight.shape == table.shape


# -- small ones of the same layout ----------------------------------------------------------------


@pytest.mark.parametrize("hub_id", SEQ2SEQ)
def test_from_the_hub_to_text(hub, tmp_path, hub_id):
    known = PUBLISHED[hub_id]
    original = write(hub_id, tmp_path / "files")
    hub.add(hub_id, read_folder(tmp_path / "files"))
    vocabulary = "vocab.txt" if "bert2bert" in hub_id else "spiece.model"
    names = {file.name for file in plan_download(hub_id).files}
    assert names == {"config.json", "generation_config.json", "pytorch_model.bin", vocabulary}
    tokenizer = known.load_tokenizer()
    assert isinstance(tokenizer, getattr(bertgen, known.tokenizer_class.value))
    for key, token in known.special_tokens.value.items():
        assert getattr(tokenizer, key) == token
    model = EncoderDecoderModel.from_pretrained(hub_id)
    assert set(model.load_report.counts()) == {"loaded"}  # an old pickle holds every name
    for key, value in original.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    assert model.config.tie_encoder_decoder is known.shared.value
    encoded = known.encode(tokenizer, 'would you like "kaffee"')
    output = model.generate(**encoded)
    settings = {**known.generation.value, "max_length": 12}
    assert torch.equal(output, original.generate(**encoded, **settings))
    assert output[0, 0] == known.generation.value["decoder_start_token_id"]
    text = tokenizer.decode(output[0], skip_special_tokens=True)
    assert not any(token in text for token in known.special_tokens.value.values())


@pytest.mark.parametrize("hub_id", SEQ2SEQ)
def test_key_names_are_those_of_the_full_size(tmp_path, hub_id):
    with torch.device("meta"):
        full = EncoderDecoderModel(PUBLISHED[hub_id].full_config())
    assert layout(write(hub_id, tmp_path).state_dict()) == layout(full.state_dict())


def test_special_tokens_of_the_input(hub, tmp_path):
    """wikisplit: bos and eos by hand; wmt: none at all, though a WordPiece tokenizer would add its own."""
    split = PUBLISHED["google/roberta2roberta_L-24_wikisplit"]
    write(split.hub_id, tmp_path / "split")
    tokenizer = split.load_tokenizer(str(tmp_path / "split"))
    ids = split.encode(tokenizer, "you like")["input_ids"][0].tolist()
    assert (ids[0], ids[-1]) == (2, 1)
    assert tokenizer.decode(ids, skip_special_tokens=True) == "you like"
    plain = (
        PUBLISHED["google/roberta2roberta_L-24_bbc"].encode(tokenizer, "you like")["input_ids"][0].tolist()
    )
    assert ids == [2, *plain, 1]
    wmt = PUBLISHED["google/bert2bert_L-24_wmt_en_de"]
    write(wmt.hub_id, tmp_path / "wmt")
    tokenizer = wmt.load_tokenizer(str(tmp_path / "wmt"))
    assert isinstance(tokenizer, BertTokenizer)
    assert tokenizer.convert_ids_to_tokens(
        wmt.encode(tokenizer, "Would you like Kaffee")["input_ids"][0]
    ) == [*("would", "you", "like", "kaf", "##fee")]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id) == (0, 1, 2)
    kept = wmt.load_tokenizer(str(tmp_path / "wmt"), do_lower_case=False)
    assert kept.tokenize("Would you") == ["[UNK]", "you"]
    assert tokenizer("you")["input_ids"] == tokenizer("you", add_special_tokens=False)["input_ids"] == [10]
    assert tokenizer("you", "like", return_token_type_ids=True)["token_type_ids"] == [0, 1]
    assert tokenizer.get_special_tokens_mask([10], [11]) == [0, 0]
    tokenizer.save_pretrained(tmp_path / "saved")
    assert type(AutoTokenizer.from_pretrained(tmp_path / "saved")) is BertTokenizer


def test_the_encoder(hub, tmp_path):
    """Loads as an encoder, and into a decoder whose cross-attention and head it says are untrained."""
    original = write(ENCODER, tmp_path)
    hub.add(ENCODER, read_folder(tmp_path))
    known = PUBLISHED[ENCODER]
    model = BertGenerationEncoder.from_pretrained(ENCODER)
    ids = known.encode(known.load_tokenizer(), "Hello World!")["input_ids"]
    assert torch.equal(model(ids)[0], original(ids)[0])
    assert (model.config.bos_token_id, model.config.eos_token_id, model.config.pad_token_id) == (2, 1, 0)
    config = BertGenerationConfig.from_pretrained(ENCODER, is_decoder=True, add_cross_attention=True)
    decoder = BertGenerationDecoder.from_pretrained(ENCODER, config=config)
    assert [what.split(" (")[0] for what, _, _ in decoder.load_report.advice][:2] == [
        "the cross-attention is untrained",
        "the language-model head is untrained",
    ]
    joint = EncoderDecoderModel.from_encoder_decoder_pretrained(ENCODER, ENCODER)
    assert joint.load_report.advice[0].what.startswith("the cross-attention is untrained")


def test_streaming_one_of_them(hub, tmp_path):
    """The page's way of running: the stream writes what generate does, its attention rows sum to 1."""
    known = PUBLISHED["google/roberta2roberta_L-24_discofuse"]
    write(known.hub_id, tmp_path)
    hub.add(known.hub_id, read_folder(tmp_path))
    model, tokenizer = EncoderDecoderModel.from_pretrained(known.hub_id), known.load_tokenizer()
    text = known.prepare_input.value('He said "no". She left.', tokenizer)
    stream = stream_generate(model, tokenizer, text)
    list(stream)
    expected = model.generate(**tokenizer(text, return_tensors="pt"))[0, 1:].tolist()
    assert stream.trace.target_ids.tolist() == expected
    assert torch.allclose(
        torch.tensor(stream.trace.cross.sum(-1), dtype=torch.float32), torch.tensor(1.0), atol=2e-3
    )
