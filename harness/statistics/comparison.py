"""An interval, a paired comparison and the verdicts of a family: one function each, for any rows.

How an interval is made follows from the statistic and the rows alone: of several training seeds
hierarchical, of a mean bootstrap-t, of anything else BCa.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from harness.statistics.bootstrap import Interval, bca, studentized
from harness.statistics.families import holm, jackknife_error, smallest_detectable
from harness.statistics.panel import VERDICT_USERS, Array, Panel, Statistic, Value
from harness.statistics.randomisation import paired_test
from harness.statistics.seeds import hierarchical, over_seeds, welch

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """First − second. None stands where `reason` says why.

    `p_holm` and `verdict` ("higher", "lower", "not shown") come from `judge`.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    smallest_detectable: float | None
    users: int
    reason: str | None = None
    p_holm: float | None = None
    verdict: str | None = None

    def turned(self) -> Comparison:
        """Second − first."""
        words = {"higher": "lower", "lower": "higher"}
        return replace(
            self,
            difference=None if self.difference is None else -self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            verdict=words.get(self.verdict or "", self.verdict),
        )


def interval(statistic: Statistic, rows: Array, panel: Panel) -> Interval:
    """The statistic with its 95 % interval over users, and over training seeds where it has them.

    rows: [N,K], or [S,N,K] of several training seeds. A scale's ends cut the interval.
    """
    sums = panel.by_user(rows)
    if not sums.shape[1]:
        return Interval(None, None, None, 0, "none", "no example has a value")
    rng = panel.rng()
    if len(sums) > 1:
        found = hierarchical([sums], statistic.value, rng, panel.resamples)
    elif statistic.mean:
        found = studentized(sums[0], rng, panel.resamples)
    else:
        found = bca(sums[0], statistic.value, rng, panel.resamples)
    if statistic.scale is None or found.low is None or found.high is None:
        return found
    least, most = statistic.scale
    return replace(found, low=max(found.low, least), high=min(found.high, most))


def compare(statistic: Statistic, first: Array, second: Array, panel: Panel) -> Comparison:
    """First − second over the examples that both have, with interval and paired test.

    first, second: rows [N,K] or, of several training seeds, [S,N,K] of the same examples.
    """
    first, second = (rows if rows.ndim == 3 else rows[None] for rows in (first, second))
    there = _there(first) & _there(second)
    sides = [np.where(there[:, None], rows, 0.0) for rows in (first, second)]
    sums = panel.by_user(np.concatenate(sides))
    users = sums.shape[1]
    if users < 2:
        reason = "fewer than two users have both values" if users else "no example has both values"
        return Comparison(None, None, None, None, None, users, reason)
    by_seed = sums[: len(first)], sums[len(first) :]
    # 1. the difference with its interval
    one, other = (over_seeds(statistic.value, side) for side in by_seed)
    difference = float(one.mean() - other.mean())
    ends = _difference_interval(statistic, (sides[0], sides[1]), by_seed, panel)
    # 2. what could have been shown
    means = by_seed[0].mean(axis=0), by_seed[1].mean(axis=0)
    error = jackknife_error(np.concatenate(means, axis=1), _minus(statistic.value))
    least = None if error is None else _smallest(error, users, (one, other))
    found = Comparison(difference, ends.low, ends.high, None, least, users)
    if users < VERDICT_USERS:
        return replace(found, reason=f"{users} users: a verdict needs {VERDICT_USERS}")
    # 3. the test
    test = paired_test(*means, statistic.value, panel.rng(), panel.trials)
    return replace(found, p_value=test.p_value)


def judge(family: Iterable[Comparison]) -> list[Comparison]:
    """The same comparisons with Holm's p-values over all of them, and verdicts.

    A verdict needs both: Holm's p-value under 0.05 (the test is over users), and an interval
    without 0 (with several training seeds it is over seeds too). A comparison without a p-value
    (fewer than 20 users) does not count in the family.
    """
    judged = list(family)
    counted = [at for at, each in enumerate(judged) if each.p_value is not None]
    adjusted = holm([p for each in judged if (p := each.p_value) is not None])
    for at, p_holm in zip(counted, adjusted, strict=True):
        judged[at] = _verdict(replace(judged[at], p_holm=p_holm))
    return judged


def _verdict(one: Comparison) -> Comparison:
    if one.p_holm is None or one.p_holm >= ALPHA:
        return replace(one, verdict="not shown")
    if one.low is not None and one.high is not None and one.low <= 0 <= one.high:
        return replace(one, verdict="not shown", reason=one.reason or "the interval holds 0")
    return replace(one, verdict="higher" if (one.difference or 0.0) > 0 else "lower")


def _there(rows: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which examples [N] have a value in every seed; rows [S,N,K]."""
    return np.asarray((np.abs(rows).sum(axis=-1) > 0).all(axis=0))


def _difference_interval(
    statistic: Statistic, rows: tuple[Array, Array], sums: tuple[Array, Array], panel: Panel
) -> Interval:
    """Interval of first − second; rows [S,N,K] of the examples, sums [S,U,K] of the users."""
    if max(map(len, sums)) > 1:
        return hierarchical(sums, statistic.value, panel.rng(), panel.resamples)
    if statistic.mean:
        first, second = rows[0][0], rows[1][0]
        apart = np.stack([first[:, 0] - second[:, 0], first[:, 1]], axis=1)
        return studentized(panel.by_user(apart)[0], panel.rng(), panel.resamples)
    both = np.concatenate([sums[0][0], sums[1][0]], axis=1)
    return bca(both, _minus(statistic.value), panel.rng(), panel.resamples)


def _smallest(error: float, users: int, seeds: tuple[Array, Array]) -> float:
    """Smallest detectable difference; seeds add their errors, and few degrees of freedom (Welch).

    error: of the difference over users; seeds: each side's value of every seed. One seed adds
    nothing: of its spread nothing is known.
    """
    parts = [
        (values.var(ddof=1) / len(values), len(values) - 1) for values in seeds if len(values) > 1
    ]
    variance, freedom = welch([(error**2, users - 1), *parts])
    if not parts or not variance:
        return smallest_detectable(error)
    return smallest_detectable(float(np.sqrt(variance)), freedom=float(freedom))


def _minus(statistic: Value) -> Value:
    """Statistic of the first half of the columns minus that of the second half."""

    def difference(sums: Array) -> Array:
        half = sums.shape[-1] // 2
        return np.asarray(statistic(sums[..., :half]) - statistic(sums[..., half:]))

    return difference
