"""Write what the reference answered: inputs and settings as JSON, arrays as safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

FIELDS = (
    "loss",
    "logits",
    "last_hidden_state",
    "pooler_output",
    "encoder_last_hidden_state",
    "past_key_values",
    "hidden_states",
    "attentions",
    "cross_attentions",
    "encoder_hidden_states",
    "encoder_attentions",
    "decoder_hidden_states",
    "decoder_attentions",
)


def flatten(name: str, value) -> dict[str, torch.Tensor]:
    """`{"hidden_states.0": tensor, ...}` for a tensor or nested tuples of tensors."""
    if value is None:
        return {}
    if isinstance(value, torch.Tensor):
        return {name: value.detach().clone().contiguous()}
    found = {}
    for index, item in enumerate(value):
        found.update(flatten(f"{name}.{index}", item))
    return found


class Case:
    """One folder: a checkpoint as transformers saved it, `expected.json` and `expected.safetensors`."""

    def __init__(self, root: Path, name: str, kind: str):
        self.folder = root / name
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        self.notes = {"class": kind, "calls": [], "generate": []}
        self.arrays: dict[str, torch.Tensor] = {}

    def call(
        self, name: str, model, inputs: dict, gradients: tuple[str, ...] = (), keep=FIELDS, **options
    ) -> None:
        """Run the forward and keep every output named in `keep`; `gradients` are those of the loss.

        Inputs are tensors; they are stored beside the outputs as `name/in.key`.
        """
        model.zero_grad()
        output = model(**inputs, **options)
        found = {}
        for field in keep:
            found.update(flatten(field, output.get(field)))
        if gradients:
            output.loss.backward()
            parameters = dict(model.named_parameters())
            found.update({f"grad.{key}": parameters[key].grad for key in gradients})
        self.arrays.update({f"{name}/in.{key}": value.clone() for key, value in inputs.items()})
        self.arrays.update({f"{name}/{key}": value.detach().clone() for key, value in found.items()})
        self.notes["calls"].append(
            {
                "name": name,
                "inputs": sorted(inputs),
                "options": options,
                "keys": list(output.keys()),
                "gradients": list(gradients),
                "tuple": self._tuple(model, {**inputs, **options}),
            }
        )

    @torch.no_grad()
    def _tuple(self, model, given: dict) -> list[list[int]]:
        """The shapes of the plain tuple: what `return_dict=False` holds, and in which order."""
        found = flatten("", model(**given, return_dict=False))
        return [list(value.shape) for value in found.values()]

    def generate(self, name: str, model, inputs: dict, seed: int | None = None, **options) -> torch.Tensor:
        """Keep the ids (and the scores, where asked for); checked against float64 unless it samples.

        Raises:
            RuntimeError: when float64 gives other ids: a near-tie proves nothing, choose another seed.
        """
        if seed is not None:
            torch.manual_seed(seed)
        output = model.generate(**inputs, **options)
        ids = output if isinstance(output, torch.Tensor) else output.sequences
        # (its diverse beams cannot run in float64)
        if seed is None and "num_beam_groups" not in options:
            exact = model.double().generate(**inputs, **{**options, "return_dict_in_generate": False})
            model.float()
            if not torch.equal(exact, ids):
                raise RuntimeError(f"{self.folder.name}/{name}: ids depend on rounding, choose another seed")
        entry = {
            "name": name,
            "inputs": {key: value.tolist() for key, value in inputs.items()},
            "options": {key: storable(value) for key, value in options.items()},
            "seed": seed,
            "ids": ids.tolist(),
        }
        self.notes["generate"].append(entry)
        if not isinstance(output, torch.Tensor):
            self._generate_arrays(name, entry, output)
        return ids

    def _generate_arrays(self, name: str, entry: dict, output) -> None:
        entry["keys"] = list(output.keys())
        for field in ("scores", "sequences_scores", "beam_indices", "cross_attentions", "decoder_attentions"):
            for key, value in flatten(field, output.get(field)).items():
                self.arrays[f"{name}/{key}"] = value

    def save(self, model=None, **options) -> None:
        """Write the checkpoint (unless it was written already) and the expectations."""
        if model is not None:
            model.save_pretrained(self.folder, **options)
        save_file(self.arrays, self.folder / "expected.safetensors", metadata={"format": "pt"})
        text = json.dumps(self.notes, indent=1)
        (self.folder / "expected.json").write_text(compact(text) + "\n", encoding="utf-8")
        for path in self.folder.iterdir():
            path.chmod(0o644)  # safetensors writes files that only their owner may read


def storable(value):
    """JSON has no tuples as keys: a sequence_bias becomes a list of pairs."""
    return [[list(key), number] for key, number in value.items()] if isinstance(value, dict) else value


def compact(text: str) -> str:
    """Put lists of plain numbers on one line: a golden is read by people too."""
    import re

    return re.sub(
        r"\[\s+((?:-?\d+,\s+)*-?\d+)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]", text
    )
