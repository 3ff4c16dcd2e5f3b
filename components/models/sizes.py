"""Numbers of weights and bytes, for people."""

from __future__ import annotations


def short_count(number: int) -> str:
    """4_800_000 -> "4.8 M"."""
    if number < 1e9:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e9:.2f} B"


def size(nbytes: float) -> str:
    """Bytes for people: "9.6 MB", "3.2 GB"; a megabyte is a million bytes, as on the Hub."""
    if nbytes < 1e3:
        return f"{nbytes:.0f} B"
    if nbytes < 1e6:
        return f"{nbytes / 1e3:.0f} kB"
    if nbytes < 1e9:
        return f"{nbytes / 1e6:.1f} MB"
    return f"{nbytes / 1e9:.2f} GB"
