"""Checkpoints that are open, being opened or downloaded."""
