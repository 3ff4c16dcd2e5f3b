"""Numbers of weights and bytes, for people: number and unit do not break apart."""

from __future__ import annotations


def short_count(number: int) -> str:
    """4_800_000 -> "4.8 M"."""
    if number < 1e9:
        return f"{number / 1e6:.1f}\N{NO-BREAK SPACE}M"
    return f"{number / 1e9:.2f}\N{NO-BREAK SPACE}B"


def size(nbytes: float) -> str:
    """Bytes for people: "9.6 MB", "3.2 GB"; a megabyte is a million bytes, as on the Hub."""
    if nbytes < 1e3:
        return f"{nbytes:.0f}\N{NO-BREAK SPACE}B"
    if nbytes < 1e6:
        return f"{nbytes / 1e3:.0f}\N{NO-BREAK SPACE}kB"
    if nbytes < 1e9:
        return f"{nbytes / 1e6:.1f}\N{NO-BREAK SPACE}MB"
    return f"{nbytes / 1e9:.2f}\N{NO-BREAK SPACE}GB"
