"""The 24-layer checkpoints published with the paper (Rothe et al. 2020), and how each wants its input.

None of them is shipped here. Every fact says where it is known from, one of:

- "card": the checkpoint's own model card;
- "files": the names and sizes of the files in its repository;
- "peer test": the reference implementation's own tests of these checkpoints;
- "issue thread": what their authors wrote in a public issue or article;
- "inferred": concluded from the others, not stated anywhere. A checkpoint's own config.json and
  generation_config.json decide where they differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from bertgen.configs.base import PretrainedConfig
from bertgen.configs.models import BertGenerationConfig, EncoderDecoderConfig
from bertgen.tokenizers import AutoTokenizer, BertTokenizer
from bertgen.tokenizers.base import PreTrainedTokenizer

T = TypeVar("T")
# The words of this file's head for where a fact is known from.
SOURCES = ("card", "files", "peer test", "issue thread", "inferred")


@dataclass(frozen=True)
class Known(Generic[T]):
    """A value and where it is known from, one of ``SOURCES``."""

    value: T
    source: str


def as_it_is(text: str, tokenizer: Any) -> str:
    """The text goes to the tokenizer unchanged."""
    return text


def double_quotes_to_backticks(text: str, tokenizer: Any) -> str:
    """Each double quotation mark becomes one back-tick: the model has never seen the former."""
    return text.replace('"', "`")


def two_quotes_between_bos_and_eos(text: str, tokenizer: Any) -> str:
    """Each double quotation mark becomes two single ones; the tokenizer's bos and eos go around the text.

    The tokenizer adds no special tokens of its own, and this model was trained with them.
    """
    quoted = text.replace('"', "''")
    return f"{tokenizer.bos_token}{quoted}{tokenizer.eos_token}"


class PlainBertTokenizer(BertTokenizer):
    """WordPiece with nothing around the text and no token types: how the translators were trained.

    It makes a plain ``tokenizer(text)`` do what their cards do with ``add_special_tokens=False``.
    """

    model_input_names: ClassVar[list[str]] = ["input_ids", "attention_mask"]

    # As of a tokenizer that adds nothing.
    build_inputs_with_special_tokens = PreTrainedTokenizer.build_inputs_with_special_tokens
    create_token_type_ids_from_sequences = PreTrainedTokenizer.create_token_type_ids_from_sequences

    def _config_to_save(self) -> dict[str, Any]:
        return {**super()._config_to_save(), "tokenizer_class": "BertTokenizer"}


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One published checkpoint. ``nbytes_fp32`` is what its weights take in float32, in memory and on disk.

    ``tokenizer_kwargs`` are for the tokenizer's from_pretrained, ``call_kwargs`` for calling it.
    ``example`` is (input, output) as the card gives it.
    """

    hub_id: str
    task: Known[str]
    title: str
    model_class: Known[str]
    tokenizer_class: Known[str]
    special_tokens: Known[dict[str, str]]
    prepare_input: Known[Callable[[str, Any], str]]
    generation: Known[dict[str, Any]]
    vocab_size: Known[int]
    shared: Known[bool]
    parameters: Known[int]
    nbytes_fp32: Known[int]
    tokenizer_kwargs: Known[dict[str, str]] = field(default_factory=lambda: Known({}, "card"))
    call_kwargs: Known[dict[str, Any]] = field(default_factory=lambda: Known({}, "card"))
    example: Known[tuple[str, str]] | None = None
    licence: Known[str] = field(default_factory=lambda: Known("apache-2.0", "card"))
    notes: tuple[Known[str], ...] = ()

    @property
    def page(self) -> str:
        """Where people read about it."""
        return f"https://huggingface.co/{self.hub_id}"

    def full_config(self) -> PretrainedConfig:
        """The config at full size, by what is known: for sizes and shapes before anything is downloaded."""
        # Both sides are of one size; everything but the vocabulary is at its default, which is this size.
        sides = [BertGenerationConfig(vocab_size=self.vocab_size.value) for _ in range(2)]
        if self.model_class.value != "EncoderDecoderModel":
            return sides[0]
        tokens = {key: value for key, value in self.generation.value.items() if key.endswith("token_id")}
        return EncoderDecoderConfig.from_encoder_decoder_configs(
            *sides, tie_encoder_decoder=self.shared.value, **tokens
        )

    def load_tokenizer(self, name: str | None = None, **kwargs: Any) -> Any:
        """Its tokenizer, from its Hub repository or from a copy at ``name``; keywords as AutoTokenizer's.

        Called with a prepared text (see ``prepare_input``) it gives the ids that the model was trained on.
        """
        kind = AutoTokenizer
        if self.tokenizer_class.value == "BertTokenizer":
            kind = PlainBertTokenizer
        return kind.from_pretrained(name or self.hub_id, **{**self.tokenizer_kwargs.value, **kwargs})

    def encode(self, tokenizer: Any, text: str, **kwargs: Any) -> Any:
        """The tokenizer's output, ids [1, S] as a tensor, for a text prepared as in this model's training."""
        prepared = self.prepare_input.value(text, tokenizer)
        return tokenizer(prepared, **{"return_tensors": "pt", **self.call_kwargs.value, **kwargs})


# -- what several of them share ------------------------------------------------------------------

# Pieces with a meaning of their own, by the kind of tokenizer.
_SENTENCE_PIECES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "sep_token": "<::::>",
}
_WORD_PIECES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
# Sizes of generation_config.json in the repositories (206 or 207 bytes) fit these fields; no copy was read.
_TOKENS = {"bos_token_id": 2, "decoder_start_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
_SHARED_PARAMETERS = 455_263_414  # one stack of layers, cross-attention beside it: 1.82 GB, as in the files
_TWO_STACKS_PARAMETERS = 772_050_176  # with 32,000 words a side: 3.09 GB, as in the files
_ENCODER_PARAMETERS = 354_402_304  # 1.42 GB, as in the files


def _shared(
    name: str,
    task: str,
    title: str,
    max_length: int,
    prepare: Callable[[str, Any], str] = as_it_is,
    example: tuple[str, str] | None = None,
    notes: tuple[Known[str], ...] = (),
) -> PublishedCheckpoint:
    """One of the models with a single stack of RoBERTa's weights for both sides."""
    return PublishedCheckpoint(
        hub_id=f"google/roberta2roberta_L-24_{name}",
        task=Known(task, "card"),
        title=title,
        model_class=Known("EncoderDecoderModel", "card"),
        tokenizer_class=Known("BertGenerationTokenizer", "files"),
        special_tokens=Known(_SENTENCE_PIECES, "inferred"),
        prepare_input=Known(prepare, "card"),
        generation=Known({**_TOKENS, "max_length": max_length, "num_beams": 4}, "inferred"),
        vocab_size=Known(50358, "inferred"),
        shared=Known(True, "issue thread"),
        parameters=Known(_SHARED_PARAMETERS, "files"),
        nbytes_fp32=Known(4 * _SHARED_PARAMETERS, "files"),
        example=None if example is None else Known(example, "card"),
        notes=notes,
    )


def _translator(direction: str, title: str, example: tuple[str, str]) -> PublishedCheckpoint:
    """One of the models with two stacks of BERT's weights."""
    return PublishedCheckpoint(
        hub_id=f"google/bert2bert_L-24_wmt_{direction}",
        task=Known("translate", "card"),
        title=title,
        model_class=Known("EncoderDecoderModel", "card"),
        tokenizer_class=Known("BertTokenizer", "files"),
        special_tokens=Known(_WORD_PIECES, "card"),
        prepare_input=Known(as_it_is, "card"),
        generation=Known({**_TOKENS, "max_length": 128, "num_beams": 4}, "inferred"),
        vocab_size=Known(32000, "inferred"),
        shared=Known(False, "issue thread"),
        parameters=Known(_TWO_STACKS_PARAMETERS, "inferred"),
        nbytes_fp32=Known(4 * _TWO_STACKS_PARAMETERS, "inferred"),
        tokenizer_kwargs=Known(_WORD_PIECES, "card"),
        call_kwargs=Known({"add_special_tokens": False}, "card"),
        example=Known(example, "card"),
        notes=(
            Known(
                "The tokenizer lower-cases the text, as the card's snippet does (its translation of "
                "'Kaffee' is 'kaffee'); load_tokenizer(do_lower_case=False) keeps capitals.",
                "inferred",
            ),
        ),
    )


# -- the checkpoints -----------------------------------------------------------------------------

_ENCODER = PublishedCheckpoint(
    hub_id="google/bert_for_seq_generation_L-24_bbc_encoder",
    task=Known("base", "peer test"),
    title="Encoder of the BBC summarizer, to start a model of one's own from",
    model_class=Known("BertGenerationEncoder", "peer test"),
    tokenizer_class=Known("BertGenerationTokenizer", "peer test"),
    special_tokens=Known(_SENTENCE_PIECES, "peer test"),
    prepare_input=Known(as_it_is, "peer test"),
    generation=Known({}, "files"),
    vocab_size=Known(50358, "peer test"),
    shared=Known(False, "files"),
    parameters=Known(_ENCODER_PARAMETERS, "files"),
    nbytes_fp32=Known(4 * _ENCODER_PARAMETERS, "files"),
    licence=Known("not stated", "card"),
    notes=(
        Known(
            "It reads and cannot write: its tokenizer gives 'Hello World!' the ids 18536, 2260, 101.",
            "peer test",
        ),
        Known("Its config.json names no bos, eos or use_cache: the class's defaults hold.", "issue thread"),
    ),
)

_ALL = (
    _ENCODER,
    _shared("bbc", "summarize", "BBC articles to one sentence (XSum)", 64),
    _shared("cnn_daily_mail", "summarize", "News articles to a few sentences (CNN/Daily Mail)", 128),
    _shared(
        "discofuse",
        "fuse",
        "Two sentences to one (DiscoFuse)",
        128,
        double_quotes_to_backticks,
        (
            "As a run-blocker, Zeitler moves relatively well. Zeitler often struggles at the point of "
            "contact in space.",
            "As a run-blocker, Zeitler moves relatively well. However, Zeitler often struggles at the "
            "point of contact in space.",
        ),
    ),
    _shared(
        "gigaword",
        "summarize",
        "First sentence to headline (Gigaword)",
        32,
        example=(
            "australian shares closed down #.# percent monday\n"
            "following a weak lead from the united states and\n"
            "lower commodity prices , dealers said .",
            "australian shares close down #.# percent.",
        ),
        notes=(Known("Gigaword's text is lower-case, its digits are written #.", "card"),),
    ),
    _shared(
        "wikisplit",
        "split",
        "One long sentence to two (WikiSplit)",
        128,
        two_quotes_between_bos_and_eos,
        (
            "Due to the hurricane, Lobsterfest has been canceled, making Bob very happy about it and he "
            "decides to open Bob 's Burgers for customers who were planning on going to Lobsterfest.",
            "Due to the hurricane, Lobsterfest has been canceled, making Bob very happy about it. He "
            "decides to open Bob's Burgers for customers who were planning on going to Lobsterfest.",
        ),
        (
            Known(
                "Without bos and eos around the text it repeats a word at the start and appends '.com'.",
                "card",
            ),
        ),
    ),
    _translator(
        "de_en",
        "German to English (WMT 2014)",
        ("Willst du einen Kaffee trinken gehen mit mir?", "Want to drink a kaffee go with me? ."),
    ),
    _translator(
        "en_de",
        "English to German (WMT 2014)",
        (
            "Would you like to grab a coffee with me this week?",
            "Möchten Sie diese Woche einen Kaffee mit mir schnappen?",
        ),
    ),
)
PUBLISHED: dict[str, PublishedCheckpoint] = {checkpoint.hub_id: checkpoint for checkpoint in _ALL}
