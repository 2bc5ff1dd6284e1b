"""Times of paired rounds → median, quartiles, and ratio to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any

import numpy as np
from scipy.stats import t

from harness.engine.clock import middle

BASELINE = "sft"


def timing(
    name: str, seconds: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, Any]:
    """Median, quartiles and each round of one time, and its ratio to the baseline's.

    All None for a time that no round has, e.g. a step in a text of one token.
    """
    known = [each for each in seconds if each is not None]
    value, quartiles = middle(known)
    return {
        f"{name}_s": value,
        f"{name}_quartiles_s": quartiles and list(quartiles),
        f"{name}_each_s": list(seconds) if known else None,
        f"{name}_ratio": ratio(seconds, baseline),
    }


def ratio(
    seconds: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, float | None] | None:
    """Geometric mean of the paired rounds' ratios, with Student's 95 % interval of their logs.

    A disturbance of a whole round cancels, a disturbance of one method widens the interval, and
    method ÷ baseline is the inverse of baseline ÷ method. With few rounds, a bootstrap interval
    would cover too little. None if a round has no time; without an interval for one round.
    """
    pairs = list(zip(seconds, baseline, strict=True))
    if any(time is None or base_time is None for time, base_time in pairs):
        return None
    method, base = np.array(pairs, dtype=np.float64).T
    logs, rounds = np.log(method / base), len(pairs)
    centre = float(logs.mean())
    if rounds < 2:
        return {"value": exp(centre), "low": None, "high": None}
    half = float(t.ppf(0.975, rounds - 1) * logs.std(ddof=1) / sqrt(rounds))
    return {
        "value": exp(centre), "low": exp(centre - half), "high": exp(centre + half)
    }  # fmt: skip
