"""Attention, blocks, caches and outputs: torch only."""
