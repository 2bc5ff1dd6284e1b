"""Systems against each other: values with intervals, paired tests, families, letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from harness.metrics.statistics import (
    VERDICT_USERS,
    Comparison,
    Interval,
    bca,
    hierarchical,
    hierarchical_difference,
    jackknife_error,
    paired_test,
    resampling_rng,
    smallest_detectable,
    studentized,
    welch,
    with_holm,
)
from harness.metrics.statistics.bootstrap import RESAMPLES
from harness.metrics.statistics.randomisation import TRIALS
from harness.metrics.statistics.users import Array, Statistic
from harness.metrics.summary import PERCENT
from harness.reports.compared.letters import letters
from harness.reports.compared.measures import Measure, each, sums
from harness.reports.runs.systems import Board, System

Pair = tuple[str, str]
OF_A_HUNDRED = ("0–100", "% of calls", "%")
"""Units of values that end at 0 and at 100, and so do their intervals."""


@dataclass(frozen=True)
class Contrasts:
    """One measure on one board. values: system → value with interval; best first.

    pairs: (first, second) in the board's order → first − second. letters: system → letters, or
    None where no pair could be tested (fewer than 20 users, one system).
    """

    task: str
    measure: Measure
    values: Mapping[str, Interval]
    pairs: Mapping[Pair, Comparison]
    letters: Mapping[str, str] | None = None

    @property
    def order(self) -> list[str]:
        """Systems from best to worst."""
        sign = 1 if self.measure.lower_is_better else -1
        known = [name for name, one in self.values.items() if one.value is not None]
        return sorted(known, key=lambda name: sign * (self.values[name].value or 0.0))

    def between(self, first: str, second: str) -> Comparison:
        """First − second, whichever way round it was computed."""
        if (first, second) in self.pairs:
            return self.pairs[first, second]
        found = self.pairs[second, first]
        turned = {"higher": "lower", "lower": "higher"}
        return replace(
            found,
            difference=None if found.difference is None else -found.difference,
            low=None if found.high is None else -found.high,
            high=None if found.low is None else -found.low,
            verdict=turned.get(found.verdict or "", found.verdict),
        )


def contrast_all(measure: Measure, board: Board, resamples: int = RESAMPLES) -> Contrasts:
    """Values of all systems and the differences of all pairs, not yet judged (see `judged`)."""
    by_system = {system.name: sums(measure, board, system) for system in board.systems}
    plain = {system.name: _plain(measure, board, system) for system in board.systems}
    users = board.user_ids
    values = {
        name: _interval(measure, board, by_system[name], plain[name], resamples)
        for name in by_system
    }
    pairs = {
        (first, second): _difference(
            measure, (by_system[first], by_system[second]), (plain[first], plain[second]),
            users, board.fingerprint, resamples,
        )
        for first, second in combinations(by_system, 2)
    }  # fmt: skip
    return Contrasts(board.task, measure, values, pairs)


def judged(family: Sequence[Contrasts]) -> list[Contrasts]:
    """Holm over all pairs of the family, verdicts, and letters.

    A verdict needs both: Holm's p-value under 0.05 (the test is over users), and an interval
    without 0 (with several training seeds it is over seeds too).
    """
    flat = with_holm([one for contrasts in family for one in contrasts.pairs.values()])
    judgements = iter(flat)
    found = []
    for contrasts in family:
        pairs = {pair: _checked(next(judgements)) for pair in contrasts.pairs}
        tested = any(one.verdict for one in pairs.values())
        different = {
            frozenset(pair) for pair, one in pairs.items() if one.verdict in ("higher", "lower")
        }
        shown = letters(contrasts.order, different) if tested else None
        found.append(replace(contrasts, pairs=pairs, letters=shown))
    return found


def _checked(one: Comparison) -> Comparison:
    if one.verdict not in ("higher", "lower") or one.low is None or one.high is None:
        return one
    if one.low <= 0 <= one.high:
        return replace(one, verdict="not shown", reason=one.reason or "the interval holds 0")
    return one


def _plain(measure: Measure, board: Board, system: System) -> list[float | None] | None:
    """Values of the examples where a bootstrap-t over them serves: a mean, one seed."""
    if measure.kind != "mean" or len(system.runs) > 1:
        return None
    return each(measure, board, system.record)


def interval_of(
    measure: Measure, board: Board, system: System, resamples: int = RESAMPLES
) -> Interval:
    """A system's value; users are resampled, and training seeds where there are several."""
    by_seed, plain = sums(measure, board, system), _plain(measure, board, system)
    return _interval(measure, board, by_seed, plain, resamples)


def _interval(
    measure: Measure,
    board: Board,
    by_seed: Array,
    plain: list[float | None] | None,
    resamples: int,
) -> Interval:
    rng = resampling_rng(board.fingerprint)
    there = by_seed[:, _weighty(measure, by_seed)]
    if not there.shape[1]:
        return Interval(None, None, None, 0, "none", "no example has a value")
    if plain is not None:
        found = studentized(plain, board.user_ids, rng, resamples)
    elif len(by_seed) > 1:
        found = hierarchical(there, measure.statistic, rng, resamples)
    else:
        found = bca(there[0], measure.statistic, rng, resamples)
    if measure.unit in OF_A_HUNDRED and found.low is not None and found.high is not None:
        return replace(found, low=max(found.low, PERCENT[0]), high=min(found.high, PERCENT[1]))
    return found


def _difference(
    measure: Measure,
    by_seed: tuple[Array, Array],
    plain: tuple[list[float | None] | None, list[float | None] | None],
    users: Sequence[str],
    fingerprint: str,
    resamples: int,
) -> Comparison:
    """First − second over the users for whom both have a value."""
    kept = _weighty(measure, by_seed[0]) & _weighty(measure, by_seed[1])
    first, second = (one[:, kept] for one in by_seed)
    count = int(kept.sum())
    if count < 2:
        reason = "fewer than two users have both values"
        return Comparison(measure.name, None, None, None, None, None, count, reason)
    statistic = measure.statistic
    if plain[0] is not None and plain[1] is not None:
        paired = [
            (a - b, user)
            for a, b, user in zip(plain[0], plain[1], users, strict=True)
            if a is not None and b is not None
        ]
        values, owners = zip(*paired, strict=True)
        ends = studentized(values, owners, resampling_rng(fingerprint), resamples)
    elif max(len(first), len(second)) > 1:
        ends = hierarchical_difference(
            first, second, statistic, resampling_rng(fingerprint), resamples
        )
    else:
        both = np.concatenate([first[0], second[0]], axis=1)
        ends = bca(both, _minus(statistic), resampling_rng(fingerprint), resamples)
    difference = float(_over_seeds(statistic, first).mean() - _over_seeds(statistic, second).mean())
    means = first.mean(axis=0), second.mean(axis=0)
    error = jackknife_error(np.concatenate(means, axis=1), _minus(statistic))
    least = None if error is None else _smallest(error, count, statistic, first, second)
    found = Comparison(measure.name, difference, ends.low, ends.high, None, least, count)
    if count < VERDICT_USERS:
        return replace(found, reason=f"{count} users: a verdict needs {VERDICT_USERS}")
    test = paired_test(*means, statistic, resampling_rng(fingerprint), TRIALS)
    return replace(found, p_value=test.p_value)


def _weighty(measure: Measure, by_seed: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Users [U] with something to count: an example without a value weighs nothing."""
    if measure.kind == "bleu":
        return np.ones(by_seed.shape[1], dtype=bool)
    weights = by_seed[..., 1] if measure.kind in ("mean", "ratio") else np.abs(by_seed).sum(-1)
    return np.asarray((weights > 0).all(axis=0))


def _over_seeds(statistic: Statistic, by_seed: Array) -> Array:
    return statistic(by_seed.sum(axis=1))


def _smallest(error: float, users: int, statistic: Statistic, first: Array, second: Array) -> float:
    """Smallest detectable difference; seeds add their errors, and few degrees of freedom (Welch).

    error: of the difference over users. One seed adds nothing: of its spread nothing is known.
    """
    spreads = [_over_seeds(statistic, one) for one in (first, second) if len(one) > 1]
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in spreads]
    variance, freedom = welch([(error**2, users - 1), *parts])
    if not parts or not variance:
        return smallest_detectable(error)
    return smallest_detectable(float(np.sqrt(variance)), freedom=float(freedom))


def _minus(statistic: Statistic) -> Statistic:
    """Statistic of the first half of the columns minus that of the second half."""

    def difference(rows: Array) -> Array:
        half = rows.shape[-1] // 2
        return np.asarray(statistic(rows[..., :half]) - statistic(rows[..., half:]))

    return difference
