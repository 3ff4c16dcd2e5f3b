"""Recipes: every setting of a training in one TOML file, read and checked before anything runs."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

SHARING = ("none", "all")
PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True)
class DataSet:
    """One corpus: files below --data, origin, licence. `share` of its training rows is read each epoch."""

    name: str
    origin: str
    licence: str
    train: str
    valid: str
    test: str
    valid_references: str = ""
    test_references: str = ""
    share: float = 1.0


@dataclass(frozen=True)
class Vocabulary:
    """Settings of the SentencePiece training."""

    size: int
    model_type: str = "unigram"


@dataclass(frozen=True)
class ModelSizes:
    """Sizes of the BertGeneration encoder and decoder, named as in BertGenerationConfig."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    encoder_layers: int
    decoder_layers: int
    max_position_embeddings: int
    hidden_act: str = "gelu"
    dropout: float = 0.1
    share_word_embeddings: bool = True  # one table while training; the files hold it on both sides
    share_weights: str = "none"  # "all": the paper's BERTSHARE


@dataclass(frozen=True)
class BaseSizes:
    """Sizes of a base to pre-train, named as in BertGenerationConfig."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    max_position_embeddings: int
    hidden_act: str = "gelu"
    dropout: float = 0.0  # every row is read about once: nothing to overfit


@dataclass(frozen=True)
class Optimisation:
    """AdamW, warm-up / stable / decay; a step reads `batch_tokens` padded positions on either side."""

    batch_tokens: int
    max_steps: int
    warmup_steps: int
    decay_steps: int
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    label_smoothing: float = 0.1
    precision: str = "bf16"  # of weights and activations in a step; the optimiser's own copy is float32
    average_decay: float = 0.999  # of the running average of the weights, kept beside the last ones
    validate_every: int = 500
    save_every_seconds: float = 180.0


@dataclass(frozen=True)
class Recipe:
    """A whole training."""

    name: str
    task: str
    title: str
    seed: int
    longest_source: int
    longest_target: int
    data: tuple[DataSet, ...]
    vocabulary: Vocabulary
    model: ModelSizes
    optimisation: Optimisation
    examples: tuple[str, ...] = ()
    length_penalty: float = 1.0  # of beam searches, written to generation_config.json; tune on valid
    joined_share: float = 0.0  # rows glued to others, see data.join_examples
    curly_share: float = 0.0  # sources with typographic apostrophes, see data.curl_apostrophes

    @property
    def licence(self) -> str:
        """Licences of the data that the weights are derived from."""
        return "; ".join(f"{entry.name}: {entry.licence}" for entry in self.data)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for logs and for comparing with a saved run."""
        return asdict(self)


@dataclass(frozen=True)
class RunningText:
    """One text to pre-train on: a file below --data (.gz and .xz too) with one paragraph a line.

    In a .tsv every column is a paragraph. `vocabulary_share` of the lines train the vocabulary; with
    `learn` false that is all they do.
    """

    name: str
    origin: str
    licence: str
    file: str
    vocabulary_share: float = 1.0
    learn: bool = True


@dataclass(frozen=True)
class PretrainingRecipe:
    """A whole pre-training by masked-language modelling (Devlin et al. 2019)."""

    name: str
    title: str
    seed: int
    row_length: int
    text: tuple[RunningText, ...]
    vocabulary: Vocabulary
    model: BaseSizes
    optimisation: Optimisation
    masked_share: float = 0.15
    held_out: int = 400  # last paragraphs of every text: never trained on, the loss is watched on them

    @property
    def licence(self) -> str:
        """Licences of the texts that the weights are derived from."""
        return "; ".join(f"{entry.name}: {entry.licence}" for entry in self.text)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for logs and for comparing with a saved run."""
        return asdict(self)


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown setting {unknown[0]!r}; known are {sorted(known)}")
    try:
        return kind(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        )
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


def _check_steps(steps: Optimisation) -> None:
    if steps.precision not in PRECISIONS:
        raise ValueError(f"optimisation.precision must be one of {PRECISIONS}, got {steps.precision!r}")
    if steps.warmup_steps + steps.decay_steps > steps.max_steps:
        raise ValueError("warmup_steps + decay_steps must not exceed max_steps")


def _check(recipe: Recipe) -> None:
    model = recipe.model
    _check_steps(recipe.optimisation)
    if model.share_weights not in SHARING:
        raise ValueError(f"model.share_weights must be one of {SHARING}, got {model.share_weights!r}")
    if model.share_weights == "all" and model.encoder_layers != model.decoder_layers:
        raise ValueError("model.share_weights = 'all' needs as many encoder_layers as decoder_layers")
    if max(recipe.longest_source, recipe.longest_target) > model.max_position_embeddings:
        raise ValueError("longest_source and longest_target must not exceed model.max_position_embeddings")
    if max(recipe.longest_source, recipe.longest_target) > recipe.optimisation.batch_tokens:
        raise ValueError("optimisation.batch_tokens must hold the longest row")
    if not recipe.data:
        raise ValueError("a recipe needs at least one [[data]] table")


def _check_pretraining(recipe: PretrainingRecipe) -> None:
    _check_steps(recipe.optimisation)
    if recipe.row_length > recipe.model.max_position_embeddings:
        raise ValueError("row_length must not exceed model.max_position_embeddings")
    if recipe.row_length > recipe.optimisation.batch_tokens:
        raise ValueError("optimisation.batch_tokens must hold a row of row_length pieces")
    if not 0 < recipe.masked_share < 1:
        raise ValueError(f"masked_share must lie between 0 and 1, got {recipe.masked_share}")
    if not any(entry.learn for entry in recipe.text):
        raise ValueError("a pre-training recipe needs at least one [[text]] table to learn from")


def _read(path: Path, tables: dict[str, type], list_name: str, list_kind: type, kind: type) -> Any:
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, table in tables.items():
        if name not in values:
            raise ValueError(f"{path}: the table [{name}] is missing")
        values[name] = _build(table, values[name], f"{path}, [{name}]")
    entries = values.get(list_name, [])
    values[list_name] = [_build(list_kind, table, f"{path}, [[{list_name}]]") for table in entries]
    return _build(kind, values, str(path))


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; unknown, missing or clashing settings are a ValueError that names them."""
    tables = {"vocabulary": Vocabulary, "model": ModelSizes, "optimisation": Optimisation}
    recipe = _read(path, tables, "data", DataSet, Recipe)
    _check(recipe)
    return recipe


def read_pretraining_recipe(path: Path) -> PretrainingRecipe:
    """As `read_recipe`, for the recipes of `pretrain`."""
    tables = {"vocabulary": Vocabulary, "model": BaseSizes, "optimisation": Optimisation}
    recipe = _read(path, tables, "text", RunningText, PretrainingRecipe)
    _check_pretraining(recipe)
    return recipe
