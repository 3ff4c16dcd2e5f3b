"""How to decode: the settings of a run, checked once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from bertgen import GenerationConfig
from components.limits import MAX_BEAMS, MAX_NEW_TOKENS, MAX_SEED, MAX_TOP_K
from components.refusal import Refusal
from components.strings import t
from components.validation import check_choice, check_integer, check_number

MODES = ("greedy", "sample", "beam")
# Beyond these a temperature changes nothing more, but overflows float16: it acts as the nearest of them.
TEMPERATURES = (1e-3, 1e3)


@dataclass(frozen=True)
class RunSettings:
    """How to decode. Values that the mode does not use stand at their defaults."""

    mode: str = "greedy"
    num_beams: int = 4
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    max_new_tokens: int = 128
    seed: int = 0

    @property
    def beams(self) -> int:
        """The beams in force: 1 unless the mode is beam search."""
        if self.mode == "beam":
            return self.num_beams
        return 1

    def generation_config(self, base: GenerationConfig) -> GenerationConfig:
        """The settings in the library's words; what the page does not offer stays the checkpoint's own."""
        # A copy: the model's own settings belong to all its users.
        config = copy.deepcopy(base)
        config.update(
            max_new_tokens=self.max_new_tokens,
            num_beams=self.beams,
            num_return_sequences=1,
            do_sample=self.mode == "sample",
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
        )
        return config

    def short(self) -> str:
        """How it is decoded, in two or three words: "greedy", "4 beams"."""
        return t(f"settings.short.{self.mode}", n=self.beams, temperature=f"{self.temperature:g}")

    def summary(self) -> str:
        """The settings in force, in a few words."""
        if self.mode == "beam":
            return t("settings.beam", beams=self.num_beams, tokens=self.max_new_tokens)
        if self.mode == "greedy":
            return t("settings.greedy", tokens=self.max_new_tokens)
        filters = ""
        if self.top_k != RunSettings.top_k:
            filters += t("settings.top_k", value=self.top_k or t("settings.off"))
        if self.top_p != RunSettings.top_p:
            filters += t("settings.top_p", value=f"{self.top_p:g}")
        temperature = f"{self.temperature:g}"
        return t("settings.sample", temperature=temperature, filters=filters, seed=self.seed)


def check_settings(
    mode: Any, num_beams: Any, temperature: Any, top_k: Any, top_p: Any, max_new_tokens: Any, seed: Any
) -> RunSettings:
    """The decoding settings as sent; raises ``ValueError`` with the value, the range and the next move.

    Values that the mode does not use are ignored, whatever they are.
    """
    # The mode decides which of the others count: a page sends its greyed settings too.
    mode = check_choice("mode", mode, MODES)
    values: dict[str, Any] = {}
    values["max_new_tokens"] = check_integer("max_new_tokens", max_new_tokens, 1, MAX_NEW_TOKENS)
    if mode == "beam":
        values["num_beams"] = check_integer("num_beams", num_beams, 1, MAX_BEAMS)
    if mode == "sample":
        values["temperature"] = _temperature(temperature)
        values["top_k"] = check_integer("top_k", top_k, 0, MAX_TOP_K, t("expected.filter_off"))
        values["top_p"] = _top_p(top_p)
        values["seed"] = check_integer("seed", seed, 0, MAX_SEED)
    return RunSettings(mode=mode, **values)


def _temperature(value: Any) -> float:
    note = t("expected.temperature")
    number = check_number("temperature", value, t("expected.positive"), note)
    if number <= 0:
        above = t("expected.above_0")
        raise Refusal("refuse.value", name="temperature", expected=above, got=f"{number:g}", note=note)
    return min(max(number, TEMPERATURES[0]), TEMPERATURES[1])


def _top_p(value: Any) -> float:
    note = t("expected.top_p")
    number = check_number("top_p", value, t("expected.share"), note)
    if not 0 < number <= 1:
        share = t("expected.in_share")
        raise Refusal("refuse.value", name="top_p", expected=share, got=f"{number:g}", note=note)
    return number
