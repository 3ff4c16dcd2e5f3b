"""`BatchEncoding`: what a tokenizer returns."""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


class BatchEncoding(UserDict):
    """A dict of token lists or tensors whose keys are attributes too.

    Args:
        data: `input_ids`, `attention_mask`, ... as lists, arrays or tensors.
        encoding, n_sequences: taken for the reference's order; there are no fast encodings here.
        tensor_type: None, "pt" or "np": convert every value, see `convert_to_tensors`.
        prepend_batch_axis: put a leading axis of 1 before each value when converting.
    """

    is_fast = False
    encodings = None  # of fast tokenizers
    n_sequences: int | None = None

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: None = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        super().__init__(data)
        if encoding is not None:
            raise ValueError("encoding= is for fast tokenizers; give the ids as data=")
        self.n_sequences = n_sequences
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    def __getattr__(self, name: str) -> Any:
        # `data` itself is looked up here while unpickling, before it exists.
        if name == "data" or name.startswith("__") or name not in self.data:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self.data[name]

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, slice):
            return {key: value[item] for key, value in self.data.items()}
        if not isinstance(item, str):
            raise KeyError(f"{item!r}: index by a name ({', '.join(self.data)}) or by a slice")
        return self.data[item]

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False):
        """Turn lists into torch tensors ("pt") or numpy arrays ("np") in place; returns self.

        Token lists become int64, the empty one too.

        Raises:
            ValueError: rows of different length with "pt", or an unknown type.
            ImportError: "tf" or "jax", which this library does not serve.
        """
        if tensor_type is None:
            return self
        if tensor_type in ("tf", "jax"):
            raise ImportError(f'return_tensors={tensor_type!r} is not available here; use "pt" or "np"')
        if tensor_type not in ("pt", "np"):
            raise ValueError(f'return_tensors={tensor_type!r} is unknown; use "pt" or "np"')
        convert = _to_torch if tensor_type == "pt" else _to_numpy
        for key, value in self.data.items():
            try:
                self.data[key] = convert([value] if prepend_batch_axis else value)
            except (ValueError, TypeError, RuntimeError) as error:
                raise ValueError(
                    f"{key!r} cannot become one tensor: its rows differ in length or are nested too deep. "
                    "Pass padding=True (and truncation=True with max_length) to make them equal"
                ) from error
        return self

    def to(self, device: str | int | torch.device) -> BatchEncoding:
        """Move every tensor to `device`, in place; returns self."""
        self.data = {key: value.to(device=device) for key, value in self.data.items()}
        return self


def _needs_offsets(name: str) -> Any:
    def refuse(self: BatchEncoding, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(
            f"{name}() needs character offsets, which only fast tokenizers keep; group pieces with "
            "bertgen.tokenizers.word_groups"
        )

    refuse.__doc__ = "Refused (`ValueError`): tokenizers without offsets cannot tell."
    return refuse


for _name in (
    "tokens", "sequence_ids", "words", "word_ids", "token_to_sequence", "token_to_word", "word_to_tokens",
    "token_to_chars", "char_to_token", "word_to_chars", "char_to_word",
):  # fmt: skip
    setattr(BatchEncoding, _name, _needs_offsets(_name))


def _to_torch(value: Any) -> torch.Tensor:
    import torch

    if torch.is_tensor(value):
        return value
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        value = np.array(value)
    tensor = torch.tensor(value)
    return tensor if tensor.numel() else tensor.long()


def _to_numpy(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    nested = isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple, np.ndarray))
    if nested and len({len(row) for row in value}) > 1:
        ragged = np.empty(len(value), dtype=object)
        ragged[:] = [np.asarray(row, dtype=None if len(row) else np.int64) for row in value]
        return ragged
    array = np.asarray(value)
    return array if array.size else array.astype(np.int64)


def to_lists(value: Any) -> Any:
    """Tensors and arrays, at any depth, as plain Python lists and numbers."""
    if isinstance(value, (dict, UserDict)):
        return {key: to_lists(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_lists(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
