"""Make tests/golden/generation: what generate() of transformers 4.37.2 answers, every mode with every output,
and a few hundred random settings. Reads the checkpoints that make_goldens.py wrote.

Needs transformers 4.37.2 (see make_goldens.py):
`.venv-oracle/bin/python tests/golden/make_generation_goldens.py`
"""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import BertGenerationDecoder, EncoderDecoderModel

ROOT = Path(__file__).parent
FOLDER = ROOT / "generation"
EVERYTHING = {
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_attentions": True,
    "output_hidden_states": True,
}
MODES = {
    "greedy": {},
    "sample": {"do_sample": True, "top_k": 9},
    "sample_return2": {"do_sample": True, "top_k": 9, "num_return_sequences": 2},
    "beam": {"num_beams": 3},
    "beam_return2": {"num_beams": 3, "num_return_sequences": 2, "length_penalty": 0.4},
    "beam_sample": {"num_beams": 2, "do_sample": True, "top_k": 9, "num_return_sequences": 2},
    "groups": {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.6, "num_return_sequences": 2},
    "uncached": {"use_cache": False},
}
SOURCE = torch.tensor([[5, 6, 7, 8, 33], [9, 10, 11, 0, 0], [33, 34, 0, 0, 0]])
MASK = (SOURCE != 0).long()
RANDOM_CASES = 300


def plain(value):
    """A nested tuple of tensors as `{"0.1": tensor}`."""
    if isinstance(value, torch.Tensor):
        return {"": value}
    found = {}
    for index, item in enumerate(value):
        found |= {f"{index}.{key}".rstrip("."): tensor for key, tensor in plain(item).items()}
    return found


def whole(models: dict) -> tuple[list[dict], dict[str, torch.Tensor]]:
    """Every mode with everything asked for: keys, and all arrays."""
    notes, arrays = [], {}
    for kind, model in models.items():
        given = {"input_ids": SOURCE[:, :1]}
        if kind == "joint":
            given = {"input_ids": SOURCE, "attention_mask": MASK}
        for mode, options in MODES.items():
            if kind == "alone" and mode == "uncached":  # there the reference does not hear of use_cache
                continue
            torch.manual_seed(3)
            output = model.generate(**given, max_length=6, **options, **EVERYTHING)
            name = f"{kind}/{mode}"
            notes.append({"name": name, "options": options, "keys": list(output.keys())})
            for key, value in output.items():
                if key != "past_key_values":
                    found = {f"{name}/{key}.{i}".rstrip("."): tensor for i, tensor in plain(value).items()}
                    arrays |= {place: tensor.detach().clone().contiguous() for place, tensor in found.items()}
    return notes, arrays


def maybe(generator: random.Random, chance: float, options: dict, **found) -> None:
    """Takes a setting with this chance; callables draw their value."""
    if generator.random() < chance:
        options |= {key: value() if callable(value) else value for key, value in found.items()}


def random_settings(generator: random.Random, kind: str) -> dict:
    """Some mode with some of everything that generate can be told."""
    pick, options = generator.choice, {}
    mode = pick(["greedy", "sample", "beam", "beam", "beam_sample", "groups"])
    if "beam" in mode or mode == "groups":
        options["num_beams"] = pick([2, 3, 4])
        maybe(generator, 0.5, options, num_return_sequences=lambda: pick([1, 2]))
        maybe(generator, 0.5, options, length_penalty=lambda: pick([-1.0, 0.0, 0.6, 2.0]))
        maybe(generator, 0.5, options, early_stopping=lambda: pick([True, "never"]))
    if mode == "groups":
        options |= {"num_beams": 4, "num_beam_groups": pick([2, 4]), "diversity_penalty": pick([0.3, 1.2])}
    if "sample" in mode:
        options["do_sample"] = True
        maybe(generator, 0.6, options, temperature=lambda: pick([0.4, 0.9, 1.8]))
        maybe(generator, 0.5, options, top_k=lambda: pick([0, 3, 12]))
        maybe(generator, 0.4, options, top_p=lambda: pick([0.3, 0.8, 0.95]))
        maybe(generator, 0.3, options, typical_p=lambda: pick([0.3, 0.9]))
        maybe(generator, 0.3, options, epsilon_cutoff=lambda: pick([0.01, 0.05]))
        maybe(generator, 0.3, options, eta_cutoff=lambda: pick([0.01, 0.1]))
        maybe(generator, 0.3, options, num_return_sequences=2)
    if generator.random() < 0.5:
        options["max_length"] = pick([6, 11, 17])
    else:
        options["max_new_tokens"] = pick([1, 5, 12])
    maybe(generator, 0.3, options, repetition_penalty=lambda: pick([0.7, 1.4]))
    maybe(generator, 0.2, options, no_repeat_ngram_size=lambda: pick([1, 2, 3]))
    maybe(generator, 0.2, options, bad_words_ids=[[44], [60, 60], [3, 3, 55], [19]])
    maybe(generator, 0.2, options, sequence_bias=[[[55], -4.0], [[60, 19], 5.0], [[3], 2.5]])
    maybe(generator, 0.2, options, suppress_tokens=[3, 44])
    maybe(generator, 0.2, options, begin_suppress_tokens=[60, 44])
    maybe(generator, 0.2, options, renormalize_logits=True)
    maybe(generator, 0.1, options, remove_invalid_values=True)
    maybe(generator, 0.2, options, eos_token_id=[1, 62])
    if generator.random() < 0.25:  # (with what forbids the end token, the reference's decay gives NaN)
        options["exponential_decay_length_penalty"] = pick([[2, 1.4], [0, 1.1]])
    else:
        maybe(generator, 0.2, options, min_length=lambda: pick([3, 8]))
        maybe(generator, 0.2, options, min_new_tokens=lambda: pick([2, 6]))
        maybe(generator, 0.15, options, forced_bos_token_id=9)
        maybe(generator, 0.15, options, forced_eos_token_id=1)
    if kind == "joint":
        maybe(generator, 0.2, options, encoder_repetition_penalty=lambda: pick([0.6, 1.7]))
        maybe(generator, 0.2, options, encoder_no_repeat_ngram_size=lambda: pick([1, 2]))
    return options


def random_inputs(generator: random.Random, kind: str) -> dict:
    """Padded ids with or without their mask, decoder ids, or a prompt."""
    rows = generator.choice([1, 2, 3])
    if kind == "alone":
        if generator.random() < 0.5:
            return {"input_ids": SOURCE[:rows, :1]}
        return {"input_ids": SOURCE[:rows, :2], "use_cache": False}  # (see run)
    given = {"input_ids": SOURCE[:rows]}
    if generator.random() < 0.5:
        given["attention_mask"] = MASK[:rows]
    if generator.random() < 0.25:
        first = generator.choice([2, 14])
        prompt = torch.tensor([[first, 40 + i] for i in range(rows)])
        given |= {"decoder_input_ids": prompt, "use_cache": False}
    return given


def run(model, given: dict, options: dict, seed: int) -> torch.Tensor:
    options = dict(options)
    if "sequence_bias" in options:
        options["sequence_bias"] = {tuple(ids): bias for ids, bias in options["sequence_bias"]}
    # A decoder alone hears of use_cache only from its config; with it on, a longer prompt meets no mask.
    model.config.use_cache = given.get("use_cache", True)
    torch.manual_seed(seed)
    return model.generate(**given, **options)


def random_cases(models: dict) -> list[dict]:
    """Settings that the reference takes and whose ids do not hang on rounding."""
    found, seed = [], 0
    while len(found) < RANDOM_CASES:
        seed += 1
        generator = random.Random(seed)
        kind = generator.choice(["joint", "joint", "joint", "alone"])
        options, given = random_settings(generator, kind), random_inputs(generator, kind)
        try:
            ids = run(models[kind], given, options, seed)
            if "do_sample" not in options and "num_beam_groups" not in options:
                exact = run(models[kind].double(), given, options, seed)
                models[kind].float()
                if not torch.equal(exact, ids):
                    continue
        except (ValueError, RuntimeError, IndexError):
            models[kind].float()
            continue
        inputs = {key: value.tolist() if torch.is_tensor(value) else value for key, value in given.items()}
        found.append({"kind": kind, "seed": seed, "inputs": inputs, "options": options, "ids": ids.tolist()})
    return found


def allowed(source: int, ids: torch.Tensor) -> list[int]:
    """A prefix_allowed_tokens_fn that depends on both arguments."""
    return [1, *range(4 + source, 64, 2 + int(ids[-1]) % 3)]


def prefix_cases(models: dict) -> list[dict]:
    found = []
    for mode, options in MODES.items():
        torch.manual_seed(5)
        output = models["joint"].generate(
            SOURCE, attention_mask=MASK, max_length=9, prefix_allowed_tokens_fn=allowed, **options
        )
        found.append({"mode": mode, "options": options, "ids": output.tolist()})
    return found


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    models = {
        "joint": EncoderDecoderModel.from_pretrained(ROOT / "encdec_short"),
        "alone": BertGenerationDecoder.from_pretrained(ROOT / "decoder_lm"),
    }
    notes, arrays = whole(models)
    save_file(arrays, FOLDER / "expected.safetensors", metadata={"format": "pt"})
    (FOLDER / "expected.safetensors").chmod(0o644)
    content = {"whole": notes, "prefix": prefix_cases(models), "random": random_cases(models)}
    text = json.dumps(content).replace('}, {"', '},\n{"') + "\n"
    (FOLDER / "expected.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
