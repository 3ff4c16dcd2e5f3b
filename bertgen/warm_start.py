"""The ten set-ups of Rothe et al. 2020 (https://arxiv.org/abs/1907.12461): starts from checkpoints.

    model = warm_start("BERTSHARE", bert="bert-base-uncased")
    tokenizer = warm_start_tokenizer("BERTSHARE", bert="bert-base-uncased")
    save_warm_start(model, tokenizer, "my-start")

All of them need fine-tuning: no checkpoint holds the cross-attention between the two sides.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from bertgen.checkpoints import LoadReport
from bertgen.configs.base import PretrainedConfig, split_hub_kwargs
from bertgen.configs.models import BertConfig, BertGenerationConfig, EncoderDecoderConfig, GPT2Config
from bertgen.models import BertLMHeadModel, BertModel, GPT2LMHeadModel, RobertaForCausalLM, RobertaModel
from bertgen.models.base import PreTrainedModel
from bertgen.models.bert_generation import BertGenerationDecoder, BertGenerationEncoder
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.tokenizers import AutoTokenizer

RANDOM = "random"


@dataclass(frozen=True)
class Setup:
    """Where each side's weights come from: a family, or at random; ``shared``: both sides are one."""

    encoder: str | None
    decoder: str
    shared: bool = False

    def families(self) -> list[str]:
        """The families whose checkpoints the set-up reads."""
        return sorted({side for side in (self.encoder, self.decoder) if side not in (None, RANDOM)})


SETUPS: dict[str, Setup] = {
    "RND2RND": Setup(RANDOM, RANDOM),
    "BERT2RND": Setup("bert", RANDOM),
    "RND2BERT": Setup(RANDOM, "bert"),
    "BERT2BERT": Setup("bert", "bert"),
    "BERTSHARE": Setup("bert", "bert", shared=True),
    "ROBERTASHARE": Setup("roberta", "roberta", shared=True),
    "GPT": Setup(None, "gpt2"),
    "RND2GPT": Setup(RANDOM, "gpt2"),
    "BERT2GPT": Setup("bert", "gpt2"),
    "ROBERTA2GPT": Setup("roberta", "gpt2"),
}
CLASSES = ("bert-generation", "own")
# Class of (encoder, decoder) by family; BERT's weights go into BertGeneration's classes or into its own.
_KINDS: dict[str, tuple[Any, type[PreTrainedModel]]] = {
    "bert-generation": (BertGenerationEncoder, BertGenerationDecoder),
    "bert": (BertModel, BertLMHeadModel),
    "roberta": (RobertaModel, RobertaForCausalLM),
    "gpt2": (None, GPT2LMHeadModel),
}
# What each tokenizer calls the start, the end and the padding of a text.
_SPECIAL = {
    "BertTokenizer": ("cls_token_id", "sep_token_id", "pad_token_id"),
    "RobertaTokenizer": ("cls_token_id", "sep_token_id", "pad_token_id"),
    "BertGenerationTokenizer": ("bos_token_id", "eos_token_id", "pad_token_id"),
    "GPT2Tokenizer": ("bos_token_id", "eos_token_id", "eos_token_id"),
}
_FLAGS = {
    "encoder": {"is_decoder": False, "add_cross_attention": False},
    "decoder": {"is_decoder": True, "add_cross_attention": True},
}


@dataclass(frozen=True)
class _Ids:
    start: int
    end: int
    pad: int


def warm_start(
    setup: str,
    *,
    bert: str | os.PathLike | None = None,
    roberta: str | os.PathLike | None = None,
    gpt2: str | os.PathLike | None = None,
    classes: str = "bert-generation",
    token_types: str = "fold",
    decoder_start_token_id: int | None = None,
    eos_token_id: int | None = None,
    pad_token_id: int | None = None,
    **hub_kwargs: Any,
) -> EncoderDecoderModel | GPT2LMHeadModel:
    """A model of one of the paper's set-ups, ready for fine-tuning, in eval mode.

    Args:
        setup: one of ``SETUPS``; "GPT" is a decoder alone, the others encoder-decoders.
        bert, roberta, gpt2: folders or Hub ids of the checkpoints that the set-up reads. Random sides have
            the sizes and the vocabulary of ``bert`` (RND2GPT without it: of ``gpt2``).
        classes: what becomes of BERT: "bert-generation" (no token types, pooler and head transform), or
            "own" (``BertModel``, ``BertLMHeadModel``: everything is kept).
        token_types: with "bert-generation": "fold" adds BERT's row 0 to the word embeddings, so that the
            states stay BERT's; "drop" loses it, as the reference does.
        decoder_start_token_id, eos_token_id, pad_token_id: of the decoder; by default its tokenizer's
            ([CLS], [SEP], [PAD]; <s>, </s>, <pad>; <|endoftext|> for all three).
        **hub_kwargs: revision, cache_dir, token, local_files_only ... for all checkpoints.

    The model's ``load_report`` tells where every weight came from and what is untrained. Raises
    ``ValueError`` on an unknown set-up or a missing checkpoint, ``OSError`` when one cannot be read.
    """
    plan, sources = _plan(setup, bert, roberta, gpt2)
    if classes not in CLASSES:
        raise ValueError(f"classes must be one of {CLASSES}, got {classes!r}")
    where = split_hub_kwargs(hub_kwargs)
    if hub_kwargs:
        raise TypeError(f"warm_start does not know {sorted(hub_kwargs)}")
    for family, source in sources.items():
        _check_family(family, source, classes, where)
    family = _family(plan.decoder, sources)
    given = (decoder_start_token_id, eos_token_id, pad_token_id)
    ids = _special_ids(family, sources[family], given, where)
    if plan.encoder is None:
        return _decoder_alone(sources["gpt2"], ids, where)
    make = _Sides(setup.upper(), sources, classes, token_types, where)
    read = _family(plan.encoder, sources)
    own = ids if read == family else _special_ids(read, sources[read], (None,) * 3, where)
    encoder = make.side("encoder", plan.encoder, own)
    decoder = make.side("decoder", plan.decoder, ids)
    return _join(setup.upper(), plan, encoder, decoder, ids)


def _join(
    name: str, plan: Setup, encoder: PreTrainedModel, decoder: PreTrainedModel, ids: _Ids
) -> EncoderDecoderModel:
    settings = {"decoder_start_token_id": ids.start, "bos_token_id": ids.start}
    settings |= {"eos_token_id": ids.end, "pad_token_id": ids.pad, "tie_encoder_decoder": plan.shared}
    if ids.start == ids.pad:
        settings["keep_start_in_mask"] = True
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config, **settings)
    model = EncoderDecoderModel(config, encoder, decoder).eval()
    report = model.joined_report(encoder.load_report, decoder.load_report)
    report.remarks.insert(0, f"{name}: {_told(encoder, plan.encoder)} and {_told(decoder, plan.decoder)}")
    report.remarks.append(f"special ids: start {ids.start}, end {ids.end}, padding {ids.pad}")
    if ids.start == ids.pad:
        report.remarks.append("start and padding are one token; keep_start_in_mask leaves the start visible")
    model.load_report = report
    return model


def _told(side: PreTrainedModel, origin: str) -> str:
    source = "random weights" if origin == RANDOM else side.config.name_or_path
    return f"{type(side).__name__} from {source}"


def _plan(setup: str, bert: Any, roberta: Any, gpt2: Any) -> tuple[Setup, dict[str, str]]:
    """The set-up and its checkpoints by family; raises ``ValueError`` when they do not fit."""
    name = setup.upper() if isinstance(setup, str) else setup
    if name not in SETUPS:
        raise ValueError(f"unknown set-up {setup!r}; choose one of {sorted(SETUPS)}")
    plan, given = SETUPS[name], {"bert": bert, "roberta": roberta, "gpt2": gpt2}
    sources = {family: str(source) for family, source in given.items() if source is not None}
    needed = plan.families() or ["bert"]
    allowed = {*needed, "bert"} if RANDOM in (plan.encoder, plan.decoder) else set(needed)
    missing = [family for family in needed if family not in sources]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(f'{family}=...' for family in missing)}")
    unused = sorted(set(sources) - allowed)
    if unused:
        raise ValueError(f"{name} reads {' and '.join(needed)}, not {' and '.join(unused)}")
    return plan, sources


def _check_family(family: str, source: str, classes: str, where: dict[str, Any]) -> None:
    """Raises ``ValueError`` when a checkpoint is of another family than it is given as."""
    found = PretrainedConfig.get_config_dict(source, **where)[0].get("model_type", family)
    fits = {family, classes} if family == "bert" and classes == "bert-generation" else {family}
    if found not in fits:
        raise ValueError(
            f"{family}={source!r} is of model_type {found!r}; expected {' or '.join(sorted(fits))}"
        )


def _family(origin: str | None, sources: dict[str, str]) -> str:
    """The family whose vocabulary a side has; a random one takes BERT's, else the one that is there."""
    if origin not in (None, RANDOM):
        return origin
    return "bert" if "bert" in sources else next(iter(sources))


def _special_ids(family: str, source: str, given: tuple[int | None, ...], where: dict[str, Any]) -> _Ids:
    """Start, end and padding: as given, else the tokenizer's, else the config's."""
    found: tuple[int | None, ...] = given
    if None in found:
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **where)
            known = [getattr(tokenizer, name) for name in _SPECIAL[type(tokenizer).__name__]]
        except OSError:  # a checkpoint without its tokenizer
            config = _KINDS[family][1].config_class.from_pretrained(source, **where)
            known = [config.bos_token_id, config.eos_token_id, config.pad_token_id]
            known[2] = known[1] if known[2] is None else known[2]
        found = tuple(a if a is not None else b for a, b in zip(given, known, strict=True))
    if None in found:
        raise ValueError(
            f"{source} holds no tokenizer that names its start, end and padding token; give "
            "decoder_start_token_id=, eos_token_id= and pad_token_id=, or add its vocabulary file"
        )
    return _Ids(*found)


@dataclass(frozen=True)
class _Sides:
    """Makes the sides of one set-up."""

    setup: str
    sources: dict[str, str]
    classes: str
    token_types: str
    where: dict[str, Any]

    def side(self, role: str, origin: str, ids: _Ids) -> PreTrainedModel:
        """An encoder or a decoder, loaded or random, its config told its role and its special ids."""
        family = _family(origin, self.sources)
        name = "bert-generation" if family == "bert" and self.classes == "bert-generation" else family
        kind = _KINDS[name][role == "decoder"]
        if kind is None:  # a random encoder beside GPT-2, of its sizes
            kind = BertGenerationEncoder if self.classes == "bert-generation" else BertModel
            config = self._sizes_of_gpt2(kind.config_class)
        else:
            config = kind.config_class.from_pretrained(self.sources[family], **self.where)
        marks = {"bos_token_id": ids.start, "eos_token_id": ids.end, "pad_token_id": ids.pad}
        if kind is GPT2LMHeadModel:  # its table has no row for padding
            marks["pad_token_id"] = None
        config.update({**_FLAGS[role], **marks})
        if origin != RANDOM:
            options = {"token_types": self.token_types} if name == "bert-generation" else {}
            return kind.from_pretrained(self.sources[family], config=config, **options, **self.where)
        config._name_or_path = ""
        model, report = kind(config), LoadReport()
        for key, _ in model.named_parameters():
            report.add(key, "initialised", f"the {role} of {self.setup} starts at random")
        model.load_report = report
        return model.eval()

    def _sizes_of_gpt2(self, kind: type[PretrainedConfig]) -> BertConfig | BertGenerationConfig:
        size = GPT2Config.from_pretrained(self.sources["gpt2"], **self.where)
        return kind(
            vocab_size=size.vocab_size,
            hidden_size=size.n_embd,
            num_hidden_layers=size.n_layer,
            num_attention_heads=size.n_head,
            intermediate_size=size.n_inner or 4 * size.n_embd,
            max_position_embeddings=size.n_positions,
        )


def _decoder_alone(source: str, ids: _Ids, where: dict[str, Any]) -> GPT2LMHeadModel:
    model = GPT2LMHeadModel.from_pretrained(source, **where)
    model.config.update({"bos_token_id": ids.start, "eos_token_id": ids.end, "pad_token_id": ids.pad})
    settings = model.generation_config
    settings.update(bos_token_id=ids.start, eos_token_id=ids.end, pad_token_id=ids.pad)
    model.load_report.remarks.insert(0, f"GPT: {_told(model, 'gpt2')}, a decoder alone")
    return model


def warm_start_tokenizer(
    setup: str,
    *,
    bert: str | os.PathLike | None = None,
    roberta: str | os.PathLike | None = None,
    gpt2: str | os.PathLike | None = None,
    **hub_kwargs: Any,
) -> Any:
    """The tokenizer of a set-up's checkpoints: the encoder's, with the decoder's as ``decoder_tokenizer``
    where that has another vocabulary. GPT-2's pads with its end token. Arguments as for ``warm_start``."""
    plan, sources = _plan(setup, bert, roberta, gpt2)
    where = split_hub_kwargs(hub_kwargs)
    first, second = _family(plan.encoder, sources), _family(plan.decoder, sources)
    tokenizer = _tokenizer(first, sources[first], where)
    if second != first:
        tokenizer.decoder_tokenizer = _tokenizer(second, sources[second], where)
    return tokenizer


def _tokenizer(family: str, source: str, where: dict[str, Any]) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(source, **where)
    if family == "gpt2" and tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def save_warm_start(
    model: EncoderDecoderModel | GPT2LMHeadModel, tokenizer: Any, folder: str | os.PathLike, **kwargs: Any
) -> None:
    """Writes the model and its tokenizer, the decoder's own one into ``decoder_tokenizer/``.

    Keywords are those of the model's ``save_pretrained``. Raises ``ValueError`` when a tokenizer has more
    tokens than its side has rows.
    """
    joint = model.config.is_encoder_decoder
    sides = [model.config.encoder, model.config.decoder] if joint else [model.config, model.config]
    target = getattr(tokenizer, "decoder_tokenizer", None) or tokenizer
    for side, name, config in zip((tokenizer, target), ("encoder", "decoder"), sides, strict=True):
        if len(side) > config.vocab_size:
            raise ValueError(
                f"the tokenizer has {len(side)} tokens but the {name} {config.vocab_size} rows; make it with "
                "warm_start_tokenizer from the same checkpoints, or call resize_token_embeddings"
            )
    model.save_pretrained(folder, **kwargs)
    tokenizer.save_pretrained(folder)
