"""One paired comparison of two methods on one metric, and the verdicts of a family of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.metrics.statistics.bootstrap import RESAMPLES, bca, studentized
from harness.metrics.statistics.families import holm, jackknife_error, smallest_detectable
from harness.metrics.statistics.randomisation import TRIALS, paired_test
from harness.metrics.statistics.users import (
    VERDICT_USERS,
    Array,
    Statistic,
    mean_of,
    mean_rows,
    resampling_rng,
    sums_by_user,
)

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """First − second on one metric. None stands where `reason` says why.

    `p_holm` and `verdict` ("higher", "lower", "not shown") come from `with_holm`.
    """

    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    smallest_detectable: float | None
    users: int
    reason: str | None = None
    p_holm: float | None = None
    verdict: str | None = None


def compare_means(
    metric: str,
    first: Sequence[float | None],
    second: Sequence[float | None],
    user_ids: Sequence[str],
    fingerprint: str,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
) -> Comparison:
    """Compares per-example values of the same examples; one that either lacks is left out."""
    pairs = list(zip(first, second, user_ids, strict=True))
    kept = [(a, b, user) for a, b, user in pairs if a is not None and b is not None]
    users = [user for _, _, user in kept]
    if not kept:
        return Comparison(metric, None, None, None, None, None, 0, "no example has both values")
    rng = resampling_rng(fingerprint)
    interval = studentized([a - b for a, b, _ in kept], users, rng, resamples)
    sums = (
        sums_by_user(mean_rows([row[0] for row in kept]), users),
        sums_by_user(mean_rows([row[1] for row in kept]), users),
    )
    return _compared(metric, sums, mean_of, (interval.low, interval.high), fingerprint, trials)


def compare_bleu(
    first: Array,
    second: Array,
    user_ids: Sequence[str],
    fingerprint: str,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
) -> Comparison:
    """Compares corpus BLEU from two methods' `bleu_statistics` [N, 10] of the same examples."""
    from harness.metrics.bleu import bleu_of

    if not len(user_ids):
        return Comparison("bleu", None, None, None, None, None, 0, "no example has both values")
    sums = sums_by_user(first, user_ids), sums_by_user(second, user_ids)
    both = np.concatenate(sums, axis=1)
    interval = bca(both, _difference(bleu_of), resampling_rng(fingerprint), resamples)
    return _compared("bleu", sums, bleu_of, (interval.low, interval.high), fingerprint, trials)


def compare_ratios(
    metric: str,
    first: Array,
    second: Array,
    user_ids: Sequence[str],
    fingerprint: str,
    resamples: int = RESAMPLES,
    trials: int = TRIALS,
) -> Comparison:
    """Compares Σ value / Σ weight, from rows (value, weight) [N, 2] of the same examples.

    For NLL per token: longer texts weigh more, as in the values that are compared.
    """
    if not len(user_ids):
        return Comparison(metric, None, None, None, None, None, 0, "no example has both values")
    sums = sums_by_user(first, user_ids), sums_by_user(second, user_ids)
    both = np.concatenate(sums, axis=1)
    interval = bca(both, _difference(mean_of), resampling_rng(fingerprint), resamples)
    return _compared(metric, sums, mean_of, (interval.low, interval.high), fingerprint, trials)


def with_holm(family: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with Holm's p-values over all of them, and verdicts.

    A comparison without a p-value (fewer than 20 users) does not count in the family.
    """
    counted = [at for at, one in enumerate(family) if one.p_value is not None]
    adjusted = holm([p for one in family if (p := one.p_value) is not None])
    judged = list(family)
    for at, p_holm in zip(counted, adjusted, strict=True):
        difference = family[at].difference or 0.0
        shown = "higher" if difference > 0 else "lower"
        verdict = shown if p_holm < ALPHA else "not shown"
        judged[at] = replace(family[at], p_holm=p_holm, verdict=verdict)
    return judged


def _compared(
    metric: str,
    sums: tuple[Array, Array],
    statistic: Statistic,
    ends: tuple[float | None, float | None],
    fingerprint: str,
    trials: int,
) -> Comparison:
    first, second = sums
    users = len(first)
    error = jackknife_error(np.concatenate(sums, axis=1), _difference(statistic))
    least = None if error is None else smallest_detectable(error)
    if users < VERDICT_USERS:
        difference = float(statistic(first.sum(axis=0)) - statistic(second.sum(axis=0)))
        reason = f"{users} users: a verdict needs {VERDICT_USERS}"
        return Comparison(metric, difference, *ends, None, least, users, reason)
    test = paired_test(first, second, statistic, resampling_rng(fingerprint), trials)
    return Comparison(metric, test.difference, *ends, test.p_value, least, users)


def _difference(statistic: Statistic) -> Statistic:
    """Statistic of the first half of the columns minus that of the second half."""

    def difference(sums: Array) -> Array:
        half = sums.shape[-1] // 2
        return np.asarray(statistic(sums[..., :half]) - statistic(sums[..., half:]))

    return difference
