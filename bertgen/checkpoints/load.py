"""A state dict into a model built on the meta device: rename, cast, tie, initialise what is missing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bertgen.checkpoints import report as R
from bertgen.checkpoints.report import LoadReport
from bertgen.errors import WeightsMismatch

# Older files call the layer norms' parameters as TensorFlow did.
_OLD_NAMES = (("gamma", "weight"), ("beta", "bias"))
_DROP_REASONS = (
    ("token_type_embeddings", 'BertGeneration has no token types; token_types="fold" keeps their row 0'),
    ("pooler.", "this model has no pooler"),
    ("cls.seq_relationship", "the next-sentence head has no place in a model that writes"),
    ("cls.", "the file's prediction head has no place in this model"),
    ("lm_head.", "the file's language-model head has no place in this model"),
)

# Masks and counters that old releases stored beside the weights; ignored by all readers.
_BUFFERS = ("position_ids", "token_type_ids", "attn.bias", "attention.bias", "masked_bias")


def load_into(
    model: nn.Module,
    state_dict: dict[str, Tensor],
    *,
    dtype: torch.dtype = torch.float32,
    ignore_mismatched_sizes: bool = False,
) -> LoadReport:
    """Fills ``model`` (on the meta device) with the tensors of ``state_dict`` and reports every key.

    The model comes tied, as its constructor leaves it, and stays so: parameters that are one object under
    several names are filled from any of them; where the file holds several, the last in the model's order
    wins, as when they are copied in turn. What the file lacks is initialised as in a new model. Raises
    ``RuntimeError`` on shapes that do not fit, unless ignored.
    """
    report = LoadReport()
    # 1) the file's names as the model has them
    tensors = _fit_prefix(model, _modern_names(state_dict), report)

    # 2) one Parameter after the other, each under all of its names at once
    modules = dict(model.named_modules())
    groups = _alias_groups(model)
    errors: list[str] = []
    missing: list[str] = []
    for names in groups:
        target = model.get_parameter(names[0])
        present = [name for name in names if name in tensors]
        source = _source(report, tensors, present, target, errors)
        if source is None:
            missing.append(names[0])
            value = torch.empty(target.shape, dtype=dtype, device="cpu")
        else:
            value = tensors[source].to(dtype)
        parameter = nn.Parameter(value, requires_grad=target.requires_grad)
        for name in names:
            path, _, leaf = name.rpartition(".")
            setattr(modules[path], leaf, parameter)
        _report_group(report, names, present, source)
    if errors and not ignore_mismatched_sizes:
        raise _mismatch(model, errors)

    # 3) what is in the file only, and what is in the model only
    _report_unexpected(report, tensors, {name for names in groups for name in names})
    _initialise(model, missing)
    return report


def _source(
    report: LoadReport, tensors: dict[str, Tensor], present: list[str], target: Tensor, errors: list[str]
) -> str | None:
    """The name that a Parameter is filled from; None, and a line in ``errors``, when the shape is another."""
    if not present:
        return None
    source = present[-1]
    if tensors[source].shape == target.shape:
        return source
    shapes = f"the file has {tuple(tensors[source].shape)}, the model {tuple(target.shape)}"
    errors.append(f"{source}: {shapes}")
    report.add(source, R.MISMATCHED, f"{shapes}; freshly initialised")
    return None


def fold_token_types(state_dict: dict[str, Tensor], report: LoadReport) -> dict[str, Tensor]:
    """BERT's weights with row 0 of the token types added to every word, for models without token types.

    BERT adds that row to each word of a text without a pair, so the sum is the same. A head that shares the
    table gets one number more for all words alike, which no probability sees. Other rows are lost.
    """
    types = [key for key in state_dict if key.endswith("embeddings.token_type_embeddings.weight")]
    folded = dict(state_dict)
    for key in types:
        words = key.replace("token_type_embeddings", "word_embeddings")
        if words in folded:
            rows, table = folded.pop(key), folded[words]
            # Added in float32 and rounded once, also where the file holds halves.
            folded[words] = (table.float() + rows[0].float()).to(table.dtype)
            lost = ""
            if len(rows) > 1:
                lost = f"; its other {len(rows) - 1} (for pairs) lost"
            report.add(key, R.LOADED, f"row 0 was added to every row of {words}{lost}")
    if not types:
        report.remarks.append("the file has no token types: there was nothing to fold")
    return folded


def _mismatch(model: nn.Module, errors: list[str]) -> WeightsMismatch:
    listed = errors[:8]
    if len(errors) > 8:
        listed.append(f"and {len(errors) - 8} more")
    return WeightsMismatch("weights.mismatch", model=type(model).__name__, listed="\n  ".join(["", *listed]))


def _modern_names(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for key, value in state_dict.items():
        for old, new in _OLD_NAMES:
            if old in key:
                key = key.replace(old, new)
        renamed[key] = value
    return renamed


def _fit_prefix(model: nn.Module, tensors: dict[str, Tensor], report: LoadReport) -> dict[str, Tensor]:
    """An encoder file goes into a decoder's base model; a decoder file's prefix is cut for an encoder."""
    prefix = getattr(model, "base_model_prefix", "")
    if not prefix or not tensors:
        return tensors
    # A model with a head has the bare one as a child; its files have the prefix before the bare one's keys.
    in_file = any(key.startswith(prefix) for key in tensors)
    has_child = prefix in dict(model.named_children())
    if has_child and not in_file:
        report.remarks.append(f"the file holds the bare model; it was loaded into .{prefix}")
        return {f"{prefix}.{key}": value for key, value in tensors.items()}
    if in_file and not has_child:
        cut = prefix + "."
        report.remarks.append(f"the file holds a model with a head; only its {cut}* part was taken")
        return {key.removeprefix(cut): value for key, value in tensors.items()}
    return tensors


def _alias_groups(model: nn.Module) -> list[list[str]]:
    """The names of each distinct Parameter, in the model's order."""
    # Tied weights are one object that several modules hold: that is how it is known which they are.
    groups: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), []).append(name)
    return list(groups.values())


def _report_group(report: LoadReport, names: list[str], present: list[str], source: str | None) -> None:
    if source is None:
        if not present:
            why = "not in the file"
            if ".crossattention." in names[0]:
                why = "cross-attention is not in the file: untrained, its maps are noise until fine-tuned"
            report.add(names[0], R.INITIALISED, why)
        return
    for name in names:
        if name == source or name in present:
            report.add(name, R.LOADED)
        else:
            report.add(name, R.TIED, f"shares {source}")


def _report_unexpected(report: LoadReport, tensors: dict[str, Tensor], known: set[str]) -> None:
    for key in tensors:
        if key in known:
            continue
        if key.endswith(_BUFFERS):
            continue
        reasons = [why for part, why in _DROP_REASONS if part in key]
        report.add(key, R.DROPPED, (*reasons, "the model has no such weight")[0])


def _initialise(model: nn.Module, names: list[str]) -> None:
    """Initialises modules that got nothing; a module with only some parameters missing keeps the others."""
    missing = set(names)
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        parameters = dict(module.named_parameters(recurse=False))
        absent = [name for name in parameters if prefix + name in missing]
        if not absent:
            continue
        # A module is initialised as a whole, so what the file held of it is put back afterwards.
        loaded = {name: p.detach().clone() for name, p in parameters.items() if name not in absent}
        if "weight" in parameters:
            model._init_weights(module)
        else:
            # A bare Parameter, such as the LM head's bias.
            for name in absent:
                nn.init.zeros_(parameters[name])
        with torch.no_grad():
            for name, value in loaded.items():
                parameters[name].copy_(value)
