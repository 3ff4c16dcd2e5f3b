"""What is wrong with a checkpoint, in plain words, and what to do next: the one place where this is said.

A ``Refusal`` is an error. A warning (``warnings_of``) lets the checkpoint run, and stays
with every run of it.
"""

from __future__ import annotations

import re
from typing import Any

from bertgen import hub
from bertgen.errors import Trouble, WeightsMismatch
from bertgen.machine import is_out_of_memory
from bertgen.models.encoder_decoder import DECODERS, ENCODERS
from components.refusal import Refusal, parts_of_error
from components.strings import t

_HEAD = re.compile(r"(^|\.)(lm_head|cls\.predictions)\.(?!.*LayerNorm).*weight$")
# Rows that a tokenizer may have beyond the model's: special tokens that it appends and nobody writes.
_SPARE = 16


def check_config(config: dict[str, Any]) -> None:
    """Raises ``Refusal`` when a config.json is of a family that this page knows nothing of."""
    kind = model_type(config)
    if kind != "encoder-decoder":
        if kind not in ENCODERS and kind not in DECODERS:
            raise _unknown_family("refuse.family", kind)
        return
    for side, known in (("encoder", ENCODERS), ("decoder", DECODERS)):
        part = config.get(side)
        kind = None
        if isinstance(part, dict):
            kind = part.get("model_type")
        if kind not in known:
            raise _unknown_family(f"refuse.family_of_{side}", kind)


def model_type(config: dict[str, Any]) -> Any:
    """The family a config.json names; of one that names none, what its fields show."""
    if config.get("model_type"):
        return config["model_type"]
    if {"encoder", "decoder"} <= set(config):
        return "encoder-decoder"
    return None


def is_base(config: dict[str, Any]) -> bool:
    """Whether a config.json is that of a single model, from which an encoder-decoder can be warm-started."""
    return model_type(config) != "encoder-decoder"


def _unknown_family(key: str, kind: Any) -> Refusal:
    family = t("refuse.family.unnamed")
    if kind:
        family = t("refuse.family.named", name=repr(str(kind)[:60]))
    return Refusal(key, family=family, encoders=_list(ENCODERS), decoders=_list(DECODERS))


def _list(names: Any) -> str:
    return ", ".join(sorted(names))


def no_writer(name: str) -> Refusal:
    """For a base checkpoint that somebody wants to run."""
    return Refusal("refuse.no_writer", name=name)


def too_large(name: str, needed: int, limit: int) -> Refusal:
    """For a checkpoint that is larger than all the memory that models may take."""
    gigabytes = {"needed": f"{needed / 1e9:.2f}", "limit": f"{limit / 1e9:.2f}"}
    return Refusal("refuse.too_large", name=name, **gigabytes)


def busy(name: str) -> Refusal:
    """For a checkpoint whose room is taken by models that are writing."""
    return Refusal("refuse.busy", name=name)


def check_loaded(model: Any, source: Any, target: Any) -> None:
    """Raises ``Refusal`` when a loaded encoder-decoder cannot run with its tokenizers (source, target)."""
    # 1) Weights of another model altogether: nothing of the files was taken.
    report = model.load_report
    if report is not None and not report.keys("loaded"):
        raise Refusal("refuse.other_weights")
    # 2) A first token, or no text can begin.
    config = model.current_generation_config()
    if config.decoder_start_token_id is None and config.bos_token_id is None:
        raise Refusal("refuse.no_start")
    # 3) A row of the embeddings for every token that the tokenizers write.
    for side, part, tokenizer in (("encoder", model.encoder, source), ("decoder", model.decoder, target)):
        rows, known = part.config.vocab_size, len(tokenizer)
        if known > rows + _SPARE:
            numbers = {"known": f"{known:,}", "rows": f"{rows:,}"}
            raise Refusal("refuse.other_tokenizer", side=t(f"side.{side}"), **numbers)


def warnings_of(model: Any, source: Any, target: Any) -> tuple[str, ...]:
    """What a checkpoint that runs should not be trusted with: sentences that stay with its runs."""
    # 1) Weights that no file holds: a bias at zero does no harm, a matrix at random does.
    fresh = []
    if model.load_report is not None:
        fresh = model.load_report.keys("initialised")
    cross = [key for key in fresh if ".crossattention." in key or ".ln_cross_attn." in key]
    head = [key for key in fresh if _HEAD.search(key)]
    rest = [key for key in fresh if key not in cross and key not in head and not key.endswith(".bias")]
    found = []
    if cross:
        found.append(t("warning.cross"))
    if head:
        found.append(t("warning.head"))
    if rest:
        found.append(t("warning.weights", n=len(rest), first=rest[0]))
    # 2) A tokenizer that leaves a tenth of the embeddings unused.
    for side, part, tokenizer in (("encoder", model.encoder, source), ("decoder", model.decoder, target)):
        rows, known = part.config.vocab_size, len(tokenizer)
        if known < 0.9 * rows - _SPARE:
            numbers = {"known": f"{known:,}", "rows": f"{rows:,}"}
            found.append(t("warning.vocabulary", side=t(f"side.{side}"), **numbers))
    return tuple(found)


def hub_refusal(repo_id: str, error: OSError, token: Any = None) -> Refusal:
    """What went wrong with a Hub repository; the token, should a message hold it, is taken out."""
    for kind, key in _HUB:
        if isinstance(error, kind):
            return Refusal(key, name=repo_id)
    if isinstance(error, Trouble) and error.key == "hub.bad_token":
        return Refusal("refuse.hub_bad_token")
    # Another library may have put the token into its message.
    why, move = parts_of_error(error)
    if isinstance(token, str) and token:
        why, move = why.replace(token, "…"), move.replace(token, "…")
    return Refusal.saying(why, move or t("refuse.try_again"))


_HUB = (
    (hub.GatedRepository, "refuse.hub_gated"),
    (hub.RepositoryNotFound, "refuse.hub_not_found"),
    (hub.RevisionNotFound, "refuse.hub_no_revision"),
    (hub.HubUnreachable, "refuse.hub_unreachable"),
    (hub.BadHubName, "refuse.hub_name"),
    (hub.NoWeights, "refuse.hub_no_weights"),
)


def not_loaded(name: str, error: BaseException) -> Refusal:
    """Why a checkpoint could not be loaded, with a next move of ours where the library names none."""
    if isinstance(error, Refusal):
        return error
    if is_out_of_memory(error):
        return Refusal("refuse.no_memory", name=name)
    why, move = parts_of_error(error)
    if isinstance(error, WeightsMismatch):
        return Refusal.saying(" ".join(why.split()), t("refuse.one_checkpoint.move"))
    refusal = Refusal("refuse.not_loaded", name=name, error=why)
    if move:
        refusal = Refusal.saying(refusal.why, move)
    return refusal
