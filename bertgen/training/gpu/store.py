"""What the stages of a run share: packed rows by name, rows that a teacher wrote, weights, the log."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bertgen.training.gpu.packed import Rows, file_name, read_manifest, read_rows, rows_of
from bertgen.training.gpu.plan import Plan, Sizes, StagePlan

LOG = "log.jsonl"


class Store:
    """Rows are read when a stage first asks for them; `scale` below 1 reads a part and shrinks the models."""

    def __init__(self, plan: Plan, packed: Path, out: Path, seconds: float, scale: float) -> None:
        self.plan, self.packed, self.out, self.scale = plan, packed, out, scale
        self.began = time.monotonic()
        self.ends = self.began + seconds
        self.manifest = read_manifest(packed)
        self.distilled: dict[tuple[str, bool], Rows] = {}  # (set, whether targets were read as sources)
        self.texts: dict[str, Rows] = {}  # sources of sets, for denoising
        self.weights: dict[str, Tensor] = {}
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self._rows: dict[tuple[str, str], Rows] = {}
        # Unpacking takes seconds, in which the first stages can already learn.
        files = [(name, side) for name in self.manifest["sets"] for side in ("train", "valid")]
        workers = ThreadPoolExecutor(4)
        self._files = {key: workers.submit(read_rows, packed / file_name(*key)) for key in files}

    def log(self, stage: str, **values: object) -> None:
        """Print one line and append it to the log's file."""
        passed = round(time.monotonic() - self.began, 1)
        line = {"at": passed, "stage": stage, **values}
        print(json.dumps(line), flush=True)
        with (self.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def names(self, shares: dict[str, float], vocabulary: str) -> dict[str, float]:
        """The share of every packed set that a stage's patterns name; the first that fits decides."""
        found = {}
        for name, facts in self.manifest["sets"].items():
            pattern = next((each for each in shares if fnmatch(name, each)), None)
            if pattern is not None and facts["vocabulary"] == vocabulary and shares[pattern] > 0:
                found[name] = shares[pattern]
        return found

    def rows(self, name: str, side: str = "train") -> Rows:
        """The packed rows of a set's side; with a scale, the first ones."""
        if (name, side) not in self._rows:
            rows = self._files[name, side].result()
            if self.scale < 1:
                count = max(min(len(rows), 40), int(len(rows) * self.scale))
                rows = _first(rows, count)
            self._rows[name, side] = rows
        return self._rows[name, side]

    def sizes(self, sizes: Sizes) -> Sizes:
        """A model's sizes, a quarter as wide where the run is scaled down."""
        if self.scale >= 1:
            return sizes
        return Sizes(
            sizes.hidden_size // 4,
            sizes.intermediate_size // 4,
            sizes.num_attention_heads,
            sizes.encoder_layers,
            sizes.decoder_layers,
            sizes.max_position_embeddings,
        )

    def batch_tokens(self, stage: StagePlan) -> int:
        """Padded places of a batch on its longer side."""
        return stage.batch_tokens if self.scale >= 1 else max(128, int(stage.batch_tokens * self.scale))

    def chance(self, stage: str) -> np.random.Generator:
        """The random numbers of one stage, the same for the same plan."""
        return np.random.default_rng([self.plan.seed, *stage.encode()])


def _first(rows: Rows, count: int) -> Rows:
    """The first `count` rows of a set as it was packed."""
    size = int(rows.source_length[:count].sum() + rows.target_length[:count].sum())
    return rows_of(rows.tokens[:size], rows.source_length[:count], rows.target_length[:count])
