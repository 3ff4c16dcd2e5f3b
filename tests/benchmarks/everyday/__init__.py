"""Everyday inputs that were written for this project, and the command that scores a checkpoint on them."""
