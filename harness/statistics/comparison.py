"""Interval, paired comparison and verdicts of a family: one function each, for any rows.

The kind of interval depends only on rows and statistic: hierarchical for several training seeds,
bootstrap-t for a mean, BCa for anything else.
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
    """First − second. A number is None where it cannot be computed; `reason` says why.

    `judge` sets `p_holm` and `verdict` ("higher", "lower", "not shown").
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
    """The statistic with its 95 % interval over users and, where there are several, seeds.

    rows: [N,K], or [S,N,K] for several training seeds. The interval is clipped to the scale.
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
    """First − second over the examples that have both values, with interval and paired test.

    statistic: turns summed rows into a number.
    first, second: rows [N,K] or, for several training seeds, [S,N,K], of the same examples.
    panel: the users of the examples.
    """
    # 1. sums per user, over the examples that have both values
    first, second = (rows if rows.ndim == 3 else rows[None] for rows in (first, second))
    both = _has_value(first) & _has_value(second)
    sides = [np.where(both[:, None], rows, 0.0) for rows in (first, second)]
    sums = panel.by_user(np.concatenate(sides))
    users = sums.shape[1]
    if users < 2:
        reason = "fewer than two users have both values" if users else "no example has both values"
        return Comparison(None, None, None, None, None, users, reason)
    by_seed = sums[: len(first)], sums[len(first) :]
    # 2. the difference with its interval
    first_values, second_values = (over_seeds(statistic.value, side) for side in by_seed)
    difference = float(first_values.mean() - second_values.mean())
    ends = _difference_interval(statistic, (sides[0], sides[1]), by_seed, panel)
    # 3. the smallest detectable difference
    means = by_seed[0].mean(axis=0), by_seed[1].mean(axis=0)
    error = jackknife_error(np.concatenate(means, axis=1), _minus(statistic.value))
    least = None if error is None else _smallest(error, users, (first_values, second_values))
    found = Comparison(difference, ends.low, ends.high, None, least, users)
    if users < VERDICT_USERS:
        return replace(found, reason=f"{users} users: a verdict needs {VERDICT_USERS}")
    # 4. the paired test
    test = paired_test(*means, statistic.value, panel.rng(), panel.trials)
    return replace(found, p_value=test.p_value)


def judge(family: Iterable[Comparison]) -> list[Comparison]:
    """The same comparisons with Holm's p-values over all of them, and verdicts.

    A verdict needs a Holm p-value below 0.05 (the test is over users) and an interval without 0
    (with several training seeds it is over seeds too). A comparison without a p-value (fewer than
    20 users) does not count in the family.
    """
    judged = list(family)
    tested = [index for index, each in enumerate(judged) if each.p_value is not None]
    adjusted = holm([p for each in judged if (p := each.p_value) is not None])
    for index, p_holm in zip(tested, adjusted, strict=True):
        judged[index] = _verdict(replace(judged[index], p_holm=p_holm))
    return judged


def _verdict(tested: Comparison) -> Comparison:
    if tested.p_holm is None or tested.p_holm >= ALPHA:
        return replace(tested, verdict="not shown")
    if tested.low is not None and tested.high is not None and tested.low <= 0 <= tested.high:
        reason = tested.reason or "the interval holds 0"
        return replace(tested, verdict="not shown", reason=reason)
    return replace(tested, verdict="higher" if (tested.difference or 0.0) > 0 else "lower")


def _has_value(rows: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which examples [N] have a value in every seed; rows [S,N,K]."""
    return np.asarray((np.abs(rows).sum(axis=-1) > 0).all(axis=0))


def _difference_interval(
    statistic: Statistic, rows: tuple[Array, Array], sums: tuple[Array, Array], panel: Panel
) -> Interval:
    """Interval of first − second.

    statistic: turns summed rows into a number.
    rows: [S,N,K] of the examples, first and second.
    sums: [S,U,K] of the users, first and second.
    panel: the users.
    """
    if max(map(len, sums)) > 1:
        return hierarchical(sums, statistic.value, panel.rng(), panel.resamples)
    if statistic.mean:
        first, second = rows[0][0], rows[1][0]
        differences = np.stack([first[:, 0] - second[:, 0], first[:, 1]], axis=1)
        return studentized(panel.by_user(differences)[0], panel.rng(), panel.resamples)
    both = np.concatenate([sums[0][0], sums[1][0]], axis=1)
    return bca(both, _minus(statistic.value), panel.rng(), panel.resamples)


def _smallest(error: float, users: int, seeds: tuple[Array, Array]) -> float:
    """Smallest detectable difference. Several seeds add their errors, with Welch's freedom.

    error: of the difference, over users.
    users: number of users.
    seeds: the value of every seed, first and second. A single seed adds nothing, because its
        spread is unknown.
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
