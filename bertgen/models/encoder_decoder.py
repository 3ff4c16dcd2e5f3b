"""EncoderDecoderModel: an encoder and a decoder that looks at it by cross-attention."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from bertgen.checkpoints import LoadReport, advise
from bertgen.configs.base import PretrainedConfig, split_hub_kwargs
from bertgen.configs.checks import builds_for_real, check_model_config
from bertgen.configs.models import EncoderDecoderConfig
from bertgen.errors import Trouble
from bertgen.layers.arguments import mean_loss, shift_tokens_right
from bertgen.layers.cache import KVCache, LegacyCache
from bertgen.layers.outputs import BaseModelOutputWithPoolingAndCrossAttentions, Seq2SeqLMOutput, as_output
from bertgen.models.base import GenerativeModel, PreTrainedModel
from bertgen.models.bert import BertLMHeadModel, BertModel
from bertgen.models.bert_generation import BertGenerationDecoder, BertGenerationEncoder
from bertgen.models.gpt2 import GPT2LMHeadModel
from bertgen.models.reference_writing import EncoderDecoderUtilities
from bertgen.models.roberta import RobertaForCausalLM, RobertaModel
from bertgen.models.transformer import first_given

# By model_type: a new family joins an encoder-decoder with a line in each of these.
ENCODERS: dict[str, type[PreTrainedModel]] = {
    "bert-generation": BertGenerationEncoder,
    "bert": BertModel,
    "roberta": RobertaModel,
}
DECODERS: dict[str, type[GenerativeModel]] = {
    "bert-generation": BertGenerationDecoder,
    "bert": BertLMHeadModel,
    "roberta": RobertaForCausalLM,
    "gpt2": GPT2LMHeadModel,
}


class EncoderDecoderModel(EncoderDecoderUtilities, GenerativeModel):
    """Any encoder and any decoder; joined by a projection when their widths differ."""

    config_class = EncoderDecoderConfig
    base_model_prefix = "encoder_decoder"
    main_input_name = "input_ids"

    def __init__(
        self,
        config: EncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: GenerativeModel | None = None,
    ) -> None:
        if config is None and (encoder is None or decoder is None):
            raise ValueError("give a config, or both an encoder and a decoder")
        if config is None:
            config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config)
        if not isinstance(config, EncoderDecoderConfig):
            raise ValueError(f"config must be an EncoderDecoderConfig, got {type(config).__name__}")
        cross_width = config.decoder.cross_attention_hidden_size
        if cross_width is not None and cross_width != config.encoder.hidden_size:
            raise ValueError(
                f"decoder.cross_attention_hidden_size is {cross_width} but the encoder's hidden_size is "
                f"{config.encoder.hidden_size}; they must be equal, or the former None"
            )
        super().__init__(config)
        check_model_config(config)  # its own fields; each side checks its own config when it is built

        # 1) the sides: given, or new ones
        self.encoder = encoder or _class_of(ENCODERS, "encoder", config.encoder.model_type)(config.encoder)
        self.decoder = decoder or _class_of(DECODERS, "decoder", config.decoder.model_type)(config.decoder)
        if self.encoder.get_output_embeddings() is not None:
            raise ValueError("the encoder has an LM head; give the bare model, such as BertGenerationEncoder")
        # One config for a side and for its part of the joint one: what is set on one is seen by the other.
        self.encoder.config, self.decoder.config = config.encoder, config.decoder
        self.decoder.base_model.config = config.decoder
        # 2) what joins them, where their widths differ
        if config.encoder.hidden_size != config.decoder.hidden_size and cross_width is None:
            self.enc_to_dec_proj = nn.Linear(config.encoder.hidden_size, config.decoder.hidden_size)
            if builds_for_real():
                self._init_weights(self.enc_to_dec_proj)

        # 3) what they share. (A decoder that was built here has tied its head; a given one is tied again,
        # in case the joint config says otherwise than its own did.)
        if decoder is not None:
            decoder.tie_weights()
        if config.tie_encoder_decoder:
            self._share_layers()

    def _init_weights(self, module: nn.Module) -> None:
        # A module belongs to whichever side holds it; both sides use the same rule with their own spread.
        side = self.encoder
        if any(m is module for m in self.decoder.modules()):
            side = self.decoder
        side._init_weights(module)

    def tie_weights(self) -> None:
        """Ties the decoder's head and, with ``config.tie_encoder_decoder``, the encoder to the decoder.

        Every weight and bias of the encoder is replaced by the decoder's Parameter of the same path;
        cross-attention stays the decoder's own (the paper's BERTSHARE).
        """
        self.decoder.tie_weights()
        if self.config.tie_encoder_decoder:
            self._share_layers()

    def _share_layers(self) -> None:
        decoder_modules = dict(self.decoder.base_model.named_modules())
        for path, module in self.encoder.named_modules():
            if path.startswith("pooler"):  # a decoder has none
                continue
            for name, parameter in list(module.named_parameters(recurse=False)):
                other = getattr(decoder_modules.get(path), name, None)
                if other is None or other.shape != parameter.shape:
                    raise ValueError(
                        f"tie_encoder_decoder: the decoder has no {path}.{name} of shape "
                        f"{tuple(parameter.shape)}; sharing needs encoder and decoder of one shape"
                    )
                setattr(module, name, other)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.encoder.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Linear | None:
        return self.decoder.get_output_embeddings()

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.encoder.set_input_embeddings(value)

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.decoder.set_output_embeddings(new_embeddings)

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: str | os.PathLike | None = None,
        decoder_pretrained_model_name_or_path: str | os.PathLike | None = None,
        **kwargs: Any,
    ) -> EncoderDecoderModel:
        """A warm start: both sides from checkpoints, cross-attention freshly initialised.

        ``encoder_*`` and ``decoder_*`` keywords go to the two configs, ``encoder_model=`` /
        ``decoder_model=`` give ready models, the rest goes to the joint config.
        """
        # 1) whose keywords these are
        encoder_kwargs = _take_prefixed(kwargs, "encoder_")
        decoder_kwargs = _take_prefixed(kwargs, "decoder_")
        # 2) the sides, each told its role where its config is read from a file
        encoder = encoder_kwargs.pop("model", None)
        if encoder is None:
            flags = {"is_decoder": False, "add_cross_attention": False}
            encoder = _load_side(
                ENCODERS, "encoder", encoder_pretrained_model_name_or_path, flags, encoder_kwargs
            )
        decoder = decoder_kwargs.pop("model", None)
        if decoder is None:
            flags = {"is_decoder": True, "add_cross_attention": True}
            decoder = _load_side(
                DECODERS, "decoder", decoder_pretrained_model_name_or_path, flags, decoder_kwargs
            )
        # 3) both as one
        config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder.config, **kwargs)
        model = cls(encoder=encoder, decoder=decoder, config=config)
        # 4) what happened to the weights, unless a side was never loaded
        if encoder.load_report and decoder.load_report:
            model.load_report = model.joined_report(encoder.load_report, decoder.load_report)
        return model

    def joined_report(self, encoder: LoadReport, decoder: LoadReport) -> LoadReport:
        """What happened to the weights of both sides, with what joining them did."""
        report = encoder.joined(decoder, "encoder.", "decoder.")
        if self.config.tie_encoder_decoder:
            # The encoder's weights gave way to the decoder's; a pooler has none to give way to.
            prefix = "decoder." + self.decoder.base_model_prefix
            names = {name for name, _ in self.encoder.named_parameters() if not name.startswith("pooler")}
            for place, row in enumerate(report.rows):
                name = row.key.removeprefix("encoder.")
                if name != row.key and name in names:
                    report.rows[place] = replace(row, what="tied", why=f"shares {prefix}.{name}")
        if hasattr(self, "enc_to_dec_proj"):
            why = "the sides differ in width: what joins them is untrained until fine-tuned"
            for name, _ in self.enc_to_dec_proj.named_parameters():
                report.add(f"enc_to_dec_proj.{name}", "initialised", why)
        advise(self, report)
        return report

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: KVCache | LegacyCache | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        keep_start_in_mask: bool | None = None,
        **kwargs: Any,
    ) -> tuple | Seq2SeqLMOutput:
        """Source ids [B, S] and labels [B, T] (-100 = ignored) or decoder_input_ids [B, T].

        With labels alone the decoder reads them shifted; the loss is their mean, itself unshifted.
        ``attention_mask`` masks the source for both sides; ``decoder_*`` keywords go to the decoder, others
        to the encoder (``position_ids="mask"``: see ``BertGenerationEncoder``). ``keep_start_in_mask``
        (default: ``config.keep_start_in_mask``, else False): see ``_inputs_of``.
        """
        wanted = {"output_attentions": output_attentions, "output_hidden_states": output_hidden_states}
        for_decoder = wanted | {"use_cache": use_cache, "past_key_values": past_key_values}
        for_decoder |= _take_prefixed(kwargs, "decoder_")
        # 1) the encoder's states, unless they are given
        if encoder_outputs is None:
            kwargs |= {"inputs_embeds": inputs_embeds, "return_dict": True}
            encoder_outputs = self.encoder(input_ids, attention_mask, **wanted, **kwargs)
        else:
            encoder_outputs = as_output(encoder_outputs)
        # 2) what the decoder reads
        if labels is not None and decoder_inputs_embeds is None:
            decoder_input_ids, decoder_attention_mask = self._inputs_of(
                labels, decoder_input_ids, decoder_attention_mask, keep_start_in_mask
            )
        if decoder_input_ids is None and decoder_inputs_embeds is None:
            raise ValueError("nothing to decode: give decoder_input_ids, decoder_inputs_embeds or labels")
        # 3) the decoder, which looks at those states
        output = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            encoder_hidden_states=self.project(encoder_outputs[0]),
            encoder_attention_mask=attention_mask,
            inputs_embeds=decoder_inputs_embeds,
            **(for_decoder | {"return_dict": True}),
        )
        # 4) the loss: the labels stand beside the logits already, since the inputs were shifted
        loss = None
        if labels is not None:
            loss = mean_loss(output.logits, labels, shift=False)
        if first_given(return_dict, self.config.use_return_dict):
            return _joint_output(loss, output, encoder_outputs)
        losses = () if loss is None else (loss,)
        return losses + output.to_tuple() + _tuple_of(encoder_outputs)

    def _inputs_of(
        self, labels: Tensor, given: Tensor | None, mask: Tensor | None, keep_start: bool | None
    ) -> tuple[Tensor, Tensor | None]:
        """Decoder ids and mask for labels: as given, else the shifted labels with pads masked.

        That mask hides a start token that equals the pad token as well, as the reference's does, though
        generation then sees it. ``keep_start`` leaves the first position visible.
        """
        if given is not None:
            _warn_of_copier(given, labels)
            return given, mask
        pad = self.config.pad_token_id
        ids = shift_tokens_right(labels, pad, self.config.decoder_start_token_id)
        if mask is None:
            mask = (ids != pad).long()
            if first_given(keep_start, getattr(self.config, "keep_start_in_mask", False)):
                mask[:, 0] = 1
        return ids, mask

    def project(self, memory: Tensor) -> Tensor:
        """Encoder states [B, S, C_enc] at the decoder's width [B, S, C_dec]."""
        if not hasattr(self, "enc_to_dec_proj"):
            return memory
        return self.enc_to_dec_proj(memory)


def _tuple_of(encoder: Any) -> tuple:
    """The encoder's plain tuple; an encoder without its pooler keeps the pooler's place, as None."""
    if isinstance(encoder, BaseModelOutputWithPoolingAndCrossAttentions) and encoder.pooler_output is None:
        return (encoder[0], None, *encoder.to_tuple()[1:])
    return encoder.to_tuple()


def _joint_output(loss: Tensor | None, decoder: Any, encoder: Any) -> Seq2SeqLMOutput:
    return Seq2SeqLMOutput(
        loss=loss,
        logits=decoder.logits,
        past_key_values=decoder.past_key_values,
        decoder_hidden_states=decoder.hidden_states,
        decoder_attentions=decoder.attentions,
        cross_attentions=decoder.cross_attentions,
        encoder_last_hidden_state=encoder.last_hidden_state,
        encoder_hidden_states=encoder.hidden_states,
        encoder_attentions=encoder.attentions,
    )


def _class_of(classes: dict[str, Any], side: str, model_type: str, name: Any = "the config") -> Any:
    if model_type not in classes:
        choices = ", ".join(sorted(classes))
        raise Trouble("config.other_side", name=str(name), got=repr(model_type), side=side, choices=choices)
    return classes[model_type]


def _take_prefixed(kwargs: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): kwargs.pop(key) for key in list(kwargs) if key.startswith(prefix)}


def _load_side(
    classes: dict[str, type[PreTrainedModel]],
    side: str,
    name: str | os.PathLike | None,
    flags: dict[str, bool],
    kwargs: dict[str, Any],
) -> Any:
    """A side by its name; its class goes by the model_type, ``flags`` are set in a config from a file."""
    if name is None:
        raise ValueError(f"give {side}_pretrained_model_name_or_path or {side}_model")
    config, hub_kwargs = kwargs.pop("config", None), split_hub_kwargs(kwargs)
    # A config that is given says itself what the side is.
    if config is None:
        data, _ = PretrainedConfig.get_config_dict(name, **hub_kwargs)
        kind = _class_of(classes, side, data.get("model_type", "bert-generation"), name)
        config, kwargs = kind.config_class.from_dict(
            {**data, "_name_or_path": str(name)}, return_unused_kwargs=True, **kwargs
        )
        for flag, value in flags.items():
            setattr(config, flag, value)
    kind = _class_of(classes, side, config.model_type, name)
    return kind.from_pretrained(name, config=config, **hub_kwargs, **kwargs)


def _warn_of_copier(decoder_input_ids: Tensor, labels: Tensor) -> None:
    if labels.shape[1] > 1 and torch.equal(decoder_input_ids, labels):
        warnings.warn(
            "decoder_input_ids equal labels: the loss is unshifted, so the decoder learns to repeat the "
            "token it reads and generates nothing useful. Pass labels alone; shifting them gives the inputs.",
            UserWarning,
            stacklevel=3,
        )
