"""Make the golden files of tests/parity from transformers 4.37.2.

Run it in an environment of its own (its dependencies clash with the page's):

    python -m venv .venv-oracle
    .venv-oracle/bin/pip install transformers==4.37.2 torch==2.13.0 sentencepiece
    .venv-oracle/bin/python tests/golden/make_goldens.py

Everything is seeded: a second run writes the same values. Where a decoder gets more than one token per call,
`use_cache=False` goes round the reference's missing causal mask (with use_cache=True it builds no mask).
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import generation_cases
import models
import surgery_cases
import transformers
from record import Case, compact
from transformers import BertGenerationConfig, EncoderDecoderConfig, GenerationConfig

ROOT = Path(__file__).parent
NO_MASK_BUG = {"use_cache": False}
EVERYTHING = {"output_attentions": True, "output_hidden_states": True}


def ids(rows: int, length: int, seed: int, lengths: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
    """Random ids [rows, length], padded on the right to `lengths`, with their mask."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(4, models.VOCABULARY, (rows, length), generator=generator)
    mask = torch.ones_like(values)
    for row, used in enumerate(lengths):
        values[row, used:] = models.PAD
        mask[row, used:] = 0
    return {"input_ids": values, "attention_mask": mask}


def labels(rows: int, length: int, seed: int, lengths: tuple[int, ...] = ()) -> torch.Tensor:
    """Random labels [rows, length], ended by eos, -100 after it."""
    values = ids(rows, length, seed)["input_ids"]
    for row, used in enumerate(lengths):
        values[row, used - 1] = models.EOS
        values[row, used:] = -100
    return values


def encoder_cases() -> None:
    """The encoder alone: plain, padded, from embeddings, with the three kinds of position."""
    model = models.encoder()
    case = Case(ROOT, "encoder", "BertGenerationEncoder")
    case.call("plain", model, {"input_ids": ids(2, 7, 11)["input_ids"]})
    case.call("padded", model, ids(3, 9, 12, (9, 5, 1)), **EVERYTHING)
    embeds = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(13))
    case.call("embeds", model, {"inputs_embeds": embeds})
    positions = {
        "input_ids": ids(1, 6, 14)["input_ids"],
        "position_ids": torch.tensor([[3, 4, 5, 6, 30, 39]]),
    }
    case.call("positions", model, positions)
    all_masked = {
        "input_ids": ids(1, 4, 15)["input_ids"],
        "attention_mask": torch.zeros(1, 4, dtype=torch.long),
    }
    case.call("all_masked", model, all_masked, output_attentions=True)
    square = torch.randint(0, 2, (2, 5, 5), generator=torch.Generator().manual_seed(17)).bool()
    case.call("mask_3d", model, {"input_ids": ids(2, 5, 16)["input_ids"], "attention_mask": square})
    head_mask = torch.tensor([[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 1.0, 1.0]])
    masked_heads = {"input_ids": ids(2, 5, 18)["input_ids"], "head_mask": head_mask}
    case.call("head_mask", model, masked_heads, output_attentions=True)
    case.save(model)
    for kind in ("relative_key", "relative_key_query"):
        model = models.encoder(seed=21, position_embedding_type=kind, num_hidden_layers=1)
        case = Case(ROOT, f"encoder_{kind}", "BertGenerationEncoder")
        case.call("padded", model, ids(2, 8, 22, (8, 5)), output_attentions=True)
        case.save(model)
    for activation in ("relu", "silu", "gelu_new"):
        model = models.encoder(seed=23, hidden_act=activation, num_hidden_layers=1, chunk_size_feed_forward=2)
        case = Case(ROOT, f"encoder_{activation}", "BertGenerationEncoder")
        case.call("padded", model, ids(2, 6, 24, (6, 4)))
        case.save(model)


def decoder_cases() -> None:
    """The decoder: a plain language model, and with cross-attention; tied and untied heads."""
    model = models.decoder(seed=31, add_cross_attention=False, num_hidden_layers=2)
    case = Case(ROOT, "decoder_lm", "BertGenerationDecoder")
    case.call("padded", model, ids(2, 7, 32, (7, 4)), **EVERYTHING, **NO_MASK_BUG)
    with_labels = {**ids(2, 7, 33), "labels": labels(2, 7, 33, (7, 5))}
    case.call("loss", model, with_labels, GRADIENTS_LM)
    case.call("one_token", model, {"input_ids": torch.tensor([[9], [44]])}, use_cache=True)
    start = torch.tensor([[2]])
    case.generate("greedy", model, {"input_ids": start}, max_length=18)
    case.generate("beam", model, {"input_ids": start}, max_length=12, num_beams=3)
    case.save(model)

    model = models.decoder(seed=34, num_hidden_layers=1, tie_word_embeddings=False)
    case = Case(ROOT, "decoder_cross", "BertGenerationDecoder")
    memory = torch.randn(2, 6, 24, generator=torch.Generator().manual_seed(35))
    inputs = {
        **ids(2, 5, 36, (5, 3)),
        "encoder_hidden_states": memory,
        "encoder_attention_mask": ids(2, 6, 37, (6, 2))["attention_mask"],
    }
    case.call("cross", model, inputs, **EVERYTHING, **NO_MASK_BUG)
    case.call("without_memory", model, ids(2, 5, 38), **NO_MASK_BUG)
    case.save(model)

    model = models.decoder(seed=39, num_hidden_layers=2, position_embedding_type="relative_key_query")
    case = Case(ROOT, "decoder_relative", "BertGenerationDecoder")
    case.call("cross", model, inputs, output_attentions=True, **NO_MASK_BUG)
    case.save(model)


GRADIENTS_LM = (
    "bert.embeddings.word_embeddings.weight",
    "bert.embeddings.position_embeddings.weight",
    "bert.encoder.layer.0.attention.self.key.weight",
    "bert.encoder.layer.1.output.LayerNorm.weight",
    "lm_head.bias",
)
GRADIENTS = (
    "encoder.embeddings.word_embeddings.weight",
    "encoder.encoder.layer.1.attention.self.query.weight",
    "decoder.bert.embeddings.word_embeddings.weight",
    "decoder.bert.encoder.layer.0.crossattention.self.value.weight",
    "decoder.bert.encoder.layer.2.intermediate.dense.bias",
    "decoder.bert.encoder.layer.2.output.LayerNorm.bias",
    "decoder.lm_head.bias",
)


def teacher_forced(case: Case, model, gradients: tuple[str, ...] = (), **options) -> None:
    """The three usual calls of an encoder-decoder: labels, given decoder ids, one cached step."""
    source = ids(3, 9, 41, (9, 6, 3))
    target = {**source, "labels": labels(3, 7, 42, (7, 5, 2))}
    case.call("labels", model, target, gradients, **options, **NO_MASK_BUG)
    given = {**source, "decoder_input_ids": ids(3, 6, 43)["input_ids"]}
    case.call("given", model, given, **options, **NO_MASK_BUG)
    first = {**source, "decoder_input_ids": torch.full((3, 1), models.START)}
    case.call("first_step", model, first, use_cache=True)


def encoder_decoder_cases() -> None:
    """Encoder-decoders of unequal depth, of unequal width, and tied."""
    model = models.encoder_decoder()
    case = Case(ROOT, "encdec", "EncoderDecoderModel")
    teacher_forced(case, model, GRADIENTS, **EVERYTHING)
    generation_cases.standard(case, model, ids(3, 9, 44, (9, 6, 3)))
    case.save(model)

    model = models.encoder_decoder(seed=3, eos_bias=2.0)
    case = Case(ROOT, "encdec_short", "EncoderDecoderModel")
    generation_cases.beams(case, model, ids(3, 9, 45, (9, 6, 3)))
    generation_cases.processed(case, model, ids(3, 9, 45, (9, 6, 3)))
    case.save(model)

    model = models.encoder_decoder(
        seed=51,
        encoder_changes={"hidden_size": 16, "vocab_size": 61, "num_hidden_layers": 1},
        num_hidden_layers=2,
    )
    model.config.eos_token_id = None  # generate then takes it from the decoder's config
    model.generation_config = GenerationConfig.from_model_config(model.config)
    case = Case(ROOT, "encdec_proj", "EncoderDecoderModel")
    source = ids(2, 6, 52, (6, 4))
    source["input_ids"] = source["input_ids"].clamp(max=60)
    forced = {**source, "labels": labels(2, 5, 53, (5, 4))}
    case.call("labels", model, forced, ("enc_to_dec_proj.weight", "enc_to_dec_proj.bias"), **NO_MASK_BUG)
    case.generate("greedy", model, source, max_length=14)
    case.save(model)

    model = models.encoder_decoder(seed=54, eos_bias=0.0, tie_encoder_decoder=True, num_hidden_layers=2)
    case = Case(ROOT, "encdec_tied", "EncoderDecoderModel")
    tied = (
        "encoder.embeddings.word_embeddings.weight",
        "encoder.encoder.layer.1.attention.self.query.weight",
    )
    teacher_forced(case, model, tied)
    case.generate("beam", model, ids(2, 8, 55, (8, 5)), max_length=16, num_beams=4)
    case.save(model)


def file_cases() -> None:
    """One kind of model in other files: half precision, sharded, pickled, both, old pickle."""
    for name, options in (
        ("file_fp16", {}),
        ("file_bf16", {}),
        ("file_sharded", {"max_shard_size": "30KB"}),
        ("file_bin", {"safe_serialization": False}),
        ("file_bin_sharded", {"safe_serialization": False, "max_shard_size": "30KB"}),
    ):
        model = models.encoder_decoder(seed=61, encoder_changes={"num_hidden_layers": 1}, num_hidden_layers=1)
        half = {"file_fp16": torch.float16, "file_bf16": torch.bfloat16}.get(name)
        if half:
            model = model.to(half)
            model.config.torch_dtype = half
        case = Case(ROOT, name, "EncoderDecoderModel")
        model.save_pretrained(case.folder, **options)
        loaded = transformers.EncoderDecoderModel.from_pretrained(case.folder)
        teacher_forced(case, loaded)
        case.generate("greedy", loaded, ids(2, 7, 62, (7, 4)), max_length=12)
        case.save()
    case = Case(ROOT, "file_bin_old", "BertGenerationEncoder")
    model = models.encoder(seed=63, num_hidden_layers=1)
    case.call("padded", model, ids(2, 6, 64, (6, 4)))
    case.save(model, safe_serialization=False)
    path = case.folder / "pytorch_model.bin"
    torch.save(torch.load(path), path, _use_new_zipfile_serialization=False)


def config_cases() -> None:
    """config.json and generation_config.json as the reference writes them, and every default as a dict."""
    case = Case(ROOT, "configs", "configs")
    both = EncoderDecoderConfig.from_encoder_decoder_configs(models.config(), models.config(), pad_token_id=0)
    written = {
        "default": BertGenerationConfig(),
        "changed": BertGenerationConfig(
            vocab_size=67, hidden_act="relu", is_decoder=True, num_beams=5, use_cache=False
        ),
        "unknown": BertGenerationConfig(
            my_note="kept", eos_token_id=[1, 5], id2label={0: "a", 1: "b", 2: "c"}
        ),
        "encoder_decoder": both,
        "generation_default": GenerationConfig(),
        "generation_changed": GenerationConfig(
            num_beams=4, length_penalty=0.6, max_new_tokens=50, eos_token_id=[1, 5]
        ),
    }
    answers = {}
    for name, config in written.items():
        answers[name] = {"to_dict": config.to_dict(), "file": json.loads(config.to_json_string())}
    text = json.dumps(answers, indent=1, default=str, sort_keys=True)
    (case.folder / "expected.json").write_text(compact(text) + "\n", encoding="utf-8")


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    encoder_cases()
    decoder_cases()
    encoder_decoder_cases()
    file_cases()
    config_cases()
    surgery_cases.pruned(ROOT, ids)
    surgery_cases.surgery(ROOT, ids)
    generation_cases.warpers(Case(ROOT, "warpers", "warpers"))


if __name__ == "__main__":
    main()
