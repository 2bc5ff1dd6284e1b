"""Times of paired rounds → what is told of them: median and spread, ratio to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any

import numpy as np
from scipy.stats import t

from harness.engine.clock import middle

BASELINE = "sft"


def told(
    name: str, seconds: Sequence[float | None], baseline: Sequence[float | None]
) -> dict[str, Any]:
    """Median, quartiles and each round of one time, and its ratio to the baseline's.

    A time that no round has (a step of a text of one token) is None throughout.
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
    """Geometric mean of the paired rounds' quotients, with Student's 95 % interval of their logs.

    A disturbance that both share cancels round by round, one that hits either alone widens the
    interval, and method ÷ baseline is the inverse of baseline ÷ method. Of a handful of rounds a
    bootstrap would cover far less than it says. None where a round of either has no time. With one
    round there is no interval.
    """
    pairs = list(zip(seconds, baseline, strict=True))
    if any(one is None or other is None for one, other in pairs):
        return None
    ours, theirs = np.array(pairs, dtype=np.float64).T
    logs, rounds = np.log(ours / theirs), len(pairs)
    centre = float(logs.mean())
    if rounds < 2:
        return {"value": exp(centre), "low": None, "high": None}
    half = float(t.ppf(0.975, rounds - 1) * logs.std(ddof=1) / sqrt(rounds))
    return {
        "value": exp(centre), "low": exp(centre - half), "high": exp(centre + half)
    }  # fmt: skip
