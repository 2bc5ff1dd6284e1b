"""Times of paired rounds → what is told of them: median and spread, ratio to the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t

from harness.engine.timing import middle

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
    """Sum of the seconds over that of the baseline's, with a 95 % interval over the paired rounds.

    The interval is Student's, with the ratio's linearised variance (Cochran 1977, section 6.4): of
    a handful of rounds a bootstrap covers far less than it says. None where a round of either has
    no time. With one round there is no interval.
    """
    pairs = list(zip(seconds, baseline, strict=True))
    if any(one is None or other is None for one, other in pairs):
        return None
    ours, theirs = np.array(pairs, dtype=np.float64).T
    value, rounds = float(ours.sum() / theirs.sum()), len(pairs)
    if rounds < 2:
        return {"value": value, "low": None, "high": None}
    error = (ours - value * theirs).std(ddof=1) / np.sqrt(rounds) / theirs.mean()
    half = float(t.ppf(0.975, rounds - 1) * error)
    return {"value": value, "low": max(0.0, value - half), "high": value + half}
