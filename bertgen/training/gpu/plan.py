"""The plan of a run: vocabularies, sets of rows, model sizes and stages with a share of the clock each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class VocabularyPlan:
    """A SentencePiece vocabulary; `lines` of the training rows are drawn to train it."""

    name: str
    size: int
    lines: int = 400_000


@dataclass(frozen=True)
class SetPlan:
    """Rows of two columns, from files below the data folders.

    `kind` and `form` keep the rows that a parallel file of labels names so. `held_out_only` closes a set's
    rows to training and packs nothing. `optional` sets may be missing. `vocabulary_share` of the rows train
    the vocabulary. The other fields are those of a recipe's data set.
    """

    name: str
    vocabulary: str
    train: str = ""
    valid: str = ""
    format: str = "tsv"
    kinds: str = ""
    kind: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    rows: int = 0
    curly_share: float = 0.0
    vocabulary_share: float = 1.0
    same_digits: bool = False  # leave rows out whose two sides hold other digits
    optional: bool = False
    longest_source: int = 128
    longest_target: int = 144
    origin: str = ""
    licence: str = ""


@dataclass(frozen=True)
class RecipePlan:
    """The data sets of one of the project's recipes, packed as `NAME/SET`."""

    name: str
    recipe: str
    vocabulary: str
    without: tuple[str, ...] = ()  # sets of the recipe that are not packed
    rows: dict[str, int] = field(default_factory=dict)  # set: at most so many of its rows


@dataclass(frozen=True)
class TextPlan:
    """Running text with one paragraph a line, packed as rows of one to `sentences` that have no target.

    Of a file with columns the first one is read. `optional` texts may be missing.
    """

    name: str
    vocabulary: str
    file: str
    words: int
    sentences: int = 3
    optional: bool = False


@dataclass(frozen=True)
class Sizes:
    """Sizes of the BertGeneration encoder and decoder, named as in BertGenerationConfig."""

    hidden_size: int = 256
    intermediate_size: int = 1024
    num_attention_heads: int = 4
    encoder_layers: int = 6
    decoder_layers: int = 2
    max_position_embeddings: int = 256


@dataclass(frozen=True)
class StagePlan:
    """One stage: `train` a model, or `decode` the rows of sets with an earlier stage's model.

    `seconds` are weights: the run's time is given to the stages in their proportion. `shares` says how often
    a set's rows stand in an epoch; its keys are patterns, and the first that fits decides. With `reverse`
    sources and targets change places, "both" reads them either way, told apart by the decoder's start token.
    `originals` and `distilled` multiply the shares for a set's own rows and for those that a decoding stage
    made of it. `start` names the stage whose weights are gone on with. `buckets` are the padded lengths
    [source, target] of a batch. A checkpoint's name in `save` writes its weights.
    """

    name: str
    kind: str
    seconds: float
    vocabulary: str
    shares: dict[str, float]
    sizes: Sizes = field(default_factory=Sizes)
    reverse: str = "no"  # "no", "yes" or "both"
    start: str = ""
    save: str = ""
    valid: tuple[str, ...] = ()
    originals: float = 1.0
    distilled: float = 0.0
    denoising: bool = False
    joined_share: float = 0.0
    batch_tokens: int = 32768
    learning_rate: float = 1e-3
    warmup: float = 0.08  # the first part of the stage's time, in which the rate rises
    decay: float = 0.5  # the last part, in which it falls to nothing
    dropout: float = 0.1
    label_smoothing: float = 0.1
    weight_decay: float = 0.01
    average_steps: float = 100.0  # horizon of the running average
    validations: int = 4
    buckets: tuple[tuple[int, int], ...] = ()
    beam: int = 4
    decode_rows: int = 8192  # rows of one decoding batch, beams counted
    length_penalty: float = 1.0


@dataclass(frozen=True)
class CheckpointPlan:
    """What a checkpoint's folder says of it: as in a recipe."""

    name: str
    task: str
    title: str
    vocabulary: str
    languages: tuple[str, ...]
    longest_source: int
    longest_target: int
    examples: tuple[str, ...]
    licences: tuple[str, ...] = ()
    dropout: float = 0.1
    no_repeat_ngram_size: int = 0
    length_penalty: float = 1.0


@dataclass(frozen=True)
class Plan:
    """Everything of a run."""

    name: str
    seed: int
    vocabulary: tuple[VocabularyPlan, ...]
    set: tuple[SetPlan, ...]
    stage: tuple[StagePlan, ...]
    checkpoint: tuple[CheckpointPlan, ...]
    recipe: tuple[RecipePlan, ...] = ()
    text: tuple[TextPlan, ...] = ()
    closed: tuple[str, ...] = ()  # patterns of files whose texts are in no training row
    made: dict[str, str] = field(default_factory=dict)  # task: vocabulary of the made rows' sets
    forward_only: tuple[str, ...] = ()  # patterns of sets whose sources make poor targets
    made_without: tuple[str, ...] = ()  # patterns of made sets that are not packed
    made_rows: dict[str, int] = field(default_factory=dict)  # name: at most so many of a set's rows


LISTS = {
    "vocabulary": VocabularyPlan,
    "set": SetPlan,
    "recipe": RecipePlan,
    "text": TextPlan,
    "stage": StagePlan,
    "checkpoint": CheckpointPlan,
}


def _frozen(value: Any) -> Any:
    """Lists as tuples, at any depth."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown setting {unknown[0]!r}; known are {sorted(known)}")
    if isinstance(values.get("sizes"), dict):
        values = {**values, "sizes": _build(Sizes, values["sizes"], f"{where}, sizes")}
    return kind(**{name: _frozen(value) for name, value in values.items()})


def read_plan(path: Path) -> Plan:
    """Read a plan; an unknown setting, or a stage that names what does not exist, is a ValueError."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, kind in LISTS.items():
        values[name] = [_build(kind, entry, f"{path}, [[{name}]]") for entry in values.get(name, [])]
    plan = _build(Plan, values, str(path))
    seen: set[str] = set()
    for stage in plan.stage:
        if stage.kind not in ("train", "decode") or stage.reverse not in ("no", "yes", "both"):
            raise ValueError(
                f"{path}, stage {stage.name}: unknown kind {stage.kind!r} or reverse {stage.reverse!r}"
            )
        if stage.start and stage.start not in seen:
            raise ValueError(f"{path}, stage {stage.name}: no earlier stage is called {stage.start!r}")
        seen.add(stage.name)
    return plan
