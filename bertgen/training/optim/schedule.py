"""The learning-rate schedule."""

from __future__ import annotations


def learning_rate(step: int, peak: float, warmup_steps: int, decay_steps: int, max_steps: int) -> float:
    """Rate of step `step` (0 is the first): linear warm-up, constant, linear decay to zero after `max_steps`.

    As the middle is constant, the end of a run may be moved as long as the decay has not begun.
    """
    # The first step already moves: its rate is not 0.
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    left = max_steps - step
    if left < decay_steps:
        return peak * max(left, 0) / decay_steps
    return peak
