"""Prediction and reference meet here: metrics, position slices, lift, statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from harness.registry import find

if TYPE_CHECKING:
    from harness.types import Score

    Metric = Callable[[Sequence[str], Sequence[str]], Score]

EXTERNAL = "evaluate:"
"""Names that begin so are metrics of the evaluate package."""


def metric(name: str) -> Metric:
    """The callable behind a metric's name. Raises UsageError for an unknown one."""
    if name.startswith(EXTERNAL):
        from harness.metrics.external import external

        return external(name.removeprefix(EXTERNAL))
    found: Metric = find("metric", name)
    return found


def score(name: str, predictions: Sequence[str], references: Sequence[str]) -> Score:
    """The metric `name` of predictions against references, paired by position.

    An empty prediction is scored and counted. Raises UsageError for an unknown name and
    ValueError where the two differ in length.
    """
    return metric(name)(predictions, references)
