"""What all models share: making, tying, resizing, loading, saving."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from bertgen.checkpoints import (
    LoadReport,
    advise,
    load_into,
    note_dtypes,
    read_state_dict,
    write_checkpoint,
)
from bertgen.configs.base import PretrainedConfig, split_hub_kwargs
from bertgen.configs.checks import builds_for_real, check_memory
from bertgen.configs.generation import GenerationConfig
from bertgen.configs.reference import GENERATION_DEFAULTS, ConfigTypeError
from bertgen.generation import generate
from bertgen.generation.engines.choose import prepare
from bertgen.hub import PushToHubMixin, pushes
from bertgen.layers.pruning import heads_asked_for
from bertgen.models.reference import (
    ModelUtilities,
    rows_asked_for,
    take_load_options,
    take_old_checkpointing,
)
from bertgen.models.reference_writing import GenerativeUtilities


class PreTrainedModel(ModelUtilities, PushToHubMixin, nn.Module):
    """Base of the models: a config, the reference's initialisation, and checkpoints in its format."""

    config_class: ClassVar[type[PretrainedConfig]] = PretrainedConfig
    base_model_prefix: ClassVar[str] = ""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()
        if not isinstance(config, PretrainedConfig):
            raise ValueError(
                f"{type(self).__name__} needs a config object, got {type(config).__name__}; "
                f"{type(self).__name__}.from_pretrained(...) takes names and folders"
            )
        self.config = config
        self.load_report: LoadReport | None = None

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    # -- the state of the weights ----------------------------------------------------------------

    def post_init(self) -> None:
        """Ends a constructor: initialise, tie, prune what the config says is pruned."""
        if builds_for_real():
            self.apply(self._init_weights)
        if self.get_output_embeddings() is not None:  # a bare model has nothing to tie
            self.tie_weights()
        # A model with a head leaves the pruning to the model under it, which was built before.
        if self.config.pruned_heads and self.base_model_prefix not in dict(self.named_children()):
            self._prune_heads(self.config.pruned_heads)
        if "gradient_checkpointing" in vars(self.config):
            take_old_checkpointing(self)

    def _init_weights(self, module: nn.Module) -> None:
        """Normal(0, initializer_range) for matrices, zero biases and pad row, unit layer norms."""
        std = getattr(self.config, "initializer_range", 0.02)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=std)
            if module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx].zero_()
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)

    @property
    def name_or_path(self) -> str:
        """Where the model was loaded from; empty for one that was not."""
        return self.config.name_or_path

    def tie_weights(self) -> None:
        """Makes parameters that the config says are shared one Parameter (again)."""
        head = self.get_output_embeddings()
        if head is not None and self.config.tie_word_embeddings:
            head.weight = self.get_input_embeddings().weight

    def get_input_embeddings(self) -> nn.Embedding:
        raise NotImplementedError

    def get_output_embeddings(self) -> nn.Linear | None:
        return None

    # -- changes of shape ------------------------------------------------------------------------

    def prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        """Removes heads, {layer: [heads]}, and notes it in ``config.pruned_heads``.

        Negative numbers count from the last layer, the last head. Raises ``ValueError`` on others that there
        are not, before anything is removed.
        """
        config = self.config
        asked = heads_asked_for(heads_to_prune, config.num_hidden_layers, config.num_attention_heads)
        for layer, numbers in asked.items():
            self.config.pruned_heads[layer] = sorted(numbers.union(self.config.pruned_heads.get(layer, [])))
        self._prune_heads(asked)

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """Grows (new rows freshly initialised) or shrinks the vocabulary, head included.

        ``pad_to_multiple_of`` rounds the number of rows up (of the present ones, when none are asked for).
        """
        old = self.get_input_embeddings()
        rows = rows_asked_for(old.num_embeddings, new_num_tokens, pad_to_multiple_of)
        if new_num_tokens is not None or pad_to_multiple_of is not None:
            self.vocab_size = rows  # the reference's model says it beside its config
        if rows == old.num_embeddings:
            return old

        # 1) a new table, with the old rows that it has room for
        shared_rows = min(rows, old.num_embeddings)
        embedding = nn.Embedding(rows, old.embedding_dim, padding_idx=old.padding_idx)
        embedding.to(old.weight)
        self._init_weights(embedding)
        with torch.no_grad():
            embedding.weight[:shared_rows] = old.weight[:shared_rows]
        self.set_input_embeddings(embedding)

        # 2) the same for the head, which may be the table again
        head = self.get_output_embeddings()
        if head is not None:
            self._resize_head(head, rows, shared_rows)
        self.config.vocab_size = rows
        self.tie_weights()
        return embedding

    def _resize_head(self, head: nn.Linear, rows: int, shared_rows: int) -> None:
        weight = head.weight.new_empty(rows, head.in_features)
        nn.init.normal_(weight, std=self.config.initializer_range)
        weight[:shared_rows] = head.weight.detach()[:shared_rows]
        head.weight, head.out_features = nn.Parameter(weight), rows
        if head.bias is not None:
            bias = head.bias.new_zeros(rows)
            bias[:shared_rows] = head.bias.detach()[:shared_rows]
            self.set_output_bias(nn.Parameter(bias))

    # -- files -----------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike | None,
        *model_args: Any,
        config: PretrainedConfig | str | os.PathLike | None = None,
        torch_dtype: torch.dtype | str | None = None,
        output_loading_info: bool = False,
        ignore_mismatched_sizes: bool = False,
        state_dict: dict[str, torch.Tensor] | None = None,
        use_safetensors: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Loads a checkpoint of a local folder or a Hub repository, in eval mode.

        ``torch_dtype``: float32 unless given; "auto" takes the config's, else the file's. ``config`` replaces
        the folder's own; with it and a ``state_dict`` the name may be None. ``use_safetensors``: True takes
        only .safetensors, False only .bin. Hub keywords (revision, cache_dir, local_files_only, token,
        subfolder, force_download) say where to look; other keywords overwrite config fields, and what the
        config does not know goes to the constructor. The model's ``load_report`` tells what was loaded, tied,
        freshly initialised or dropped, and why. Raises ``OSError`` when there is no checkpoint,
        ``RuntimeError`` when shapes do not fit, ``NotImplementedError`` on options that need other back ends.
        """
        if pretrained_model_name_or_path is None and (config is None or state_dict is None):
            raise ValueError("give the name of a checkpoint, or both config= and state_dict=")
        # 1) whose keywords these are: other back ends', the Hub's, generate's; the rest is the config's
        take_load_options(kwargs)
        hub_kwargs = split_hub_kwargs(kwargs)
        settings = {key: value for key, value in kwargs.items() if key in GENERATION_DEFAULTS}
        # 2) the config, which leaves what it does not know to the constructor
        config, kwargs = cls._load_config(pretrained_model_name_or_path, config, hub_kwargs, kwargs)
        # 3) the model, without memory: its constructor checks the config and ties what is shared
        check_memory(config)
        with torch.device("meta"):
            model = cls(config, *model_args, **kwargs)
        # 4) its weights
        if state_dict is None:
            name = str(pretrained_model_name_or_path)
            state_dict = read_state_dict(name, use_safetensors=use_safetensors, **hub_kwargs)
        dtype = _pick_dtype(torch_dtype, config, state_dict)
        report = load_into(model, state_dict, dtype=dtype, ignore_mismatched_sizes=ignore_mismatched_sizes)
        model.eval()
        # 5) the settings of generate
        if pretrained_model_name_or_path is not None:
            model._load_generation_config(str(pretrained_model_name_or_path), hub_kwargs, settings)
        # 6) what a person should know about all this
        model.load_report = report
        advise(model, report, pretrained_model_name_or_path, hub_kwargs)
        if torch_dtype is None:
            note_dtypes(report, state_dict, dtype)
        if output_loading_info:
            return model, report.as_loading_info()
        return model

    @classmethod
    def _load_config(
        cls,
        name: str | os.PathLike | None,
        config: PretrainedConfig | str | os.PathLike | None,
        hub_kwargs: dict[str, Any],
        kwargs: dict[str, Any],
    ) -> tuple[PretrainedConfig, dict[str, Any]]:
        """(the config, the keywords that it does not know); one that is given takes no keywords."""
        if config is None or isinstance(config, str | os.PathLike):
            source = str(config or name)
            config, kwargs = cls.config_class.from_pretrained(
                source, return_unused_kwargs=True, **hub_kwargs, **kwargs
            )
            config._name_or_path = str(name or source)
        if isinstance(getattr(config, "decoder", None), dict) and not cls.config_class.is_composition:
            raise ConfigTypeError("config.joined", model=cls.__name__)
        return config, kwargs

    def _load_generation_config(self, name: str, hub_kwargs: dict, settings: dict) -> None:
        """Only models that can generate have one."""

    @pushes
    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        is_main_process: bool = True,
        state_dict: dict[str, torch.Tensor] | None = None,
        save_function: Callable = torch.save,
        *,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
        save_peft_format: bool = True,
        untie: bool | Literal["sides"] = False,
    ) -> None:
        """Writes config.json, the weights and, for generating models, generation_config.json.

        ``max_shard_size`` (bytes, or "10MB" = 10**7) splits the weights over several files with an index.
        ``untie=True`` writes every tied tensor out, for readers that tie nothing; ``untie="sides"`` writes
        encoder and decoder each whole, for those (transformers 5) that no longer tie the two.
        ``is_main_process=False`` writes nothing: of several processes one saves. ``state_dict``: tensors to
        write instead of the model's own. ``save_function`` writes ``.bin`` files, with
        ``safe_serialization=False``. ``save_peft_format`` changes nothing, there are no adapters.
        """
        if variant is not None:
            raise NotImplementedError("variant is not supported: weight files have their plain names here")
        if not is_main_process:
            return
        settings = None
        if getattr(self, "generation_config", None) is not None:
            settings = self.current_generation_config()
            settings.check_for_saving()  # before anything is written
        os.makedirs(save_directory, exist_ok=True)
        # 1) the config, which says of what class and dtype the weights are
        self.config.architectures = [type(self).__name__]
        self.config.torch_dtype = self.dtype
        self.config.save_pretrained(save_directory)
        # 2) the weights
        write_checkpoint(
            self,
            str(save_directory),
            max_shard_size=max_shard_size,
            safe_serialization=safe_serialization,
            untie=untie,
            state_dict=state_dict,
            save_function=save_function,
        )
        # 3) the settings of generate
        if settings is not None:
            settings.save_pretrained(save_directory)

    def _save_for_hub(self, folder: str, max_shard_size: int | str, safe_serialization: bool) -> None:
        # Whoever downloads it may read it with a library that no longer ties the two sides.
        self.save_pretrained(
            folder, max_shard_size=max_shard_size, safe_serialization=safe_serialization, untie="sides"
        )


def _pick_dtype(
    asked: torch.dtype | str | None, config: PretrainedConfig, weights: dict[str, torch.Tensor]
) -> torch.dtype:
    """The dtype to load in: as asked for, the config's or the file's for "auto", else float32."""
    if asked is None:
        return torch.float32
    if asked == "auto":
        if isinstance(config.torch_dtype, torch.dtype):
            return config.torch_dtype
        return next((w.dtype for w in weights.values() if w.is_floating_point()), torch.float32)
    if isinstance(asked, str):
        asked = getattr(torch, asked, None)
    if not isinstance(asked, torch.dtype):
        raise ValueError('torch_dtype must be "auto", a torch.dtype or its name, such as "float16"')
    if not asked.is_floating_point:
        raise ValueError(f"torch_dtype must be one of floating point, got {asked}; weights are not whole")
    return asked


class GenerativeModel(GenerativeUtilities, PreTrainedModel):
    """A model with an LM head: has a ``generation_config`` and ``generate``."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__(config)
        self.generation_config = GenerationConfig.from_model_config(config)
        self._settings_at_load = copy.deepcopy(self.generation_config)
        self._settings_of_file = False

    def _load_generation_config(self, name: str, hub_kwargs: dict, settings: dict) -> None:
        """``settings``: the keywords of from_pretrained that are generate's, which win over the file's."""
        try:
            self.generation_config = GenerationConfig.from_pretrained(name, **hub_kwargs, **settings)
            self._settings_of_file = True
        except OSError:
            # An older checkpoint: its config.json carries the settings.
            self.generation_config = GenerationConfig.from_model_config(self.config)
        self._settings_at_load = copy.deepcopy(self.generation_config)

    def current_generation_config(self) -> GenerationConfig:
        """The settings that hold when generate is given none.

        Settings that came from config.json, and that nobody has touched since, follow later changes of
        ``model.config`` (``model.config.decoder_start_token_id = 2`` is how the documentation does it). A
        generation_config.json that says so of itself gives way to a model config that holds settings too.
        """
        config = self.generation_config
        if not config._from_model_config or config != self._settings_at_load:
            return config
        if self._settings_of_file and not self.config._has_non_default_generation_parameters():
            return config
        self.generation_config = GenerationConfig.from_model_config(self.config)
        self._settings_at_load = copy.deepcopy(self.generation_config)
        return self.generation_config

    def prepare(self, wait: bool = True) -> None:
        """Makes in advance what the first ``generate`` makes otherwise; ids and numbers are the same.

        Weights may change afterwards, in whatever way: ``generate`` looks whether what was prepared still
        fits. ``wait``: return once it is done, as is always so with today's engines.
        """
        prepare(self)

    @torch.no_grad()
    def generate(
        self,
        inputs: Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Callable] | None = None,
        stopping_criteria: Sequence[Callable] | None = None,
        prefix_allowed_tokens_fn: Callable[[int, Tensor], list[int]] | None = None,
        synced_gpus: bool | None = None,
        assistant_model: Any = None,
        streamer: Any = None,
        negative_prompt_ids: Tensor | None = None,
        negative_prompt_attention_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Writes ids after ``inputs``; see ``bertgen.generation.generate`` for every argument."""
        return generate(
            self,
            inputs,
            generation_config,
            logits_processor,
            stopping_criteria,
            prefix_allowed_tokens_fn,
            synced_gpus,
            assistant_model,
            streamer,
            negative_prompt_ids,
            negative_prompt_attention_mask,
            **kwargs,
        )
