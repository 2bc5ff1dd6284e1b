"""Holm's correction for many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

ALPHA = 0.05
"""The level of a family: the share of families of equal methods with a verdict."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given. Holm 1979.

    Raises ValueError for a p-value outside 0–1.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise ValueError(f"p-value {p_value!r}; expected a number from 0 to 1")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
