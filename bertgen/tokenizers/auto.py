"""`AutoTokenizer`: the tokenizer that a checkpoint's own files ask for."""

from __future__ import annotations

import os
from typing import Any

from bertgen.tokenizers.base import PreTrainedTokenizer
from bertgen.tokenizers.pretrained import take_hub_kwargs
from bertgen.tokenizers.registry import class_for, class_of_model_type


class AutoTokenizer:
    """Loads the right tokenizer by a checkpoint's files; made by `from_pretrained` only."""

    def __init__(self) -> None:
        raise OSError("AutoTokenizer is not made itself; use AutoTokenizer.from_pretrained(name_or_folder)")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *inputs: Any,
        config: Any = None,
        tokenizer_type: str | None = None,
        use_fast: bool = True,
        trust_remote_code: bool | None = None,
        **kwargs: Any,
    ) -> PreTrainedTokenizer:
        """The tokenizer of a folder, a vocabulary file or a Hub id.

        It is of the class that tokenizer_config.json names, else config.json, else the one of the model's
        type (of an encoder-decoder, its encoder's), else the one whose vocabulary files are there.

        Args:
            config: a model config to go by, in place of config.json.
            tokenizer_type: "bert", "bert-generation", "gpt2" or "roberta": no search then.
            use_fast: accepted; there is one implementation, and `*Fast` names mean it too.
            trust_remote_code: accepted; code from a repository is never run.
            **kwargs: for the class's `from_pretrained`: special tokens, revision, token, ...

        Raises:
            ValueError: a class, or a type of model, that is not among these four.
            OSError: no such folder or repository, or no vocabulary in it.
        """
        name = os.fspath(pretrained_model_name_or_path)
        hub_kwargs, kwargs = take_hub_kwargs(kwargs)
        if tokenizer_type is None:
            found = class_for(name, config, hub_kwargs)
        else:
            found = class_of_model_type(tokenizer_type, "tokenizer_type=")
        return found.from_pretrained(name, *inputs, **hub_kwargs, **kwargs)
