"""What only callers of transformers 4.37.2 need: keywords of other back ends, and methods beside forward.

The models themselves are in ``base``, ``transformer`` and one file a family, which are read without this one.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bertgen.layers.arguments import expand_head_mask
from bertgen.layers.attention import additive_mask

# -- keywords of from_pretrained: ignored where harmless, else refused ---------------------------

# These change how the reference loads, not what is loaded.
_WITHOUT_EFFECT = (
    "low_cpu_mem_usage",  # always so: the model is built without memory and filled from the file
    "_fast_init",
    "_from_auto",
    "_from_pipeline",
    "_commit_hash",
    "mirror",
    "trust_remote_code",  # no code of a repository is ever run
    "offload_state_dict",
    "adapter_kwargs",
    "adapter_name",
)
_REFUSED = {
    "device_map": 'models are not split over devices; load it and call model.to("cuda")',
    "max_memory": "models are not split over devices",
    "offload_folder": "models are not split over devices",
    "load_in_8bit": "quantised weights need other kernels; torch_dtype=torch.float16 halves the memory",
    "load_in_4bit": "quantised weights need other kernels; torch_dtype=torch.float16 halves the memory",
    "quantization_config": "quantised weights need other kernels; torch_dtype=torch.float16 halves them",
    "from_tf": "TensorFlow checkpoints are not read; convert the file to safetensors first",
    "from_flax": "Flax checkpoints are not read; convert the file to safetensors first",
    "use_flash_attention_2": "torch's own fused attention is used wherever it can be",
    "variant": "weight files have their plain names here; rename the variant's file",
}
_ATTENTION = (None, "eager", "sdpa")


def take_load_options(kwargs: dict[str, Any]) -> None:
    """Takes these keywords out of ``kwargs``; raises ``NotImplementedError``, with the reason, on most.

    ``attn_implementation`` may be "eager" or "sdpa": both give the same numbers here, and the fused kernel is
    used wherever nobody asks for the weights.
    """
    for name in _WITHOUT_EFFECT:
        kwargs.pop(name, None)
    for name, why in _REFUSED.items():
        if kwargs.pop(name, None):
            raise NotImplementedError(f"{name} is not supported: {why}")
    wanted = kwargs.pop("attn_implementation", None)
    if wanted not in _ATTENTION:
        raise ValueError(f"attn_implementation {wanted!r} is unknown; choose one of {_ATTENTION[1:]}")


def take_old_checkpointing(model: Any) -> None:
    """Switches recomputing on where an old config says so, and takes the word out of the config."""
    wanted = model.config.gradient_checkpointing
    del model.config.gradient_checkpointing
    if wanted:
        model.gradient_checkpointing_enable()


# -- methods of every model ----------------------------------------------------------------------


class ModelUtilities:
    """Methods of the reference's models that need nothing but the module itself."""

    main_input_name: ClassVar[str] = "input_ids"
    framework: ClassVar[str] = "pt"
    is_parallelizable: ClassVar[bool] = False
    supports_gradient_checkpointing: ClassVar[bool] = True

    @property
    def base_model(self) -> nn.Module:
        """The transformer without its head; the model itself where there is none."""
        return getattr(self, self.base_model_prefix, self)

    @property
    def dummy_inputs(self) -> dict[str, Tensor]:
        """Three rows of five ids, enough for one forward."""
        return {"input_ids": torch.tensor([[7, 6, 0, 0, 1], [1, 2, 3, 0, 0], [0, 0, 0, 4, 5]])}

    @classmethod
    def can_generate(cls) -> bool:
        """Whether ``generate`` works: only with a language-model head."""
        return False

    def init_weights(self) -> None:
        """Initialises everything afresh, as a new model, and ties and prunes again."""
        self.post_init()

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """Only models with an LM head write; others raise ``TypeError``."""
        raise TypeError(
            f"{type(self).__name__} has no language-model head and cannot generate; use "
            "BertGenerationDecoder or EncoderDecoderModel"
        )

    # -- counting --------------------------------------------------------------------------------

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Number of distinct parameters; tied ones count once."""
        skipped = set()
        if exclude_embeddings:
            skipped = {f"{name}.weight" for name, m in self.named_modules() if isinstance(m, nn.Embedding)}
        return sum(
            p.numel()
            for name, p in self.named_parameters()
            if name not in skipped and (p.requires_grad or not only_trainable)
        )

    def get_memory_footprint(self, return_buffers: bool = True) -> int:
        """Bytes of the parameters, and of the buffers unless they are not asked for."""
        tensors = list(self.parameters())
        if return_buffers:
            tensors += self.buffers()
        return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)

    def estimate_tokens(self, input_dict: dict[str, Any]) -> int:
        """Number of ids in a batch, padding included; 0 without ids."""
        ids = input_dict.get(self.main_input_name)
        if ids is None:
            return 0
        return ids.numel()

    def floating_point_ops(self, input_dict: dict[str, Any], exclude_embeddings: bool = True) -> int:
        """About how many operations forward and backward take: 6 a token and weight (Kaplan et al. 2020)."""
        weights = self.num_parameters(exclude_embeddings=exclude_embeddings)
        return 6 * self.estimate_tokens(input_dict) * weights

    # -- masks -----------------------------------------------------------------------------------

    def invert_attention_mask(self, encoder_attention_mask: Tensor) -> Tensor:
        """A mask [B, S] or [B, T, S], 1 = look, as what is added to the scores [B, 1, 1 or T, S]."""
        if encoder_attention_mask.dim() not in (2, 3):
            raise ValueError(
                f"the mask has shape {tuple(encoder_attention_mask.shape)}; expected [batch, source] or "
                "[batch, target, source]"
            )
        # An axis for the heads, and for the queries where all see the same.
        mask = encoder_attention_mask[:, None]
        if encoder_attention_mask.dim() == 2:
            mask = mask[:, None]
        return additive_mask(mask, self.dtype)

    @staticmethod
    def create_extended_attention_mask_for_decoder(
        input_shape: tuple[int, int], attention_mask: Tensor, device: torch.device | None = None
    ) -> Tensor:
        """A decoder's mask [B, 1, T, K], 1 = look: what the mask [B, K] shows and is not ahead."""
        _, length = input_shape
        total = attention_mask.shape[1]
        # The queries are the last of the keys' positions.
        places = torch.arange(total, device=device or attention_mask.device)
        causal = (places[None] <= places[total - length :, None]).to(attention_mask.dtype)  # [T, past + T]
        return causal[None, None] * attention_mask[:, None, None, :]

    def get_extended_attention_mask(
        self,
        attention_mask: Tensor,
        input_shape: tuple[int, ...],
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """What a mask [B, K] or [B, T, K] adds to the scores [B, 1, 1 or T, K]; causal for a decoder."""
        if attention_mask.dim() not in (2, 3):
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)} for inputs of {tuple(input_shape)}; "
                "expected [batch, keys] or [batch, queries, keys]"
            )
        if attention_mask.dim() == 3:
            mask = attention_mask[:, None]
        elif self.config.is_decoder:
            mask = self.create_extended_attention_mask_for_decoder(input_shape, attention_mask, device)
        else:
            mask = attention_mask[:, None, None, :]
        return additive_mask(mask, dtype or self.dtype)

    def get_head_mask(
        self, head_mask: Tensor | None, num_hidden_layers: int, is_attention_chunked: bool = False
    ) -> Tensor | list[None]:
        """(heads,) or (layers, heads) -> [L, 1, H, 1, 1]; a None a layer without one."""
        if head_mask is None:
            return [None] * num_hidden_layers
        head_mask = expand_head_mask(head_mask, num_hidden_layers).to(self.dtype)
        if is_attention_chunked:
            return head_mask[..., None]
        return head_mask

    # -- positions -------------------------------------------------------------------------------

    def get_position_embeddings(self) -> nn.Embedding:
        raise NotImplementedError(f"{type(self).__name__} has no common place for its positions")

    def resize_position_embeddings(self, new_num_position_embeddings: int) -> None:
        raise NotImplementedError(
            f"the positions of {type(self).__name__} are learned, their number is fixed; train a model "
            "with another max_position_embeddings"
        )

    # -- gradients -------------------------------------------------------------------------------

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether training computes the layers' inner states twice instead of keeping them."""
        return any(getattr(module, "gradient_checkpointing", False) for module in self.modules())

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: dict[str, Any] | None = None
    ) -> None:
        """Saves memory in training: of every layer only the input is kept, the rest is computed again.

        ``gradient_checkpointing_kwargs`` go to ``torch.utils.checkpoint.checkpoint``. Raises ``ValueError``
        on its older form.
        """
        options = {"use_reentrant": False, **(gradient_checkpointing_kwargs or {})}
        if options["use_reentrant"]:
            raise ValueError("use_reentrant=True loses the gradients of the encoder; leave it out")
        for module in self.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = True
                module.checkpointing_options = options

    def gradient_checkpointing_disable(self) -> None:
        for module in self.modules():
            if hasattr(module, "gradient_checkpointing"):
                module.gradient_checkpointing = False

    def enable_input_require_grads(self) -> None:
        """Lets gradients reach the embeddings' output although the embeddings themselves are frozen."""

        def wants_gradient(module: nn.Module, inputs: Any, output: Tensor) -> None:
            output.requires_grad_(True)

        self._require_grads_hook = self.get_input_embeddings().register_forward_hook(wants_gradient)

    def disable_input_require_grads(self) -> None:
        self._require_grads_hook.remove()

    # -- after generate --------------------------------------------------------------------------

    def compute_transition_scores(
        self,
        sequences: Tensor,
        scores: tuple[Tensor, ...],
        beam_indices: Tensor | None = None,
        normalize_logits: bool = False,
    ) -> Tensor:
        """The score [B, T] of each generated token, from generate's ``sequences``, ``scores`` and, of beams,
        ``beam_indices``; 0 after a beam's end. ``normalize_logits``: as log-probabilities.
        """
        # 1) scores by step, row and token
        steps = torch.stack(scores)  # [T, R, V]
        if normalize_logits:
            steps = steps.log_softmax(-1)
        # 2) the row that each token of a sequence came from; -1 behind a beam's end
        if beam_indices is None:
            rows = torch.arange(steps.shape[1], device=sequences.device)[:, None].expand(-1, len(steps))
        else:
            rows = beam_indices[:, : int((beam_indices >= 0).sum(-1).max())]
        # 3) the score at (step, row, token) of each
        count = rows.shape[1]
        tokens = sequences[:, sequences.shape[1] - count :]
        step = torch.arange(count, device=sequences.device)[None]
        return steps[step, rows.clamp(min=0), tokens].masked_fill(rows < 0, 0.0)


def rows_asked_for(present: int, rows: int | None, multiple: int | None) -> int:
    """How many rows a resized table gets; raises ``ValueError`` on what is no number of rows."""
    if rows is not None and (not isinstance(rows, Integral) or rows < 1):
        raise ValueError(f"new_num_tokens must be a whole number, 1 or more, got {rows!r}")
    if rows is None:
        rows = present
    if multiple is None:
        return rows
    if not isinstance(multiple, int) or multiple < 1:
        raise ValueError(f"pad_to_multiple_of must be 1 or more, got {multiple!r}")
    return -(-rows // multiple) * multiple
