"""Interval, paired comparison and verdicts of a family: one function each, for any rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from harness.errors import counted
from harness.statistics.effects import Effect, Side, effect
from harness.statistics.families import ALPHA, holm
from harness.statistics.panel import (
    VERDICT_USERS,
    Array,
    Panel,
    Statistic,
    resampling_rng,
    with_weight,
)
from harness.statistics.randomisation import paired_test, swaps
from harness.statistics.users import DIFFERING_USERS, tied

MOST_KEPT = 1 << 24
"""Label swaps of users that are kept for the next comparison: 128 MB."""
About = Literal["methods", "checkpoints"]
"""What numbers describe: checkpoints, where a trained side has fewer than three training seeds."""


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval.

    `low` and `high` are None where there is no valid interval; `reason` says why. about: methods,
    if the interval holds the error from training seeds too.
    """

    value: float | None
    low: float | None
    high: float | None
    users: int
    about: About = "checkpoints"
    reason: str | None = None

    def turned(self) -> Interval:
        """Of the value with the other sign."""
        value, low, high = (
            each if each is None else -each for each in (self.value, self.high, self.low)
        )
        return replace(self, value=value, low=low, high=high)


@dataclass(frozen=True)
class Comparison:
    """First − second. A number is None where it cannot be computed; `reason` says why.

    smallest_detectable: the true difference that this comparison, in its family, shows with 80 %
    probability. `judge` sets `p_holm` and `verdict` ("higher", "lower", "not shown").
    at_equal_length: the difference that remains where both texts are equally long, if known.
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
    about: About = "checkpoints"
    at_equal_length: Interval | None = None

    def turned(self) -> Comparison:
        """Second − first."""
        words = {"higher": "lower", "lower": "higher"}
        return replace(
            self,
            difference=None if self.difference is None else -self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            verdict=words.get(self.verdict or "", self.verdict),
            at_equal_length=self.at_equal_length and self.at_equal_length.turned(),
        )


def interval(statistic: Statistic, rows: Array, panel: Panel, trained: bool = True) -> Interval:
    """The statistic with its 95 % interval, clipped to the scale.

    statistic: turns summed rows into a number.
    rows: [N,K], or [S,N,K] for several training seeds.
    panel: the users of the examples.
    trained: whether the rows are of a trained method, whose seeds then count.
    """
    sums = panel.by_user(rows)
    if not sums.shape[1]:
        return Interval(None, None, None, 0, reason="no example has a value")
    side = Side(sums, trained)
    users = int(with_weight(sums).sum(axis=1).min())
    found = replace(_interval(statistic, [side], panel)[0], users=users)
    if statistic.scale is None or found.low is None or found.high is None:
        return found
    least, most = statistic.scale
    return replace(found, low=max(found.low, least), high=min(found.high, most))


def compare(
    statistic: Statistic,
    first: Array,
    second: Array,
    panel: Panel,
    trained: tuple[bool, bool] = (True, True),
) -> Comparison:
    """First − second over the examples that have both values, with interval and paired test.

    statistic: turns summed rows into a number.
    first, second: rows [N,K] or, for several training seeds, [S,N,K], of the same examples.
    panel: the users of the examples, and the size of the family that the comparison belongs to.
    trained: whether each side is of a trained method.

    p: the paired test over users; where training seeds count, the larger of it and that of both
    errors together.
    """
    sums = _shared(first, second, panel)
    users = sums[0].shape[1]
    if users < 2:
        reason = "fewer than two users have both values" if users else "no example has both values"
        return Comparison(None, None, None, None, None, users, reason)
    sides = [Side(each, of) for each, of in zip(sums, trained, strict=True)]
    ends, error = _interval(statistic, sides, panel)
    least = None if error is None else error.detectable(ALPHA / panel.family)
    found = Comparison(
        ends.value, ends.low, ends.high, None, least, users, ends.reason, about=ends.about
    )
    if users < VERDICT_USERS:
        return replace(found, reason=f"{counted(users, 'user')}: a verdict needs {VERDICT_USERS}")
    p_value = _randomised(statistic, sums, panel)
    if error is not None and error.seeds:
        p_value = max(p_value, error.p_value())
    return replace(found, p_value=p_value)


def difference(
    statistic: Statistic,
    first: Array,
    second: Array,
    panel: Panel,
    trained: tuple[bool, bool] = (True, True),
) -> Effect | None:
    """First − second with its errors, arguments as for `compare`; None below two shared users."""
    sums = _shared(first, second, panel)
    if sums[0].shape[1] < 2:
        return None
    sides = [Side(each, of) for each, of in zip(sums, trained, strict=True)]
    return effect(statistic.value, sides, panel.draws(sums[0].shape[1]))


def judge(family: Iterable[Comparison]) -> list[Comparison]:
    """The same comparisons with Holm's p-values over all of them, and verdicts.

    A verdict needs a Holm p-value below 0.05 and no interval with 0. A comparison without a p-value
    (fewer than 20 users) does not count in the family.
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


def _interval(
    statistic: Statistic, sides: Sequence[Side], panel: Panel
) -> tuple[Interval, Effect | None]:
    """Interval of one system's value or a difference of two, and the errors behind it."""
    users = sides[0].sums.shape[1]
    about: About = "methods" if all(side.about_method for side in sides) else "checkpoints"
    if users < 2:
        value = float(statistic.value(sides[0].sums.sum(axis=1)).mean())
        why = "one user: nothing to resample"
        return Interval(value, None, None, users, about, why), None
    found = effect(statistic.value, sides, panel.draws(users))
    most = tied([side.sums for side in sides], statistic.value)
    return checked(found, users, most, about), found


def checked(found: Effect, users: int, most: int, about: About) -> Interval:
    """The interval of an estimate, unless too few users differ from the largest group that ties.

    found: the estimate.
    users: their number.
    most: the size of that group.
    about: what the numbers describe.
    """
    if 2 * most > users and 0 < users - most < DIFFERING_USERS:
        why = f"{users - most} of {users} users differ from the rest: too few for an interval"
        return Interval(found.value, None, None, users, about, why)
    reason = "every user has the same value" if most == users and not found.variance else None
    return Interval(found.value, *found.ends(), users, about, reason)


def _shared(first: Array, second: Array, panel: Panel) -> tuple[Array, Array]:
    """Sums [S,U,K] of both, over the examples that have a value in every seed of both."""
    first, second = (rows if rows.ndim == 3 else rows[None] for rows in (first, second))
    rows = np.concatenate([first, second])
    both = np.asarray(with_weight(rows).all(axis=0))
    sums = panel.by_user(rows * both[:, None])
    return sums[: len(first)], sums[len(first) :]


def _randomised(statistic: Statistic, sums: Sequence[Array], panel: Panel) -> float:
    """p of the paired test over users, on the mean over seeds of the sums.

    A p-value that may give a verdict is computed again with the trials that the family needs.
    """
    means = [side.mean(axis=0) for side in sums]
    p_value = 1.0
    for trials in sorted({panel.trials, panel.family_trials}):
        if trials == panel.trials or p_value < ALPHA:
            kept = _swaps(panel.fingerprint, len(means[0]), trials)
            p_value = paired_test(means[0], means[1], statistic.value, kept).p_value
    return p_value


def _swaps(fingerprint: str, users: int, trials: int) -> Iterable[Array]:
    """The label swaps of every comparison of these users; kept unless they are too large."""
    if users * trials <= MOST_KEPT:
        return _kept_swaps(fingerprint, users, trials)
    return swaps(resampling_rng(fingerprint), users, trials)


@lru_cache(maxsize=4)
def _kept_swaps(fingerprint: str, users: int, trials: int) -> tuple[Array, ...]:
    return tuple(swaps(resampling_rng(fingerprint), users, trials))
