"""Recipes: every setting of a training in one TOML file, read and checked before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bertgen.training.recipe.checks import check_pretraining, check_recipe, check_values
from bertgen.training.recipe.overrides import apply_settings


@dataclass(frozen=True)
class DataSet:
    """One corpus: files below --data, origin, licence. `share` of its training rows is read each epoch.

    `format` names the reader of its files (`bertgen.training.data.corpora.readers`); `valid`, `test` may be
    left out. `rows` above 0 keeps that many training rows, drawn once.
    """

    name: str
    origin: str
    licence: str
    train: str
    valid: str = ""
    test: str = ""
    valid_references: str = ""
    test_references: str = ""
    share: float = 1.0
    format: str = "tsv"
    rows: int = 0
    clean: bool = False  # drop doubles, and training rows with a text that the recipe's sets hold out
    carve: tuple[int, ...] = ()  # [valid, test]: rows held out of `train`, at most a tenth each
    swap: bool = False  # read targets as sources: fusing turned into splitting
    moses: str = ""  # language of the targets: score BLEU on Moses tokens, lower-cased, as well
    tokens: str = ""  # "test.tok.tsv"-like pattern with {split}: WikiSplit's own tokens, to score on as well


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
class WarmStart:
    """Where the first weights come from; see `bertgen.warm_start`.

    `setup` is one of the paper's (BERT2BERT, BERTSHARE, RND2RND ...), `bert`, `roberta`, `gpt2` are
    checkpoint folders or Hub ids. `model` instead goes on from a whole encoder-decoder.
    """

    setup: str = ""
    bert: str = ""
    roberta: str = ""
    gpt2: str = ""
    model: str = ""
    classes: str = "bert-generation"
    dropout: float = 0.1

    @property
    def sources(self) -> dict[str, str]:
        """The checkpoints by family, those that were given."""
        named = {"bert": self.bert, "roberta": self.roberta, "gpt2": self.gpt2}
        return {family: source for family, source in named.items() if source}

    @property
    def licences(self) -> list[str]:
        """The checkpoints' licences: what a folder's profile.json says, else where to look."""
        found = []
        for source in dict.fromkeys([*self.sources.values(), *filter(None, [self.model])]):
            profile = Path(source, "profile.json")
            known = json.loads(profile.read_text("utf-8")).get("licence") if profile.is_file() else None
            found.append(f"start {Path(source).name if known else source} ({known or 'see its card'})")
        return found


@dataclass(frozen=True)
class Stage:
    """A part of a run with a schedule of its own; `shares` (set name: share) replaces the sets' shares.

    With `max_steps` 0 the run goes on to the next one.
    """

    name: str
    max_steps: int
    warmup_steps: int
    decay_steps: int
    learning_rate: float
    shares: dict[str, float] | None = None


@dataclass(frozen=True)
class Optimisation:
    """AdamW, warm-up / stable / decay; a step reads `batch_tokens` padded positions on either side.

    The four numbers of the schedule are left out where [[stage]] tables give them.
    """

    batch_tokens: int
    max_steps: int = 0
    warmup_steps: int = 0
    decay_steps: int = 0
    learning_rate: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    label_smoothing: float = 0.1
    precision: str = "bf16"  # of weights and activations in a step; the optimiser's own copy is float32
    average_decay: float = 0.999  # of the running average of the weights, kept beside the last ones
    accumulate: int = 1  # batches a step and process: their gradients add up to one larger batch's
    patience: int = 0  # validations without a better loss on the first set that end a stage; 0: none do
    keep_last: int = (
        0  # weights of the last validations to keep, for an average of them (export --weights kept)
    )
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
    optimisation: Optimisation
    vocabulary: Vocabulary | None = None  # this and `model` for a start from nothing,
    model: ModelSizes | None = None
    warm_start: WarmStart | None = None  # or this alone
    stage: tuple[Stage, ...] = ()
    examples: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # codes for the model card, such as "en"
    # Defaults of decoding, written to generation_config.json; tune them on valid.
    length_penalty: float = 1.0  # of beam searches
    no_repeat_ngram_size: int = 0  # so many pieces in a row are written once only; 0 is no such rule
    joined_share: float = 0.0  # rows glued to others, see data.join_examples
    subword_sampling: float = 0.0  # alpha of other cuts of the words, anew each epoch; see sampling.py
    curly_share: float = 0.0  # sources with typographic apostrophes, see data.curl_apostrophes

    @property
    def licence(self) -> str:
        """Licences of all that the weights are derived from: the data, and the checkpoints of the start."""
        sources = [f"{entry.name}: {entry.licence}" for entry in self.data]
        return "; ".join(sources + (self.warm_start.licences if self.warm_start else []))

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The stages of the run; one where the recipe has no [[stage]] table."""
        return self.stage or _only_stage(self.optimisation)

    def shares(self, stage: int) -> list[float]:
        """The share of every set in a stage, in the order of `data`; unnamed sets rest."""
        named = self.schedule[stage].shares
        return [entry.share if named is None else named.get(entry.name, 0.0) for entry in self.data]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for logs and for comparing with a saved run."""
        return asdict(self)


@dataclass(frozen=True)
class RunningText:
    """One text to pre-train on: a file below --data (.gz and .xz too) with one paragraph a line.

    In a .tsv every column is a paragraph. `vocabulary_share` of the lines train the vocabulary; with
    `learn` false that is all they do; with `repeat` they are read several times an epoch.
    """

    name: str
    origin: str
    licence: str
    file: str
    vocabulary_share: float = 1.0
    learn: bool = True
    repeat: int = 1


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
    # [[length, step], ...]: until that step rows are cut into pieces of that length, see MaskedLM.
    short_rows: tuple[tuple[int, int], ...] = ()
    languages: tuple[str, ...] = ()  # codes for the model card
    held_out: int = 400  # last paragraphs of every text: never trained on, the loss is watched on them

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The one stage of the run."""
        return _only_stage(self.optimisation)

    @property
    def licence(self) -> str:
        """Licences of the texts that the weights are derived from."""
        return "; ".join(f"{entry.name}: {entry.licence}" for entry in self.text)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for logs and for comparing with a saved run."""
        return asdict(self)


def _only_stage(steps: Optimisation) -> tuple[Stage, ...]:
    return (Stage("all", steps.max_steps, steps.warmup_steps, steps.decay_steps, steps.learning_rate),)


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{where}: unknown setting {unknown[0]!r}; known are {sorted(known)}")
    check_values(kind, values, where)
    try:
        return kind(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        )
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from error


# Tables of a recipe: [name] or, where it may stand several times, [[name]].
TABLES: dict[str, type] = {"vocabulary": Vocabulary, "optimisation": Optimisation, "warm_start": WarmStart}
LISTS: dict[str, type] = {"data": DataSet, "stage": Stage, "text": RunningText}


def _read(path: Path, settings: Sequence[str], kind: type, sizes: type, needed: tuple[str, ...]) -> Any:
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    apply_settings(values, settings)
    for name in needed:
        if name not in values:
            raise ValueError(f"{path}: the table [{name}] is missing")
    for name, table in {**TABLES, "model": sizes}.items():
        if name in values:
            values[name] = _build(table, values[name], f"{path}, [{name}]")
    for name, table in LISTS.items():
        if name in values:
            values[name] = [_build(table, entry, f"{path}, [[{name}]]") for entry in values[name]]
    return _build(kind, values, str(path))


def read_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe; unknown, missing or clashing settings are a ValueError that names them.

    `settings` ("table.key=value", see `apply_settings`) replace the file's.
    """
    recipe = _read(path, settings, Recipe, ModelSizes, ("optimisation",))
    check_recipe(recipe)
    return recipe


def read_pretraining_recipe(path: Path, settings: Sequence[str] = ()) -> PretrainingRecipe:
    """As `read_recipe`, for the recipes of `pretrain`."""
    recipe = _read(path, settings, PretrainingRecipe, BaseSizes, ("vocabulary", "model", "optimisation"))
    check_pretraining(recipe)
    return recipe


def read_any_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe | PretrainingRecipe:
    """A recipe of either kind; one with [[text]] tables is for `pretrain`."""
    with path.open("rb") as file:
        pretrains = "text" in tomllib.load(file)
    return read_pretraining_recipe(path, settings) if pretrains else read_recipe(path, settings)
