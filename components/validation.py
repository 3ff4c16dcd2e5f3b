"""What a stranger sends, checked: every handler's values become a frozen ``RunSettings`` or a clear error."""

from __future__ import annotations

import copy
import functools
import math
import numbers
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from bertgen import GenerationConfig
from components.refusal import Refusal
from components.settings import Settings
from components.texts.parts import NEEDS_TWO, joined, two_sentences

MODES = ("greedy", "sample", "beam")
MAX_PATH = 1000
MAX_TEXT = 5000
MAX_NEW_TOKENS = 256
MAX_BEAMS = 8
MAX_TOP_K = 1_000_000
# Beyond these a temperature changes nothing more, but overflows float16: it acts as the nearest of them.
TEMPERATURES = (1e-3, 1e3)
MAX_SEED = 2**32 - 1


class NeedsTwo(Refusal):
    """One sentence where fusing takes two."""


@dataclass(frozen=True)
class RunSettings:
    """How to decode, checked once. Values that the mode does not use stand at their defaults."""

    mode: str = "greedy"
    num_beams: int = 4
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    max_new_tokens: int = 128
    seed: int = 0

    def generation_config(self, base: GenerationConfig) -> GenerationConfig:
        """The settings in the library's words; what the page does not offer stays the checkpoint's own."""
        config = copy.deepcopy(base)
        config.update(
            max_new_tokens=self.max_new_tokens,
            num_beams=self.num_beams if self.mode == "beam" else 1,
            num_return_sequences=1,
            do_sample=self.mode == "sample",
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
        )
        return config

    def summary(self) -> str:
        """The settings in force, in a few words."""
        if self.mode == "beam":
            return f"beam search, {self.num_beams} beams, at most {self.max_new_tokens} tokens"
        if self.mode == "sample":
            top_k = f", top-k {self.top_k or 'off'}" if self.top_k != RunSettings.top_k else ""
            top_p = f", top-p {self.top_p:g}" if self.top_p != RunSettings.top_p else ""
            return f"sampling at temperature {self.temperature:g}{top_k}{top_p}, seed {self.seed}"
        return f"greedy, at most {self.max_new_tokens} tokens"


def check_settings(
    mode: Any, num_beams: Any, temperature: Any, top_k: Any, top_p: Any, max_new_tokens: Any, seed: Any
) -> RunSettings:
    """The decoding settings as sent; raises ``ValueError`` with the value, the range and the next move.

    Values that the mode does not use are ignored, whatever they are.
    """
    mode = check_choice("mode", mode, MODES)
    values: dict[str, Any] = {"max_new_tokens": _whole("max_new_tokens", max_new_tokens, 1, MAX_NEW_TOKENS)}
    if mode == "beam":
        values["num_beams"] = _whole("num_beams", num_beams, 1, MAX_BEAMS)
    if mode == "sample":
        values["temperature"] = _temperature(temperature)
        values["top_k"] = _whole("top_k", top_k, 0, MAX_TOP_K, "0 turns the filter off")
        values["top_p"] = _top_p(top_p)
        values["seed"] = _whole("seed", seed, 0, MAX_SEED)
    return RunSettings(mode=mode, **values)


def check_text(text: Any) -> str:
    """The text as sent; raises ``ValueError`` when it is no text, empty, too long or holds NUL."""
    if not isinstance(text, str):
        raise Refusal(f"text must be a string, got {_kind(text)}", "send the sentence itself")
    if len(text) > MAX_TEXT:
        raise Refusal(
            f"text must have at most {MAX_TEXT:,} characters, got {len(text):,}", "send it in several runs"
        )
    if "\0" in text:
        raise Refusal("text must not hold NUL characters", "take them out")
    if not text.strip():
        raise Refusal("text is empty", "write a sentence or choose one of the examples")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal("text holds half of a character pair (a lone surrogate)", "type it again") from None
    return text.strip()


def check_source(text: Any, second: Any, task: str) -> str:
    """The one text that the model reads; for fusing of two boxes, or of one that holds two sentences.

    Raises ``ValueError`` as ``check_text``, and for a second text where the task takes none.
    """
    if second is None or second == "":
        source = check_text(text)
        if task == "fuse" and not two_sentences(source)[1]:
            raise NeedsTwo(NEEDS_TWO)
        return source
    if task != "fuse":
        raise Refusal("text2 is for the task 'fuse' alone", "leave it out")
    first, second = check_text(text), check_text(second) if not _is_blank(second) else ""
    return check_text(joined(first, second)) if second else check_source(first, None, task)


def _is_blank(text: Any) -> bool:
    return isinstance(text, str) and not text.strip()


def check_folder(settings: Settings, folder: Any) -> Path:
    """The path of a folder as sent. Raises ``ValueError`` where this page opens none, or it cannot be one."""
    if not settings.allow_folders:
        raise Refusal("this page does not open folders", "its operator can start it with --allow-folders")
    if not isinstance(folder, str) or not folder.strip():
        raise Refusal("no folder given", "type the path of a folder that holds config.json and the weights")
    if len(folder) > MAX_PATH or "\0" in folder:
        raise Refusal(f"a path of {len(folder):,} characters cannot be one", "type the folder's own path")
    return Path(folder.strip())


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """One of ``choices``; raises ``ValueError`` naming them."""
    if not isinstance(value, str) or value not in choices:
        shown = value if isinstance(value, str) else None
        got = f"{shown[:60]!r}" if shown is not None else _kind(value)
        raise Refusal(f"unknown {name} {got}", f"choose one of {', '.join(sorted(choices))}")
    return value


def _whole(name: str, value: Any, low: int, high: int, note: str = "") -> int:
    expected = f"a whole number from {low} to {high}"
    number = _number(name, value, expected, note)
    if number != int(number) or not low <= number <= high:
        raise Refusal(f"{name} must be {expected}, got {number:g}", note)
    return int(number)


def _temperature(value: Any) -> float:
    note = "1.0 leaves the model's probabilities as they are"
    number = _number("temperature", value, "a number above 0", note)
    if number <= 0:
        raise Refusal(f"temperature must be above 0, got {number:g}", note)
    return min(max(number, TEMPERATURES[0]), TEMPERATURES[1])


def _top_p(value: Any) -> float:
    note = "1.0 turns the filter off"
    number = _number("top_p", value, "a number above 0 and at most 1", note)
    if not 0 < number <= 1:
        raise Refusal(f"top_p must be above 0 and at most 1, got {number:g}", note)
    return number


def _number(name: str, value: Any, expected: str, note: str) -> float:
    # bool is an int to Python, and a form sends whatever it likes
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise Refusal(f"{name} must be {expected}, got {_kind(value)}", note)
    if isinstance(value, int) and abs(value) > 2**53:
        raise Refusal(f"{name} must be {expected}, got a number with {len(str(abs(value)))} digits", note)
    if not math.isfinite(value):
        raise Refusal(f"{name} must be {expected}, got {value}", note)
    return float(value)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return "a truth value" if isinstance(value, bool) else f"a {type(value).__name__}"


def page_error(error: ValueError) -> gr.Error:
    """The one place where a refused value becomes the page's (and the API's) error."""
    return gr.Error(str(error)[:600], title="That cannot be run", duration=10, print_exception=False)


def refuses_politely(handler: Callable) -> Callable:
    """A handler whose ``ValueError`` reaches the visitor as a ``gr.Error`` with its text."""

    @functools.wraps(handler)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except ValueError as error:
            raise page_error(error) from error

    return checked
