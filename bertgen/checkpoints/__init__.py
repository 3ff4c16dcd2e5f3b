"""Checkpoint files: reading, fitting into a model, reporting what happened, writing."""

from bertgen.checkpoints.files import read_state_dict
from bertgen.checkpoints.load import load_into
from bertgen.checkpoints.report import LoadReport
from bertgen.checkpoints.save import write_checkpoint

__all__ = ["LoadReport", "load_into", "read_state_dict", "write_checkpoint"]
