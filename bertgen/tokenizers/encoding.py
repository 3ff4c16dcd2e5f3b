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
        if tensor_type is not None:
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
        converters = {"pt": _to_torch, "np": _to_numpy}
        if tensor_type not in converters:
            raise ValueError(f'return_tensors={tensor_type!r} is unknown; use "pt" or "np"')
        convert = converters[tensor_type]
        for key, value in self.data.items():
            if prepend_batch_axis:
                value = [value]
            try:
                self.data[key] = convert(value)
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


# Methods that callers of the reference know: they fail with a way out instead of "no attribute".
for _name in (
    "tokens", "sequence_ids", "words", "word_ids", "token_to_sequence", "token_to_word", "word_to_tokens",
    "token_to_chars", "char_to_token", "word_to_chars", "char_to_word",
):  # fmt: skip
    setattr(BatchEncoding, _name, _needs_offsets(_name))


def _to_torch(value: Any) -> torch.Tensor:
    # Texts can be encoded without torch, whose import takes a second.
    import torch

    if torch.is_tensor(value):
        return value
    # torch copies a list of arrays element by element; numpy joins them first.
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        value = np.array(value)
    tensor = torch.tensor(value)
    # A list without numbers would be float.
    if not tensor.numel():
        tensor = tensor.long()
    return tensor


def _to_numpy(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    nested = isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple, np.ndarray))
    # Rows of different length become an array of arrays, as in the reference.
    if nested and len({len(row) for row in value}) > 1:
        ragged = np.empty(len(value), dtype=object)
        ragged[:] = [_one_row(row) for row in value]
        return ragged
    return _one_row(value)


def _one_row(value: Any) -> np.ndarray:
    array = np.asarray(value)
    # Without numbers it would be float.
    if not array.size:
        array = array.astype(np.int64)
    return array


def to_lists(value: Any) -> Any:
    """Tensors and arrays, at any depth, as plain Python lists and numbers."""
    if isinstance(value, (dict, UserDict)):
        return {key: to_lists(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_lists(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value
