"""A run's weights as checkpoint folders that the page, and transformers, can open."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bertgen.configs.generation import GenerationConfig
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import AutoTokenizer
from bertgen.training.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, write_tokenizer_files
from bertgen.training.gpu.bundle import read_bundle, read_facts
from bertgen.training.gpu.model import layout
from bertgen.training.gpu.names import checkpoint_names
from bertgen.training.gpu.plan import CheckpointPlan, Plan, Sizes
from bertgen.training.objectives.pair import model_config
from bertgen.training.recipe.tables import ModelSizes
from bertgen.training.runs.export import LARGEST_FILE, beam_settings, write_profile
from bertgen.training.runs.state import LOG as TRAIN_LOG

LOG = "log.jsonl"


def build(sizes: Sizes, vocabulary: int, dropout: float) -> EncoderDecoderModel:
    """An encoder-decoder of the project's own classes, its word tables apart."""
    own = ModelSizes(**vars(sizes), dropout=dropout, share_word_embeddings=False)
    return EncoderDecoderModel(model_config(own, vocabulary))


def fill(model: EncoderDecoderModel, weights: dict[str, torch.Tensor]) -> None:
    """Copy lean weights in; a name that only one side has is an error."""
    model.load_state_dict(checkpoint_names(weights), strict=True)
    model.decoder.tie_weights()


def _licence(plan: Plan, checkpoint: CheckpointPlan) -> str:
    """Licences of the sets of the checkpoint's vocabulary, each once."""
    found = [
        entry.licence for entry in plan.set if entry.vocabulary == checkpoint.vocabulary and entry.licence
    ]
    return "; ".join(dict.fromkeys([*checkpoint.licences, *found]))


def export_one(plan: Plan, checkpoint: CheckpointPlan, packed: Path, bundle: Path, out: Path) -> Path:
    """Write one checkpoint's folder below `out` from `bundle`/NAME.safetensors."""
    source = bundle / f"{checkpoint.name}.safetensors"
    facts = read_facts(source)
    sizes = Sizes(**facts["sizes"])
    vocabulary = (packed / f"{checkpoint.vocabulary}.model").read_bytes()
    size = json.loads((packed / "manifest.json").read_text(encoding="utf-8"))["vocabularies"]
    found = layout(sizes, size[checkpoint.vocabulary])
    weights = found.views(read_bundle(source, found))
    model = build(sizes, size[checkpoint.vocabulary], checkpoint.dropout)
    fill(model, weights)
    # Files hold a plain, separate encoder and decoder, which every version of transformers loads alike.
    table = model.encoder.embeddings.word_embeddings
    table.weight = nn.Parameter(table.weight.detach().clone())
    model.generation_config = GenerationConfig(
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        pad_token_id=PAD_ID,
        decoder_start_token_id=BOS_ID,
        **beam_settings(checkpoint.length_penalty),
        no_repeat_ngram_size=checkpoint.no_repeat_ngram_size,
        max_length=checkpoint.longest_target + 1,  # the start token counts
    )
    folder = out / checkpoint.name
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder, max_shard_size=LARGEST_FILE)
    write_tokenizer_files(folder, vocabulary, checkpoint.longest_source)
    profile = {
        "task": checkpoint.task,
        "title": checkpoint.title,
        "default": True,
        "examples": list(checkpoint.examples),
        "longest_source": checkpoint.longest_source,
        "longest_target": checkpoint.longest_target,
        "licence": _licence(plan, checkpoint),
        "metrics": {},
    }
    write_profile(folder, profile)
    _write_log(bundle, facts["stage"], folder)
    return folder


def train_log(lines: Iterable[dict[str, Any]], stage: str) -> list[dict[str, Any]]:
    """A stage's part of a run's log in the words of `train.jsonl`; seconds count from the stage's start.

    The held-out loss is that of all the stage's validation rows together, BLEU is that of greedy ids on the
    first 400 rows of its first validation set.
    """
    found: list[dict[str, Any]] = []
    began = 0.0
    for line in lines:
        event = line.get("event")
        if line["stage"] == "run" and event == "start":
            found.append({"step": 0, "device": line.get("card", line["device"]), "torch": line["torch"]})
        if line["stage"] != stage:
            continue
        if event == "start":
            began = line["at"]
        elif event is None:
            row = {"step": line["step"], "loss": line["loss"], "lr": line["rate"], "norm": line["norm"]}
            seconds = round(line["at"] - began, 1)
            found.append({**row, "places_per_second": line["places_a_second"], "seconds": seconds})
        elif event == "validation":
            losses = {"last_loss": line["valid_last"], "average_loss": line["valid_average"]}
            found.append({"step": line["step"], **losses})
        elif event == "answers" and "last_bleu" not in found[-1]:
            found[-1]["last_bleu"] = line["bleu_on_ids"]
    return found


def _write_log(bundle: Path, stage: str, folder: Path) -> None:
    lines = (json.loads(line) for line in (bundle / LOG).read_text(encoding="utf-8").splitlines())
    text = "".join(json.dumps(line) + "\n" for line in train_log(lines, stage))
    (folder / TRAIN_LOG).write_text(text, encoding="utf-8")


def greedy(folder: Path, texts: tuple[str, ...]) -> list[str]:
    """The answers of a folder's model, loaded as anybody would."""
    model = EncoderDecoderModel.from_pretrained(folder).float().eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answers = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True)
        output = model.generate(ids.input_ids, attention_mask=ids.attention_mask)
        answers.append(tokenizer.decode(output[0], skip_special_tokens=True))
    return answers


def export(plan: Plan, packed: Path, bundle: Path, out: Path) -> None:
    """Write every checkpoint that the run finished, load each, and print its answers to its examples."""
    for checkpoint in plan.checkpoint:
        if not (bundle / f"{checkpoint.name}.safetensors").is_file():
            print(f"{checkpoint.name}: not in {bundle}", flush=True)
            continue
        folder = export_one(plan, checkpoint, packed, bundle, out)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"{folder}: {size / 1e6:.1f} MB", flush=True)
        for text, answer in zip(checkpoint.examples, greedy(folder, checkpoint.examples), strict=True):
            print(f"  {text}\n  -> {answer}", flush=True)
