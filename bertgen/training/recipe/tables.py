"""The tables of a recipe as frozen dataclasses; `reader` makes them from TOML, `checks` judges them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


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
    # Drop doubles, and training rows with a text that the recipe's sets hold out.
    clean: bool = False
    # [valid, test]: rows held out of `train`, at most a tenth each.
    carve: tuple[int, ...] = ()
    # Read targets as sources: fusing turned into splitting.
    swap: bool = False
    # Language of the targets: score BLEU on Moses tokens, lower-cased, as well.
    moses: str = ""
    # "test.tok.tsv"-like pattern with {split}: rows in WikiSplit's tokens, to score on as well.
    tokens: str = ""


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
    # One table while training; the files hold it on both sides.
    share_word_embeddings: bool = True
    # "all" is the paper's BERTSHARE.
    share_weights: str = "none"


@dataclass(frozen=True)
class BaseSizes:
    """Sizes of a base to pre-train, named as in BertGenerationConfig."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    max_position_embeddings: int
    hidden_act: str = "gelu"
    # Every row is read about once, so there is nothing to overfit.
    dropout: float = 0.0


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
        checkpoints = list(self.sources.values())
        if self.model:
            checkpoints.append(self.model)
        # A checkpoint that stands for several families is named once.
        return [_licence_of(source) for source in dict.fromkeys(checkpoints)]


def _licence_of(source: str) -> str:
    """Name and licence of a checkpoint that a run starts from."""
    profile = Path(source, "profile.json")
    licence = None
    if profile.is_file():
        licence = json.loads(profile.read_text("utf-8")).get("licence")
    if licence:
        return f"start {Path(source).name} ({licence})"
    return f"start {source} (see its card)"


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
    # Of weights and activations in a step: bf16, fp32, or auto, what the machine computes faster. The
    # optimiser's copy of the weights is float32.
    precision: str = "auto"
    # Of the running average of the weights, which stands beside the last ones.
    average_decay: float = 0.999
    # Batches a step and process: their gradients add up to one larger batch's.
    accumulate: int = 1
    # Validations without a better loss on the first set that end a stage; 0: none do.
    patience: int = 0
    # Weights of the last validations to store, for an average of them (export --weights kept).
    keep_last: int = 0
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
    # A start from nothing needs `vocabulary` and `model`, any other start `warm_start` alone.
    vocabulary: Vocabulary | None = None
    model: ModelSizes | None = None
    warm_start: WarmStart | None = None
    stage: tuple[Stage, ...] = ()
    examples: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # codes for the model card, such as "en"
    # Defaults of decoding, written to generation_config.json; tune them on valid.
    length_penalty: float = 1.0  # of beam searches; another than 1 makes beams the default
    # So many pieces in a row are written once only; 0 leaves that rule out.
    no_repeat_ngram_size: int = 0
    # Rows glued to others, see `batches.join_examples`.
    joined_share: float = 0.0
    # Alpha of other cuts of the words, anew each epoch; see `data.sampling`.
    subword_sampling: float = 0.0
    # Sources with typographic apostrophes, see `batches.curl_apostrophes`.
    curly_share: float = 0.0

    @property
    def licence(self) -> str:
        """Licences of all that the weights are derived from: the data, and the checkpoints of the start."""
        sources = [f"{entry.name}: {entry.licence}" for entry in self.data]
        if self.warm_start:
            sources += self.warm_start.licences
        return "; ".join(sources)

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The stages of the run; one where the recipe has no [[stage]] table."""
        return self.stage or _only_stage(self.optimisation)

    def shares(self, stage: int) -> list[float]:
        """The share of every set in a stage, in the order of `data`; unnamed sets rest."""
        named = self.schedule[stage].shares
        if named is None:
            return [entry.share for entry in self.data]
        return [named.get(entry.name, 0.0) for entry in self.data]

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
    # Last paragraphs of every text: never trained on, the loss is watched on them.
    held_out: int = 400

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
