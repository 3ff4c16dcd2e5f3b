"""Precision by what the machine can do, and schedules that a shorter run brings along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bertgen.training.optim import precision
from bertgen.training.optim.precision import machine_precision, settle_precision
from bertgen.training.recipe.overrides import apply_settings
from bertgen.training.recipe.reader import read_any_recipe, read_recipe
from bertgen.training.runs.state import load_state, save_state

RECIPES = Path(precision.__file__).parents[1] / "recipes"
CPU = torch.device("cpu")


def own(*settings: str):
    return read_recipe(RECIPES / "own.toml", settings)


@pytest.fixture
def without_onednn(monkeypatch):
    """As in a build of PyTorch that lacks the question."""

    def missing():
        raise AttributeError("no such operator")

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", missing)


@pytest.mark.parametrize(("supported", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_asks_the_machine(monkeypatch, tmp_path, supported, chosen):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: supported)
    assert machine_precision(CPU) == chosen
    assert settle_precision(own(), tmp_path, CPU).optimisation.precision == chosen


@pytest.mark.parametrize(("flags", "chosen"), [("fpu avx2", "fp32"), ("fpu amx_bf16 avx2", "bf16")])
def test_without_onednn_the_cpus_flags_are_read(without_onednn, monkeypatch, tmp_path, flags, chosen):
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: {flags}\n")
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "cpuinfo")
    assert machine_precision(CPU) == chosen
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "none")
    assert machine_precision(CPU) == "fp32"


def test_auto_is_the_default_and_a_named_precision_stays(tmp_path):
    assert own().optimisation.precision == "auto"
    for name in ("bf16", "fp32"):
        recipe = own(f"optimisation.precision={name}")
        assert settle_precision(recipe, tmp_path, CPU) is recipe


def test_a_begun_run_keeps_its_precision_on_another_machine(monkeypatch, tmp_path):
    begun = own("optimisation.precision=bf16")
    save_state(tmp_path, begun, {})
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    settled = settle_precision(own(), tmp_path, CPU)
    assert settled.optimisation.precision == "bf16"
    load_state(tmp_path, own())
    load_state(tmp_path, settled)
    with pytest.raises(ValueError, match="optimisation"):
        load_state(tmp_path, own("optimisation.precision=fp32"))


def test_the_committed_checkpoints_recipes_name_theirs():
    for path in RECIPES.glob("*.toml"):
        if path.name != "own.toml":
            assert read_any_recipe(path).optimisation.precision == "bf16", path.name


def test_a_shorter_run_shortens_its_warm_up_and_decay(capsys):
    steps = own("optimisation.max_steps=20").optimisation
    assert (steps.max_steps, steps.warmup_steps, steps.decay_steps) == (20, 2, 10)
    assert "max_steps 20: warmup_steps 2, decay_steps 10" in capsys.readouterr().err
    (silver,) = (s for s in read_recipe(RECIPES / "setups-split.toml", ["stage.silver.max_steps=10"]).stage
                 if s.name == "silver")  # fmt: skip
    assert silver.warmup_steps + silver.decay_steps <= silver.max_steps == 10


def test_what_fits_or_is_given_is_not_scaled(capsys):
    assert own("optimisation.max_steps=1500").optimisation.warmup_steps == 200
    with pytest.raises(ValueError, match=r"warmup_steps 5 \+ decay_steps 1000 must not exceed max_steps 20"):
        own("optimisation.max_steps=20", "optimisation.warmup_steps=5")
    assert capsys.readouterr().err == ""
    values = {"optimisation": {"max_steps": 100, "warmup_steps": 60}}
    apply_settings(values, ["optimisation.max_steps=x"])
    assert values["optimisation"]["warmup_steps"] == 60


@pytest.mark.parametrize("task", ["Translate", "translation", "summarise", ""])
def test_a_task_that_the_page_has_not_is_refused(task):
    with pytest.raises(ValueError, match="task must be one of translate, split, fuse, summarize"):
        own(f'task="{task}"')


def test_the_run_in_auto_is_named_in_its_state(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    save_state(tmp_path, settle_precision(own(), tmp_path, CPU), {})
    assert load_state(tmp_path)["recipe"]["optimisation"]["precision"] == "fp32"
