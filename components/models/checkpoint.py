"""What a checkpoint folder says of itself before anything is loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertgen.checkpoints.published import PUBLISHED
from components.models.advice import check_config, is_base
from components.models.folder import check_files, given_folder
from components.models.sizes import short_count, size
from components.refusal import Refusal
from components.strings import t
from components.texts.parts import two_sentences

TASKS = ("translate", "translate-de-en", "split", "fuse", "summarize", "other")
BASE = "base"
EXAMPLES = 12
_DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
_TOKENIZER_FILES = ("spiece.model", "vocab.txt", "vocab.json", "tokenizer.json")


@dataclass(frozen=True)
class Checkpoint:
    """What is known of a checkpoint before it is loaded.

    ``examples`` fill the text boxes: (text, second text), the second for fusing alone. ``parameters`` is
    0 when the weights do not tell. ``stamp`` changes when a file of the folder does. ``origin`` says where
    it comes from, for people; ``hub_id`` is its repository where that is the Hub. A task of "base" is a
    checkpoint to start training from: it cannot be run.
    """

    name: str
    folder: Path
    task: str
    title: str
    default: bool
    examples: tuple[tuple[str, str], ...]
    longest_source: int
    longest_target: int
    licence: str
    metrics: dict[str, Any]
    parameters: int
    nbytes: int
    stamp: str
    origin: str
    hub_id: str = ""

    @property
    def runnable(self) -> bool:
        """Whether it writes text; a base checkpoint does not."""
        return self.task != BASE

    @property
    def label(self) -> str:
        """As the picker shows it: title, parameters, megabytes on disk."""
        parts = [self.title]
        if self.parameters:
            parts.append(t("checkpoints.label", count=short_count(self.parameters)))
        parts.append(size(self.nbytes))
        return " · ".join(parts)

    def memory(self, dtype_bytes: int) -> int:
        """Bytes that its weights take once loaded with so many bytes a number (files that do not tell what
        they hold are taken for float32)."""
        return (self.parameters or self.nbytes // 4) * dtype_bytes

    def card(self) -> str:
        """The model card's text without its front matter; empty when the folder has none."""
        path = self.folder / "README.md"
        if not path.is_file():
            return ""
        text = path.read_text(encoding="utf-8", errors="replace")
        if text.startswith("---"):
            text = text.partition("\n---")[2].partition("\n")[2]
        return text.strip()


def describe(folder: Path, *, origin: str = "", hub_id: str = "") -> Checkpoint:
    """What a checkpoint folder says of itself; where it is silent, what is known of a published ``hub_id``.

    Raises ``Refusal`` when it is no checkpoint or one that this page cannot use at all.
    """
    # 1) The folder is one.
    folder = given_folder(folder)
    check_files(folder)
    if not (folder / "config.json").is_file():
        raise Refusal("refuse.no_config", folder=folder)

    # 2) What its files say; a profile of its own wins over what is known of a published one.
    profile = {**published_profile(hub_id), **_read_json(folder / "profile.json", missing={})}
    config = _read_json(folder / "config.json")
    check_config(config)
    weights = _weights(folder)
    metrics = profile.get("metrics")
    if not isinstance(metrics, dict):
        metrics = {}

    # 3) What it is for. A base has no text to write, so that it needs no tokenizer either.
    task = profile.get("task")
    if is_base(config):
        task = BASE
    elif task != BASE and task not in TASKS:
        task = "other"
    if task != BASE and not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise Refusal("refuse.no_tokenizer", folder=folder)
    return Checkpoint(
        name=hub_id or folder.name,
        folder=folder,
        task=task,
        title=str(profile.get("title") or hub_id or folder.name),
        default=bool(profile.get("default", False)),
        examples=_examples(profile.get("examples"), task),
        longest_source=_limit(profile.get("longest_source"), config),
        longest_target=_limit(profile.get("longest_target"), config),
        licence=str(profile.get("licence") or t("fact.licence_untold")),
        metrics=metrics,
        parameters=sum(_parameters(path) for path in weights if path.suffix == ".safetensors"),
        nbytes=sum(path.stat().st_size for path in weights),
        stamp=_stamp(folder),
        origin=origin or str(folder),
        hub_id=hub_id,
    )


def published_profile(hub_id: str) -> dict[str, Any]:
    """What a profile.json would say of a published checkpoint; empty for others."""
    published = PUBLISHED.get(hub_id)
    if published is None:
        return {}
    examples = []
    if published.example:
        examples.append(" ".join(published.example.value[0].split()))
    return {
        "task": published.task.value,
        "title": published.title,
        "licence": published.licence.value,
        "examples": examples,
        "longest_target": published.generation.value.get("max_length"),
    }


def _weights(folder: Path) -> list[Path]:
    """The files that loading reads: safetensors where there are any, else pickles."""
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise Refusal("refuse.no_weights", folder=folder)
    return weights


def _stamp(folder: Path) -> str:
    """A digest of the names, sizes and times of the checkpoint's files."""
    files = sorted(
        path for path in [*folder.glob("*"), *folder.glob("decoder_tokenizer/*")] if path.is_file()
    )
    facts = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _examples(stated: Any, task: str) -> tuple[tuple[str, str], ...]:
    """A profile's examples: texts, for fusing of two sentences each, or pairs of texts."""
    if not isinstance(stated, list):
        return ()
    found = []
    for example in stated:
        if isinstance(example, str) and task == "fuse":
            found.append(two_sentences(example))
        elif isinstance(example, str):
            found.append((example, ""))
        elif isinstance(example, list) and len(example) == 2:
            found.append((str(example[0]), str(example[1])))
    return tuple(found[:EXAMPLES])


def _read_json(path: Path, missing: dict | None = None) -> dict[str, Any]:
    if missing is not None and not path.is_file():
        return missing
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal("refuse.not_json", path=path, error=error) from error
    if not isinstance(data, dict):
        raise Refusal("refuse.not_an_object", path=path, type=type(data).__name__)
    return data


def _limit(stated: Any, config: dict[str, Any]) -> int:
    """Tokens a side may have: what the profile states, else the positions that the model has."""
    if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0:
        return stated
    parts = (config, config.get("encoder"), config.get("decoder"))
    found = [positions(part) for part in parts if isinstance(part, dict)]
    return min((value for value in found if value > 0), default=512)


def positions(part: dict[str, Any]) -> int:
    """How many tokens a model has positions for; 0 when its config does not tell."""
    value = part.get("max_position_embeddings", part.get("n_positions"))
    if not isinstance(value, int):
        return 0
    if part.get("model_type") == "roberta":
        # RoBERTa counts its positions from behind the padding token's id.
        return value - int(part.get("pad_token_id", 1)) - 1
    return value


def _parameters(path: Path) -> int:
    """Numbers stored in a safetensors file, read from its header alone; 0 when that cannot be read."""
    # A header is its length in eight bytes, then JSON: where each tensor lies, and its numbers' type.
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    spans = [
        (value["data_offsets"], _DTYPE_BYTES.get(value["dtype"], 0))
        for key, value in header.items()
        if key != "__metadata__"
    ]
    return sum((end - start) // width for (start, end), width in spans if width)
