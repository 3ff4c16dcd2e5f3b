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
from bertgen.models.base import PreTrainedModel
from bertgen.models.bert import BertLMHeadModel, BertModel
from bertgen.models.bert_generation import BertGenerationDecoder, BertGenerationEncoder
from bertgen.models.encoder_decoder import EncoderDecoderModel
from bertgen.models.gpt2 import GPT2LMHeadModel
from bertgen.models.roberta import RobertaForCausalLM, RobertaModel
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
# The classes that BERT's weights can go into, and their model_type.
BERT_CLASSES = {"bert-generation": "bert-generation", "own": "bert"}
CLASSES = tuple(BERT_CLASSES)
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
    """The special tokens that a side is told about."""

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
    **kwargs: Any,
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
        **kwargs: revision, cache_dir, token, local_files_only ... for all checkpoints.

    The model's ``load_report`` tells where every weight came from and what is untrained. Raises
    ``ValueError`` on an unknown set-up or a missing checkpoint, ``OSError`` when one cannot be read.
    """
    chosen, sources = _chosen(setup, bert, roberta, gpt2)
    if classes not in CLASSES:
        raise ValueError(f"classes must be one of {CLASSES}, got {classes!r}")
    hub_kwargs = split_hub_kwargs(kwargs)
    if kwargs:
        raise TypeError(f"warm_start does not know {sorted(kwargs)}")
    # 1) is each checkpoint of the family that it is given as?
    for family, source in sources.items():
        _check_family(family, source, classes, hub_kwargs)
    # 2) the special ids that the decoder writes with; GPT-2 alone needs no more
    family = _family(chosen.decoder, sources)
    given = (decoder_start_token_id, eos_token_id, pad_token_id)
    ids = _special_ids(family, sources[family], given, hub_kwargs)
    if chosen.encoder is None:
        return _decoder_alone(sources["gpt2"], ids, hub_kwargs)
    # 3) the ids that the encoder reads with: another family's, where it is of another
    encoder_family, encoder_ids = _family(chosen.encoder, sources), ids
    if encoder_family != family:
        nothing_given = (None, None, None)
        encoder_ids = _special_ids(encoder_family, sources[encoder_family], nothing_given, hub_kwargs)
    # 4) both sides, loaded or at random, as one
    make = _Sides(setup.upper(), sources, classes, token_types, hub_kwargs)
    encoder = make.side("encoder", chosen.encoder, encoder_ids)
    decoder = make.side("decoder", chosen.decoder, ids)
    return _join(setup.upper(), chosen, encoder, decoder, ids)


def _join(
    name: str, chosen: Setup, encoder: PreTrainedModel, decoder: PreTrainedModel, ids: _Ids
) -> EncoderDecoderModel:
    """Both sides as one model, with the decoder's ids and a report of where everything came from."""
    settings = {"decoder_start_token_id": ids.start, "bos_token_id": ids.start}
    settings |= {"eos_token_id": ids.end, "pad_token_id": ids.pad, "tie_encoder_decoder": chosen.shared}
    # GPT-2 has one token for both: a mask that hides the padding would hide the start too.
    if ids.start == ids.pad:
        settings["keep_start_in_mask"] = True
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config, **settings)
    model = EncoderDecoderModel(config, encoder, decoder).eval()
    report = model.joined_report(encoder.load_report, decoder.load_report)
    report.remarks.insert(
        0, f"{name}: {_origin(encoder, chosen.encoder)} and {_origin(decoder, chosen.decoder)}"
    )
    report.remarks.append(f"special ids: start {ids.start}, end {ids.end}, padding {ids.pad}")
    if ids.start == ids.pad:
        report.remarks.append("start and padding are one token; keep_start_in_mask leaves the start visible")
    model.load_report = report
    return model


def _origin(side: PreTrainedModel, origin: str) -> str:
    """Where a side's weights come from, in words."""
    source = side.config.name_or_path
    if origin == RANDOM:
        source = "random weights"
    return f"{type(side).__name__} from {source}"


def _chosen(setup: str, bert: Any, roberta: Any, gpt2: Any) -> tuple[Setup, dict[str, str]]:
    """The set-up and its checkpoints by family; raises ``ValueError`` when they do not fit."""
    name = str(setup).upper()
    if name not in SETUPS:
        raise ValueError(f"unknown set-up {setup!r}; choose one of {sorted(SETUPS)}")
    chosen, given = SETUPS[name], {"bert": bert, "roberta": roberta, "gpt2": gpt2}
    sources = {family: str(source) for family, source in given.items() if source is not None}
    needed = chosen.families() or ["bert"]
    # A random side may take its sizes from a BERT that is not read otherwise.
    allowed = set(needed)
    if RANDOM in (chosen.encoder, chosen.decoder):
        allowed.add("bert")
    missing = [family for family in needed if family not in sources]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(f'{family}=...' for family in missing)}")
    unused = sorted(set(sources) - allowed)
    if unused:
        raise ValueError(f"{name} reads {' and '.join(needed)}, not {' and '.join(unused)}")
    return chosen, sources


def _check_family(family: str, source: str, classes: str, hub_kwargs: dict[str, Any]) -> None:
    """Raises ``ValueError`` when a checkpoint is of another family than it is given as."""
    found = PretrainedConfig.get_config_dict(source, **hub_kwargs)[0].get("model_type", family)
    fits = {family}
    if family == "bert":
        fits.add(BERT_CLASSES[classes])
    if found not in fits:
        raise ValueError(
            f"{family}={source!r} is of model_type {found!r}; expected {' or '.join(sorted(fits))}"
        )


def _family(origin: str | None, sources: dict[str, str]) -> str:
    """The family whose vocabulary a side has; a random one takes BERT's, else the one that is there."""
    if origin not in (None, RANDOM):
        return origin
    if "bert" in sources:
        return "bert"
    return next(iter(sources))


def _special_ids(family: str, source: str, given: tuple[int | None, ...], hub_kwargs: dict[str, Any]) -> _Ids:
    """Start, end and padding: as given, else the tokenizer's, else the config's."""
    found: tuple[int | None, ...] = given
    if None in found:
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **hub_kwargs)
            known = [getattr(tokenizer, name) for name in _SPECIAL[type(tokenizer).__name__]]
        except OSError:  # a checkpoint without its tokenizer
            config = _KINDS[family][1].config_class.from_pretrained(source, **hub_kwargs)
            known = [config.bos_token_id, config.eos_token_id, config.pad_token_id]
            if config.pad_token_id is None:
                known[2] = config.eos_token_id
        pairs = zip(given, known, strict=True)
        found = tuple(known_id if given_id is None else given_id for given_id, known_id in pairs)
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
    hub_kwargs: dict[str, Any]

    def side(self, role: str, origin: str, ids: _Ids) -> PreTrainedModel:
        """An encoder or a decoder, loaded or random, its config told its role and its special ids."""
        # 1) its class and its config
        family = _family(origin, self.sources)
        name = BERT_CLASSES[self.classes] if family == "bert" else family
        kind = _KINDS[name][role == "decoder"]
        if kind is None:
            # GPT-2 is no encoder: a random one beside it has its sizes.
            kind = _KINDS[BERT_CLASSES[self.classes]][0]
            config = self._sizes_of_gpt2(kind.config_class)
        else:
            config = kind.config_class.from_pretrained(self.sources[family], **self.hub_kwargs)
        # 2) its role and its special ids
        special = {"bos_token_id": ids.start, "eos_token_id": ids.end, "pad_token_id": ids.pad}
        if kind is GPT2LMHeadModel:  # its table has no row for padding
            special["pad_token_id"] = None
        config.update({**_FLAGS[role], **special})
        # 3) its weights: of the checkpoint
        if origin != RANDOM:
            options = {}
            if name == "bert-generation":
                options["token_types"] = self.token_types
            return kind.from_pretrained(self.sources[family], config=config, **options, **self.hub_kwargs)
        # or at random: only the sizes were the checkpoint's
        config._name_or_path = ""
        model, report = kind(config), LoadReport()
        for key, _ in model.named_parameters():
            report.add(key, "initialised", f"the {role} of {self.setup} starts at random")
        model.load_report = report
        return model.eval()

    def _sizes_of_gpt2(self, kind: type[PretrainedConfig]) -> BertConfig | BertGenerationConfig:
        size = GPT2Config.from_pretrained(self.sources["gpt2"], **self.hub_kwargs)
        return kind(
            vocab_size=size.vocab_size,
            hidden_size=size.n_embd,
            num_hidden_layers=size.n_layer,
            num_attention_heads=size.n_head,
            intermediate_size=size.n_inner or 4 * size.n_embd,
            max_position_embeddings=size.n_positions,
        )


def _decoder_alone(source: str, ids: _Ids, hub_kwargs: dict[str, Any]) -> GPT2LMHeadModel:
    """GPT-2 with the special ids in both of its configs."""
    model = GPT2LMHeadModel.from_pretrained(source, **hub_kwargs)
    model.config.update({"bos_token_id": ids.start, "eos_token_id": ids.end, "pad_token_id": ids.pad})
    settings = model.generation_config
    settings.update(bos_token_id=ids.start, eos_token_id=ids.end, pad_token_id=ids.pad)
    model.load_report.remarks.insert(0, f"GPT: {_origin(model, 'gpt2')}, a decoder alone")
    return model


def warm_start_tokenizer(
    setup: str,
    *,
    bert: str | os.PathLike | None = None,
    roberta: str | os.PathLike | None = None,
    gpt2: str | os.PathLike | None = None,
    **kwargs: Any,
) -> Any:
    """The tokenizer of a set-up's checkpoints: the encoder's, with the decoder's as ``decoder_tokenizer``
    where that has another vocabulary. GPT-2's pads with its end token. Arguments as for ``warm_start``."""
    chosen, sources = _chosen(setup, bert, roberta, gpt2)
    hub_kwargs = split_hub_kwargs(kwargs)
    first, second = _family(chosen.encoder, sources), _family(chosen.decoder, sources)
    tokenizer = _tokenizer(first, sources[first], hub_kwargs)
    if second != first:
        tokenizer.decoder_tokenizer = _tokenizer(second, sources[second], hub_kwargs)
    return tokenizer


def _tokenizer(family: str, source: str, hub_kwargs: dict[str, Any]) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(source, **hub_kwargs)
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
    sides = [model.config, model.config]
    if model.config.is_encoder_decoder:
        sides = [model.config.encoder, model.config.decoder]
    target = getattr(tokenizer, "decoder_tokenizer", None) or tokenizer
    for side, name, config in zip((tokenizer, target), ("encoder", "decoder"), sides, strict=True):
        if len(side) > config.vocab_size:
            raise ValueError(
                f"the tokenizer has {len(side)} tokens but the {name} {config.vocab_size} rows; make it with "
                "warm_start_tokenizer from the same checkpoints, or call resize_token_embeddings"
            )
    model.save_pretrained(folder, **kwargs)
    tokenizer.save_pretrained(folder)
