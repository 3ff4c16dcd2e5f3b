"""Keywords of from_pretrained that are for other back ends: ignored where harmless, else refused."""

from __future__ import annotations

from typing import Any

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
