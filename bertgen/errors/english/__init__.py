"""What is wrong and what to do next, in English: key -> (why, move), to be filled with `str.format`.

`Trouble` joins the two with "; ", so neither has a capital or an end mark. Keys go by place, then by what is
wrong there. It is one table, in three files: of hubs and devices, of checkpoints, of generating.
"""

from __future__ import annotations

from bertgen.errors.english.checkpoint import CHECKPOINT
from bertgen.errors.english.generation import GENERATION
from bertgen.errors.english.hub import HUB

ENGLISH: dict[str, tuple[str, str]] = {**HUB, **CHECKPOINT, **GENERATION}
