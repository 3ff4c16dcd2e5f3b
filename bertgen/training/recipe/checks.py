"""What a recipe must not hold: settings of another type, and settings that clash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from bertgen.training.recipe.tables import DataSet, PretrainingRecipe, Recipe

SHARING = ("none", "all")
PRECISIONS = ("auto", "bf16", "fp32")
TASKS = ("translate", "split", "fuse", "summarize")
# Of a base: its packed rows are uint16.
LARGEST_VOCABULARY = 1 << 16
# What TOML may give for a field of a type: a float may be written without its point.
PLAIN: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (float, int), str: (str,)}


def check_values(kind: type, values: Mapping[str, Any], context: str) -> None:
    """ValueError for a number, text, list or true/false of another type than the dataclass `kind` says.

    "False" for false would be a text, and count as true. Messages begin with `context`.
    """
    wanted = get_type_hints(kind)
    for key, value in values.items():
        # 1) A single value.
        if get_origin(wanted[key]) is not tuple:
            _check_value(wanted[key], value, f"{context}: {key}")
            continue
        # 2) A list: its length, unless the type leaves that open, then its members.
        inner = get_args(wanted[key])
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{context}: {key} must be a list, got {value!r}")
        if Ellipsis not in inner and len(value) != len(inner):
            raise ValueError(f"{context}: {key} must have {len(inner)} values, got {value!r}")
        for each in value:
            _check_value(inner[0], each, f"{context}: every value of {key}")


def _check_value(wanted: Any, value: Any, what: str) -> None:
    allowed = PLAIN.get(wanted)
    # To Python true is an integer; to whoever writes a recipe it is not.
    is_wrong_bool = isinstance(value, bool) and wanted is not bool
    if allowed and (is_wrong_bool or not isinstance(value, allowed)):
        name = {bool: "true or false", str: "a text"}.get(wanted, f"a number ({wanted.__name__})")
        raise ValueError(f"{what} must be {name}, got {value!r}")


def _check_steps(recipe: Recipe | PretrainingRecipe) -> None:
    settings = recipe.optimisation
    if min(settings.accumulate, settings.validate_every, settings.batch_tokens) < 1:
        raise ValueError("optimisation: accumulate, validate_every and batch_tokens must be at least 1")
    if min(settings.patience, settings.keep_last, settings.clip_norm) < 0:
        raise ValueError("optimisation: patience, keep_last and clip_norm must be at least 0")
    precision = settings.precision
    if precision not in PRECISIONS:
        raise ValueError(f"optimisation.precision must be one of {PRECISIONS}, got {precision!r}")
    for stage in recipe.schedule:
        # A recipe may silence a stage with max_steps = 0; the run has to end with one that learns.
        skipped = stage.max_steps == 0 and stage is not recipe.schedule[-1]
        if not skipped and (stage.max_steps < 1 or stage.learning_rate <= 0):
            raise ValueError(
                f"stage {stage.name!r}: max_steps and learning_rate must be above 0; give them in "
                "[optimisation] or in [[stage]] tables (max_steps = 0 skips a stage, but not the last)"
            )
        if skipped:
            continue
        if stage.warmup_steps + stage.decay_steps > stage.max_steps:
            raise ValueError(
                f"stage {stage.name!r}: warmup_steps {stage.warmup_steps} + decay_steps {stage.decay_steps} "
                f"must not exceed max_steps {stage.max_steps}"
            )


def _check_sizes(recipe: Recipe) -> None:
    model, longest = recipe.model, max(recipe.longest_source, recipe.longest_target)
    if longest > recipe.optimisation.batch_tokens:
        raise ValueError("optimisation.batch_tokens must hold the longest row")
    if model is None:
        return
    if model.share_weights not in SHARING:
        raise ValueError(f"model.share_weights must be one of {SHARING}, got {model.share_weights!r}")
    if model.share_weights == "all" and model.encoder_layers != model.decoder_layers:
        raise ValueError("model.share_weights = 'all' needs as many encoder_layers as decoder_layers")
    if longest > model.max_position_embeddings:
        raise ValueError("longest_source and longest_target must not exceed model.max_position_embeddings")


def _check_start(recipe: Recipe) -> None:
    start = recipe.warm_start
    if start is None:
        for name in ("vocabulary", "model"):
            if getattr(recipe, name) is None:
                raise ValueError(
                    f"the table [{name}] is missing; give [vocabulary] and [model], or [warm_start]"
                )
        return
    if recipe.vocabulary is not None or recipe.model is not None:
        raise ValueError("[warm_start] brings its vocabulary and sizes: leave [vocabulary] and [model] out")
    if start.setup == "GPT":
        raise ValueError("[warm_start]: GPT is a decoder alone; choose a set-up with an encoder")
    if bool(start.model) == bool(start.setup):
        raise ValueError("[warm_start]: give either setup, with its checkpoints, or model")


def _check_data(entry: DataSet) -> None:
    context = f"[[data]] {entry.name}"
    if entry.carve and (len(entry.carve) != 2 or min(entry.carve) < 0):
        raise ValueError(f"{context}: carve is [valid, test], got {list(entry.carve)}")
    lists = entry.valid_references or entry.test_references
    if entry.carve and (entry.valid or entry.test or lists):
        raise ValueError(
            f"{context}: carve draws its own valid and test rows; with files of yours set carve = []"
        )
    if entry.swap and lists:
        raise ValueError(f"{context}: swap turns pairs round, which lists of references cannot be")


def check_recipe(recipe: Recipe) -> None:
    """ValueError for settings that clash."""
    # 1) The task, which the page and the scores go by; what the run starts from, its sizes, its steps.
    if recipe.task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {recipe.task!r}")
    _check_start(recipe)
    _check_sizes(recipe)
    _check_steps(recipe)
    # 2) The sets, the first of which is watched.
    names = [entry.name for entry in recipe.data]
    if not names:
        raise ValueError("a recipe needs at least one [[data]] table")
    if len(set(names)) < len(names):
        raise ValueError(f"every [[data]] table needs a name of its own, got {names}")
    for entry in recipe.data:
        _check_data(entry)
    if not (recipe.data[0].valid or recipe.data[0].carve):
        raise ValueError("the first [[data]] table needs `valid`: the run is watched on it")
    if recipe.no_repeat_ngram_size < 0:
        raise ValueError("no_repeat_ngram_size must be at least 0")
    # 3) The stages, which give the schedule where there are any.
    steps = recipe.optimisation
    if recipe.stage and (steps.max_steps or steps.warmup_steps or steps.decay_steps or steps.learning_rate):
        raise ValueError(
            "[optimisation]: max_steps, warmup_steps, decay_steps and learning_rate stand in [[stage]]"
        )
    for number, stage in enumerate(recipe.schedule):
        unknown = sorted(set(stage.shares or {}) - set(names))
        if unknown:
            raise ValueError(
                f"stage {stage.name!r}: no [[data]] table is called {unknown[0]!r}; there are {names}"
            )
        if not sum(recipe.shares(number)):
            raise ValueError(f"stage {stage.name!r} reads nothing: every share is 0")


def check_pretraining(recipe: PretrainingRecipe) -> None:
    """ValueError for settings that clash."""
    _check_steps(recipe)
    if recipe.row_length > recipe.model.max_position_embeddings:
        raise ValueError("row_length must not exceed model.max_position_embeddings")
    if recipe.row_length > recipe.optimisation.batch_tokens:
        raise ValueError("optimisation.batch_tokens must hold a row of row_length pieces")
    if any(length < 1 or recipe.row_length % length for length, _ in recipe.short_rows):
        raise ValueError(f"short_rows: every length must divide row_length, which is {recipe.row_length}")
    if recipe.vocabulary.size > LARGEST_VOCABULARY:
        raise ValueError(f"vocabulary.size must be at most {LARGEST_VOCABULARY:,}: rows are kept in 16 bits")
    if recipe.held_out < 1:
        raise ValueError("held_out must be at least 1: the run is watched on those paragraphs")
    if not 0 < recipe.masked_share < 1:
        raise ValueError(f"masked_share must lie between 0 and 1, got {recipe.masked_share}")
    if any(entry.repeat < 1 for entry in recipe.text):
        raise ValueError("[[text]]: repeat must be at least 1")
    if not any(entry.learn for entry in recipe.text):
        raise ValueError("a pre-training recipe needs at least one [[text]] table to learn from")
