"""Make the golden files of BERT, RoBERTa and GPT-2 from transformers 4.37.2; run as make_goldens.py.

.venv-oracle/bin/python tests/golden/make_family_goldens.py
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import family_models as families
import transformers
from record import Case
from surgery_cases import constant_cross_attention

ROOT = Path(__file__).parent
EVERYTHING = {"output_attentions": True, "output_hidden_states": True}
PREFIX = {"bert": "bert", "roberta": "roberta", "gpt2": "transformer", "bert-generation": "bert"}
LM_CLASS = {"bert": "BertLMHeadModel", "roberta": "RobertaForCausalLM", "gpt2": "GPT2LMHeadModel"}
SAMPLES = {
    "sample": {"do_sample": True, "top_k": 10},
    "beam_sample": {"do_sample": True, "num_beams": 3, "temperature": 1.4},
}


def ids(family: str, rows: int, length: int, seed: int, lengths: tuple[int, ...] = (), left=False) -> dict:
    """Random ids [rows, length] with their mask, padded to ``lengths`` on the right or the left."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(6, families.VOCABULARY, (rows, length), generator=generator)
    mask = torch.ones_like(values)
    for row, used in enumerate(lengths):
        gone = slice(0, length - used) if left else slice(used, length)
        values[row, gone], mask[row, gone] = families.IDS[family][0], 0
    return {"input_ids": values, "attention_mask": mask}


def labels(family: str, rows: int, length: int, seed: int, lengths: tuple[int, ...]) -> torch.Tensor:
    values = ids(family, rows, length, seed)["input_ids"]
    for row, used in enumerate(lengths):
        values[row, used - 1] = families.IDS[family][1]
        values[row, used:] = -100
    return values


def types(rows: int, length: int, seed: int, kinds: int = 2) -> torch.Tensor:
    return torch.randint(0, kinds, (rows, length), generator=torch.Generator().manual_seed(seed))


def embeds(rows: int, length: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, length, families.WIDTH, generator=torch.Generator().manual_seed(seed))


def encoder_cases() -> None:
    """Bare models: pooler, token types, positions, masks; relative positions in place of absolute ones."""
    for seed, family in ((101, "bert"), (102, "roberta")):
        kind = type(families.encoder(family, 0)).__name__
        model = families.encoder(family, seed)
        case = Case(ROOT, f"{family}_encoder", kind)
        case.call("padded", model, ids(family, 3, 9, seed, (9, 5, 1)), **EVERYTHING)
        # Without a pair RoBERTa has one token type in its files; here it has two, as the class allows.
        case.call("types", model, {**ids(family, 2, 7, seed), "token_type_ids": types(2, 7, seed)})
        case.call("left", model, ids(family, 2, 8, seed, (8, 4), left=True))
        case.call("embeds", model, {"inputs_embeds": embeds(2, 5, seed)})
        given = {**ids(family, 1, 6, seed), "position_ids": torch.tensor([[3, 4, 5, 6, 30, 31]])}
        case.call("positions", model, given)
        square = torch.randint(0, 2, (2, 5, 5), generator=torch.Generator().manual_seed(seed)).bool()
        case.call("mask_3d", model, {**ids(family, 2, 5, seed), "attention_mask": square})
        head_mask = torch.tensor([[1.0, 0.0, 1.0, 0.5], [0.0, 1.0, 1.0, 1.0]])
        case.call(
            "head_mask", model, {**ids(family, 2, 5, seed), "head_mask": head_mask}, output_attentions=True
        )
        case.save(model)
        changes = {"position_embedding_type": "relative_key", "num_hidden_layers": 1, "type_vocab_size": 1}
        model = families.encoder(family, seed + 10, **changes)
        case = Case(ROOT, f"{family}_encoder_relative", kind)
        case.call("padded", model, ids(family, 2, 8, seed, (8, 5)), output_attentions=True)
        case.save(model)


def decoder_cases() -> None:
    """Language models alone: losses, gradients, cached first step, prompts; and over an encoder's states."""
    for seed, family, bias in ((111, "bert", 1.5), (112, "roberta", 1.5), (113, "gpt2", 0.0)):
        model = families.decoder(family, seed, bias, add_cross_attention=False)
        case = Case(ROOT, f"{family}_lm", LM_CLASS[family])
        base = PREFIX[family]
        first, last = (
            (f"{base}.wte.weight", f"{base}.h.1.attn.c_attn.weight")
            if family == "gpt2"
            else (f"{base}.embeddings.word_embeddings.weight", f"{base}.encoder.layer.1.output.dense.weight")
        )
        case.call("padded", model, ids(family, 2, 7, seed, (7, 4)), **EVERYTHING)
        case.call("left", model, ids(family, 2, 7, seed, (7, 4), left=True), use_cache=False)
        target = {**ids(family, 2, 7, seed), "labels": labels(family, 2, 7, seed, (7, 5))}
        case.call("loss", model, target, (first, last))
        kinds = families.VOCABULARY if family == "gpt2" else 2
        typed = {**ids(family, 2, 5, seed), "token_type_ids": types(2, 5, seed, kinds)}
        case.call("types", model, typed, use_cache=False)
        case.call("embeds", model, {"inputs_embeds": embeds(2, 5, seed)}, use_cache=False)
        prompt = ids(family, 2, 4, seed)
        case.generate("greedy", model, prompt, max_length=18)
        case.generate("beam", model, prompt, max_length=14, num_beams=3, num_return_sequences=2)
        case.generate("sample", model, prompt, seed=7, max_length=14, do_sample=True, top_k=10)
        padded = ids(family, 3, 5, seed, (5, 3, 2), left=True)
        case.generate("left_padded", model, padded, max_length=14, pad_token_id=families.IDS[family][0])
        case.save(model)
    decoders_over_states()


def decoders_over_states() -> None:
    memory = {
        "encoder_hidden_states": embeds(2, 6, 120),
        "encoder_attention_mask": ids("bert", 2, 6, 121, (6, 2))["attention_mask"],
    }
    scaled = {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "n_inner": None}
    relative = {"position_embedding_type": "relative_key_query", "num_hidden_layers": 1}
    untied = {"tie_word_embeddings": False, "num_hidden_layers": 1}
    first = torch.tensor([[9], [44]])
    for name, seed, family, changes in (
        ("bert_cross", 121, "bert", untied),
        ("bert_cross_relative", 122, "bert", {**relative, "hidden_act": "gelu_new"}),
        ("roberta_cross_relative", 123, "roberta", relative),
        ("gpt2_cross", 124, "gpt2", scaled),
        ("gpt2_cross_plain", 125, "gpt2", {"scale_attn_weights": False, "n_layer": 1}),
    ):
        model = families.decoder(family, seed, **changes)
        case = Case(ROOT, name, LM_CLASS[family])
        case.call(
            "cross", model, {**ids(family, 2, 5, seed, (5, 3)), **memory}, **EVERYTHING, use_cache=False
        )
        case.call("without_memory", model, ids(family, 2, 5, seed), use_cache=False)
        case.call("first_step", model, {"input_ids": first, **memory}, use_cache=True)
        case.save(model)


def teacher_forced(case: Case, model, first: str, second: str, gradients: tuple[str, ...] = ()) -> None:
    """Labels, given decoder ids with types on both sides, one cached step."""
    source = ids(first, 3, 9, 41, (9, 6, 3))
    target = {**source, "labels": labels(second, 3, 7, 42, (7, 5, 2))}
    case.call("labels", model, target, gradients, use_cache=False, **(EVERYTHING if gradients else {}))
    given = {**source, "decoder_input_ids": ids(second, 3, 6, 43)["input_ids"]}
    if first in ("bert", "roberta"):
        given["token_type_ids"] = types(3, 9, 44)
    if second in ("bert", "roberta"):
        given["decoder_token_type_ids"] = types(3, 6, 45)
    case.call("given", model, given, use_cache=False)
    start = {**source, "decoder_input_ids": torch.full((3, 1), families.IDS[second][2])}
    case.call("first_step", model, start, use_cache=True)


def generations(case: Case, model, first: str) -> None:
    batch = ids(first, 3, 9, 44, (9, 6, 3))
    case.generate("greedy", model, batch, max_length=20)
    case.generate("greedy_single", model, {"input_ids": batch["input_ids"][:1]}, max_new_tokens=25)
    case.generate("beam4", model, batch, max_length=20, num_beams=4)
    case.generate("beam3_return2", model, batch, max_length=14, num_beams=3, num_return_sequences=2)
    case.generate("processed", model, batch, max_length=16, num_beams=3, no_repeat_ngram_size=2, min_length=8)
    for name, options in SAMPLES.items():
        case.generate(name, model, batch, seed=7, max_length=14, **options)


def joined_cases() -> None:
    """Encoder-decoders of one family, shared and not, and of two."""
    small = {"num_hidden_layers": 1}
    narrow = {"num_hidden_layers": 1, "hidden_size": 8}
    for name, seed, first, second, bias, settings in (
        ("encdec_bert2bert", 131, "bert", "bert", 2.5, {}),
        ("encdec_bertshare", 132, "bert", "bert", 0.5, {"tied": True}),
        ("encdec_robertashare", 139, "roberta", "roberta", 2.5, {"tied": True}),
        ("encdec_roberta2roberta", 134, "roberta", "roberta", 2.5, {"encoder_changes": small, **small}),
        ("encdec_bert2gpt", 135, "bert", "gpt2", 0.0, {"encoder_changes": small}),
        ("encdec_roberta2gpt", 136, "roberta", "gpt2", 0.0, {"encoder_changes": narrow}),
        ("encdec_gen2bert", 137, "bert-generation", "bert", 2.5, {"encoder_changes": small, **small}),
        ("encdec_bert2gen", 138, "bert", "bert-generation", 2.5, {"encoder_changes": small, **small}),
    ):
        model = families.encoder_decoder(first, second, seed, bias, **settings)
        case = Case(ROOT, name, "EncoderDecoderModel")
        teacher_forced(case, model, first, second, gradients_of(first, second))
        generations(case, model, first)
        case.save(model)


def gradients_of(first: str, second: str) -> tuple[str, ...]:
    base = f"decoder.{PREFIX[second]}"
    if second == "gpt2":
        return (
            "encoder.embeddings.token_type_embeddings.weight",
            f"{base}.wte.weight",
            f"{base}.h.0.crossattention.c_attn.weight",
            f"{base}.h.1.attn.c_attn.bias",
        )
    return (
        "encoder.embeddings.word_embeddings.weight",
        "encoder.encoder.layer.0.attention.self.query.weight",
        "encoder.embeddings.position_embeddings.weight",
        f"{base}.encoder.layer.0.crossattention.self.value.weight",
    )


def surgery() -> None:
    """What golden checkpoints answer after pruning and resizing; no checkpoint of its own."""
    case = Case(ROOT, "surgery_families", "surgery")
    heads = {0: [1], 1: [0, 2]}
    for family in ("bert", "roberta", "gpt2"):
        given = ids(family, 2, 6, 151, (6, 4))
        given["input_ids"] = given["input_ids"].clamp(max=33)
        for key, value in given.items():
            case.arrays[f"{family}/{key}"] = value
        kind = getattr(transformers, LM_CLASS[family])
        model = kind.from_pretrained(ROOT / f"{family}_lm")
        model.prune_heads(heads)
        case.arrays[f"{family}/pruned"] = model(**given).logits.detach()
        for size in (34, 52):
            model = kind.from_pretrained(ROOT / f"{family}_lm")
            model.resize_token_embeddings(size)
            logits = model(**given).logits[..., : families.VOCABULARY].detach().contiguous()
            case.arrays[f"{family}/resized/{size}"] = logits
    bare = transformers.GPT2Model.from_pretrained(ROOT / "gpt2_lm")
    states = bare(case.arrays["gpt2/input_ids"]).last_hidden_state
    case.arrays["gpt2/states"] = states.detach()
    joined(case)
    case.notes = {"class": "surgery"}
    case.save()


JOINED = {"bert2bert": ("bert", "bert"), "roberta2roberta": ("roberta",) * 2, "bert2gpt": ("bert", "gpt2")}


def joined(case: Case) -> None:
    """Warm starts of the reference from golden files: two sides joined; a BERT file in BertGeneration."""
    for name, (first, second) in JOINED.items():
        model = transformers.EncoderDecoderModel.from_encoder_decoder_pretrained(
            ROOT / f"{first}_encoder", ROOT / f"{second}_lm"
        )
        constant_cross_attention(model)
        given = {key: case.arrays[f"{first}/{key}"] for key in ("input_ids", "attention_mask")}
        target = ids(second, 2, 5, 152)["input_ids"]
        case.arrays[f"joined/{name}"] = model(**given, decoder_input_ids=target).logits.detach()
        case.arrays[f"joined/{name}/target"] = target
    given = {key: case.arrays[f"bert/{key}"] for key in ("input_ids", "attention_mask")}
    model = transformers.BertGenerationEncoder.from_pretrained(ROOT / "bert_encoder")
    case.arrays["generation/states"] = model(**given).last_hidden_state.detach()
    model = transformers.BertGenerationDecoder.from_pretrained(ROOT / "bert_lm", is_decoder=True)
    case.arrays["generation/logits"] = model(**given, use_cache=False).logits.detach()


def config_cases() -> None:
    """config.json as the reference writes it, and every default as a dict."""
    both = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertConfig(hidden_size=96), transformers.GPT2Config(hidden_size=96, n_layer=3)
    )
    written = {
        "bert": transformers.BertConfig(),
        "bert_changed": transformers.BertConfig(type_vocab_size=1, is_decoder=True, pad_token_id=3, note=1),
        "roberta": transformers.RobertaConfig(),
        "roberta_changed": transformers.RobertaConfig(max_position_embeddings=514, bos_token_id=None),
        "gpt2": transformers.GPT2Config(),
        "gpt2_changed": transformers.GPT2Config(hidden_size=96, num_hidden_layers=3, eos_token_id=7),
        "encoder_decoder": both,
    }
    answers = {
        name: {"to_dict": config.to_dict(), "file": json.loads(config.to_json_string())}
        for name, config in written.items()
    }
    case = Case(ROOT, "configs_families", "configs")
    text = json.dumps(answers, indent=None, default=str, sort_keys=True)
    (case.folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    encoder_cases()
    decoder_cases()
    joined_cases()
    surgery()
    config_cases()


if __name__ == "__main__":
    main()
