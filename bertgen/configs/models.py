"""The configurations of this library's models.

Mutable attribute bags, as users of the ecosystem expect, checked where they are used. The field names, the
defaults and the layout of ``config.json`` are those of transformers 4.37.2, so
that files written here load there and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from bertgen.configs.base import PretrainedConfig
from bertgen.configs.checks import check_keywords
from bertgen.errors import Trouble


class BertGenerationConfig(PretrainedConfig):
    """Configuration of ``BertGenerationEncoder`` and ``BertGenerationDecoder``.

    Fields and defaults are those of the reference; the defaults are the published 24-layer size.
    """

    model_type = "bert-generation"

    def __init__(
        self,
        vocab_size: int = 50358,
        hidden_size: int = 1024,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 16,
        intermediate_size: int = 4096,
        hidden_act: str | Callable = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 2,
        eos_token_id: int | None = 1,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs
        )
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache


class BertConfig(PretrainedConfig):
    """Configuration of ``BertModel`` and ``BertLMHeadModel``; the defaults are BERT base, uncased."""

    model_type = "bert"

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str | Callable = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pad_token_id=pad_token_id, **kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.position_embedding_type = position_embedding_type
        self.use_cache = use_cache
        self.classifier_dropout = classifier_dropout


class RobertaConfig(BertConfig):
    """Configuration of ``RobertaModel`` and ``RobertaForCausalLM``: BERT's fields with its own defaults.

    Positions count from ``pad_token_id + 1``, so ``max_position_embeddings`` 514 holds 512 tokens.
    """

    model_type = "roberta"

    def __init__(
        self,
        vocab_size: int = 50265,
        *args: Any,
        pad_token_id: int | None = 1,
        bos_token_id: int | None = 0,
        eos_token_id: int | None = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocab_size,
            *args,
            pad_token_id=pad_token_id,
            bos_token_id=bos_token_id,
            eos_token_id=eos_token_id,
            **kwargs,
        )


class GPT2Config(PretrainedConfig):
    """Configuration of ``GPT2Model`` and ``GPT2LMHeadModel``; the defaults are the smallest GPT-2.

    The common names (``hidden_size``, ``num_hidden_layers``, ...) read and set GPT-2's own fields.
    """

    model_type = "gpt2"
    attribute_map: ClassVar[dict[str, str]] = {
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    }

    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        n_inner: int | None = None,
        activation_function: str = "gelu_new",
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
        layer_norm_epsilon: float = 1e-5,
        initializer_range: float = 0.02,
        summary_type: str = "cls_index",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        scale_attn_weights: bool = True,
        use_cache: bool = True,
        bos_token_id: int | None = 50256,
        eos_token_id: int | None = 50256,
        scale_attn_by_inverse_layer_idx: bool = False,
        reorder_and_upcast_attn: bool = False,
        **kwargs: Any,
    ) -> None:
        # First, under GPT-2's own names, which the common ones stand for.
        self.vocab_size = vocab_size
        self.n_positions = n_positions
        self.n_embd = n_embd
        self.n_layer = n_layer
        self.n_head = n_head
        self.n_inner = n_inner
        self.activation_function = activation_function
        self.resid_pdrop = resid_pdrop
        self.embd_pdrop = embd_pdrop
        self.attn_pdrop = attn_pdrop
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range
        self.summary_type = summary_type
        self.summary_use_proj = summary_use_proj
        self.summary_activation = summary_activation
        self.summary_proj_to_labels = summary_proj_to_labels
        self.summary_first_dropout = summary_first_dropout
        self.scale_attn_weights = scale_attn_weights
        self.use_cache = use_cache
        self.scale_attn_by_inverse_layer_idx = scale_attn_by_inverse_layer_idx
        self.reorder_and_upcast_attn = reorder_and_upcast_attn
        # Last, since a common name among the keywords (hidden_size=...) overwrites what is set above.
        super().__init__(bos_token_id=bos_token_id, eos_token_id=eos_token_id, **kwargs)


# By model_type: what a side of an encoder-decoder may be.
CONFIG_CLASSES: dict[str, type[PretrainedConfig]] = {
    kind.model_type: kind for kind in (BertGenerationConfig, BertConfig, RobertaConfig, GPT2Config)
}


class EncoderDecoderConfig(PretrainedConfig):
    """Configuration of ``EncoderDecoderModel``: holds the two sub-configs as ``encoder`` and ``decoder``."""

    model_type = "encoder-decoder"
    is_composition = True

    def __init__(self, **kwargs: Any) -> None:
        encoder, decoder = kwargs.pop("encoder", None), kwargs.pop("decoder", None)
        super().__init__(**kwargs)
        # Both are needed; what is common to them stands in each, not here.
        if encoder is None or decoder is None:
            raise Trouble("config.two_sides")
        self.encoder = self._sub_config(encoder)
        self.decoder = self._sub_config(decoder)
        self.is_encoder_decoder = True

    @staticmethod
    def _sub_config(config: PretrainedConfig | dict[str, Any]) -> PretrainedConfig:
        """The config of a side: a ready one as it is, a dict by the class of its ``model_type``."""
        if isinstance(config, PretrainedConfig):
            return config
        check_keywords(EncoderDecoderConfig, config)
        fields = dict(config)
        kind = fields.pop("model_type", "")
        if not isinstance(kind, str) or kind not in CONFIG_CLASSES:
            choices = ", ".join(sorted(CONFIG_CLASSES))
            raise Trouble("config.unknown_side", got=repr(kind), choices=choices)
        return CONFIG_CLASSES[kind](**fields)

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: PretrainedConfig, decoder_config: PretrainedConfig, **kwargs: Any
    ) -> EncoderDecoderConfig:
        """Joins two configs; the decoder's becomes a decoder with cross-attention (changed in place)."""
        # What cross-attention needs, whatever the decoder's checkpoint was.
        decoder_config.is_decoder = True
        decoder_config.add_cross_attention = True
        return cls(encoder=encoder_config.to_dict(), decoder=decoder_config.to_dict(), **kwargs)
