"""Times of paired rounds → what is told of them: median and spread, ratio to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.engine.timing import middle
from harness.metrics.statistics import bca, resampling_rng
from harness.metrics.statistics.users import Array

BASELINE = "sft"


def told(
    name: str, seconds: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, Any]:
    """Median, quartiles and each round of one time, and its ratio to the baseline's.

    A time that no round has (a step of a text of one token) is None throughout.
    """
    known = [each for each in seconds if each is not None]
    return {
        **middle(known, name),
        f"{name}_each_s": list(seconds) if known else None,
        f"{name}_ratio": ratio(seconds, baseline),
    }


def ratio(
    seconds: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, float | None] | None:
    """Sum of the seconds over that of the baseline's, with a BCa interval over the paired rounds.

    None where a round of either has no time. With one round there is no interval.
    """
    pairs = list(zip(seconds, baseline, strict=True))
    if any(one is None or other is None for one, other in pairs):
        return None
    rows = np.array(pairs, dtype=np.float64)
    found = bca(rows, _quotient, resampling_rng("harness bench"))
    return {"value": found.value, "low": found.low, "high": found.high}


def _quotient(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / sums[..., 1], dtype=np.float64)
