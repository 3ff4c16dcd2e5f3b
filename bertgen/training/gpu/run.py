"""All stages of a plan, one after the other, within a number of seconds."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import torch

from bertgen.training.gpu.distil import Distilling
from bertgen.training.gpu.learn import Learning
from bertgen.training.gpu.plan import Plan
from bertgen.training.gpu.store import Store

SHORTEST = 0.2  # seconds of a stage
LAST = 0.008  # part of the time kept for the end


def run(plan: Plan, packed: Path, out: Path, seconds: float, scale: float = 1.0) -> None:
    """Run a plan's stages; each gets its part of what is left, so that a slow one costs all a little.

    A stage that fails is told in the log and left out; those that need its weights start fresh, or fail
    with it. Writes `NAME.safetensors` for every checkpoint, from a stage's first validation on, and
    `log.jsonl` to `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    store = Store(plan, packed, out, seconds, scale)
    torch.manual_seed(plan.seed)
    facts: dict = {"torch": torch.__version__, "device": str(store.device), "seed": plan.seed}
    if store.device.type == "cuda":
        facts["card"] = torch.cuda.get_device_name()
        torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape
        torch.backends.cuda.matmul.allow_tf32 = True
    store.log("run", event="start", **facts)
    for number, stage in enumerate(plan.stage):
        left = store.ends - LAST * seconds - time.monotonic()
        budget = left * stage.seconds / sum(later.seconds for later in plan.stage[number:])
        if budget < SHORTEST:
            store.log(stage.name, event="left out", why="no time is left")
            continue
        kind = {"train": Learning, "decode": Distilling}[stage.kind]
        began = time.monotonic()
        try:
            work = kind(store, stage)
            work.run(budget - (time.monotonic() - began))
            del work
        except Exception as error:  # the stages after it are worth more than a clean end
            store.log(stage.name, event="failed", why=f"{type(error).__name__}: {error}"[:500])
            traceback.print_exc()
        if store.device.type == "cuda":
            used = torch.cuda.max_memory_allocated() / 2**30
            store.log(stage.name, event="memory", gib=round(used, 1))
            torch.cuda.empty_cache()
    store.log("run", event="end")
