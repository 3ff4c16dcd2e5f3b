"""Checkpoint files: reading, fitting into a model, reporting what happened, writing."""

from bertgen.checkpoints.advice import advise, note_dtypes
from bertgen.checkpoints.load import fold_token_types, load_into
from bertgen.checkpoints.read import read_state_dict
from bertgen.checkpoints.report import Advice, LoadReport
from bertgen.checkpoints.save import write_checkpoint

__all__ = [
    "Advice",
    "LoadReport",
    "advise",
    "fold_token_types",
    "load_into",
    "note_dtypes",
    "read_state_dict",
    "write_checkpoint",
]
