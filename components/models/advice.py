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

NOISY_CROSS = (
    "This checkpoint's cross-attention is untrained (its files hold none): its cross-attention maps are "
    "noise, and the text does not follow the source. Fine-tune it first."
)
NOISY_HEAD = (
    "This checkpoint has no trained LM head (its files hold none): the words it writes are noise. "
    "Fine-tune it first."
)
_HEAD = re.compile(r"(^|\.)(lm_head|cls\.predictions)\.(?!.*LayerNorm).*weight$")
# Rows that a tokenizer may have beyond the model's: special tokens that it appends and nobody writes.
_SPARE = 16


def check_config(config: dict[str, Any]) -> None:
    """Raises ``Refusal`` when a config.json is of a family that this page knows nothing of."""
    kind = model_type(config)
    if kind != "encoder-decoder":
        if kind not in ENCODERS and kind not in DECODERS:
            raise _unknown_family(kind)
        return
    for side, known in (("encoder", ENCODERS), ("decoder", DECODERS)):
        part = config.get(side)
        kind = None
        if isinstance(part, dict):
            kind = part.get("model_type")
        if kind not in known:
            raise _unknown_family(kind, f"its {side} is ")


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


def _unknown_family(kind: Any, whose: str = "") -> Refusal:
    named = "of a family that config.json does not name"
    if kind:
        named = f"of the family {str(kind)[:60]!r}"
    return Refusal(
        f"{whose or 'this model is '}{named}, which is not built in here",
        f"choose an encoder-decoder whose encoder is one of {_list(ENCODERS)} and whose decoder is one of "
        f"{_list(DECODERS)}",
    )


def _list(names: Any) -> str:
    return ", ".join(sorted(names))


def no_writer(name: str) -> Refusal:
    """For a base checkpoint that somebody wants to run."""
    return Refusal(
        f"{name} is a single encoder or decoder: it cannot read one text and write another",
        "warm-start an encoder-decoder from it (EncoderDecoderModel.from_encoder_decoder_pretrained), "
        "fine-tune that and open the result",
    )


def too_large(name: str, needed: int, limit: int) -> Refusal:
    """For a checkpoint that is larger than all the memory that models may take."""
    return Refusal(
        f"{name} takes {needed / 1e9:.2f} GB once loaded, more than the {limit / 1e9:.2f} GB that models may "
        "take here",
        "start the page with a higher --model-memory, or with --dtype bfloat16, which halves what it takes",
    )


def busy(name: str) -> Refusal:
    """For a checkpoint whose room is taken by models that are writing."""
    return Refusal(f"there is no room for {name} while other models are writing", "try again in a moment")


def check_loaded(model: Any, source: Any, target: Any) -> None:
    """Raises ``Refusal`` when a loaded encoder-decoder cannot run with its tokenizers (source, target)."""
    # 1) Weights of another model altogether: nothing of the files was taken.
    report = model.load_report
    if report is not None and not report.keys("loaded"):
        raise Refusal(
            "none of the weights in the files belongs to this model",
            "check that config.json and the weights are of one checkpoint, and save it again",
        )
    # 2) A first token, or no text can begin.
    config = model.current_generation_config()
    if config.decoder_start_token_id is None and config.bos_token_id is None:
        raise Refusal(
            "neither config.json nor generation_config.json names the token that the decoder starts with",
            "set model.config.decoder_start_token_id (BertGeneration: its bos, 2; BERT: [CLS], 101) and save "
            "the model again",
        )
    # 3) A row of the embeddings for every token that the tokenizers write.
    for side, part, tokenizer in (("encoder", model.encoder, source), ("decoder", model.decoder, target)):
        rows, known = part.config.vocab_size, len(tokenizer)
        if known > rows + _SPARE:
            raise Refusal(
                f"the tokenizer knows {known:,} tokens and the {side} has embeddings for {rows:,} only: it "
                "is another model's",
                "put the tokenizer files that belong to this model into its folder",
            )


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
        found.append(NOISY_CROSS)
    if head:
        found.append(NOISY_HEAD)
    if rest:
        found.append(
            f"{len(rest)} more weights are not in the files and were set at random, {rest[0]} the first: "
            "do not trust what it writes."
        )
    # 2) A tokenizer that leaves a tenth of the embeddings unused.
    for side, part, tokenizer in (("encoder", model.encoder, source), ("decoder", model.decoder, target)):
        rows, known = part.config.vocab_size, len(tokenizer)
        if known < 0.9 * rows - _SPARE:
            found.append(
                f"The tokenizer knows {known:,} tokens, the {side} has embeddings for {rows:,}: it may be "
                "another model's."
            )
    return tuple(found)


def hub_refusal(repo_id: str, error: OSError, token: Any = None) -> Refusal:
    """What went wrong with a Hub repository; the token, should a message hold it, is taken out."""
    for kind, why, move in _HUB:
        if isinstance(error, kind):
            return Refusal(why.format(repo_id), move)
    if isinstance(error, Trouble) and error.key == "hub.bad_token":
        return Refusal("the Hub does not accept this access token", "copy it again from your Hub account")
    # Another library may have put the token into its message.
    why, move = parts_of_error(error)
    if isinstance(token, str) and token:
        why, move = why.replace(token, "…"), move.replace(token, "…")
    return Refusal(why, move or "try again in a moment")


_HUB = (
    (
        hub.GatedRepository,
        "{} is gated: its owner wants to be asked first",
        "ask for access on its page on the Hub, then give your access token under “Revision and token”",
    ),
    (
        hub.RepositoryNotFound,
        "the Hub shows no repository {}",
        "check the spelling; if it is private, give your access token under “Revision and token”",
    ),
    (
        hub.RevisionNotFound,
        "{} has no such revision",
        "leave the revision empty for the newest, or take one that its page on the Hub lists",
    ),
    (
        hub.HubUnreachable,
        "the Hub cannot be reached from here, and {} is not in this machine's cache",
        "connect this machine (and unset HF_HUB_OFFLINE), or open a folder instead",
    ),
    (hub.BadHubName, "{} is no Hub id", "those look like owner/name"),
    (
        hub.NoWeights,
        "{} holds no weights that can be read here (model.safetensors or pytorch_model.bin)",
        "choose a repository with PyTorch weights",
    ),
)


def not_loaded(name: str, error: BaseException) -> Refusal:
    """Why a checkpoint could not be loaded, with a next move of ours where the library names none."""
    if isinstance(error, Refusal):
        return error
    if is_out_of_memory(error):
        return Refusal(
            f"{name} does not fit into this machine's free memory",
            "close other programs, or start the page with --dtype bfloat16, which halves what it takes",
        )
    why, move = parts_of_error(error)
    if isinstance(error, WeightsMismatch):
        return Refusal(" ".join(why.split()), "check that config.json and the weights are of one checkpoint")
    return Refusal(f"{name} cannot be loaded: {why}", move or "download or save the checkpoint again")
