"""Metrics against planted texts: which text of each pair wins, and which metrics agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean

import numpy as np

from harness.metrics.base import Metric, Pair
from harness.metrics.scoring import mean_of_known, mean_score, scored
from harness.metrics.trial.planted import KINDS, ROUNDS, Planted, Plants
from harness.record import Estimate, ends_of
from harness.record.trials import Outcome, TriedMetric
from harness.statistics import MEAN, PERCENT_MEAN, VERDICT_USERS, Array, Panel, Statistic

DUELS = {
    "own_over_other": ("own", "other"),
    "other_over_generic": ("other", "generic"),
    "own_over_generic": ("own", "generic"),
    "own_over_stranger": ("own", "stranger"),
    "other_over_stranger": ("other", "stranger"),
    "own_over_shuffled": ("own", "shuffled"),
    "padded_over_own": ("padded", "own"),
    "cut_over_own": ("cut", "own"),
    "copied_over_own": ("copied", "own"),
    "half_copied_over_own": ("half_copied", "own"),
}
"""Name of a duel → the kinds of its two texts."""
MUST_WIN = "own_over_other"
"""A metric passes only if this is shown to be above an even chance."""
MUST_NOT_WIN = ("copied_over_own", "padded_over_own")
"""A metric fails if one of these is shown to be above an even chance."""
EVEN = 50.0
"""The percentage of a metric that prefers neither text."""
WITHOUT_INTERVAL = 70.0
"""There is no interval where all but five users have the same percentage. Of 20 users or more, the
mean over users is then at most 62.5 if that is 50, and at least 75 if it is 100."""
Values = Mapping[str, Sequence[float | None]]
"""Kind of text → the values of its texts, the higher the better."""


@dataclass(frozen=True)
class Ranking:
    """A metric and its values of the planted texts, round by round.

    missing: why it has none.
    """

    metric: Metric
    rounds: Sequence[Values]
    missing: str | None = None


def try_metrics(plants: Plants, metrics: Sequence[Metric], panel: Panel) -> dict[str, TriedMetric]:
    """Every metric on trial, with its agreement with all others.

    plants: the planted texts.
    metrics: each with the model that it needs.
    panel: the users of the plants' examples.
    """
    found = [_values(metric, plants.rounds) for metric in metrics]
    return {
        one.metric.name: _tried(one, [each for each in found if each is not one], panel)
        for one in found
    }


def planted_pairs(rounds: Sequence[Planted]) -> list[Pair]:
    """Every planted text with its reference, round by round."""
    return [
        Pair(text, each.reference, each.example)
        for each in rounds
        for kind in KINDS
        for text in each.texts[kind]
    ]


def _values(metric: Metric, rounds: Sequence[Planted]) -> Ranking:
    """The metric's value of every text; a lower-is-better metric is turned round."""
    score = scored(metric, [planted_pairs(rounds)], None).score
    if score.value is None:
        return Ranking(metric, (), score.missing)
    sign = 1 if metric.better == "higher" else -1
    values = iter(None if value is None else sign * value for value in score.each)
    found = [{kind: [next(values) for _ in each.texts[kind]] for kind in KINDS} for each in rounds]
    return Ranking(metric, found)


def _tried(one: Ranking, others: Sequence[Ranking], panel: Panel) -> TriedMetric:
    wins = {name: _wins(one, *kinds) for name, kinds in DUELS.items()} if one.rounds else {}
    missing = f"{one.metric.name} has no value of these texts"
    auc = {name: _mean(each, PERCENT_MEAN, panel, missing) for name, each in wins.items()}
    of_users = {name: _of_users(each, panel) for name, each in wins.items()}
    outcome, failed = verdict(auc, of_users)
    return TriedMetric(
        title=one.metric.title or one.metric.name,
        signature=one.metric.signature,
        better=one.metric.better,
        outcome=outcome,
        failed=failed,
        missing=one.missing,
        auc=auc,
        agreement={
            other.metric.name: _agreement(one, other, panel)
            for other in others
            if one.rounds and other.rounds
        },
    )


def verdict(
    auc: Mapping[str, Estimate], of_users: Mapping[str, Sequence[float]]
) -> tuple[Outcome, tuple[str, ...]]:
    """Whether a metric passes, and the duels that it fails.

    auc: duel → its percentage with the interval over users.
    of_users: duel → the percentage of each user with a value; with few there is no verdict.
    """
    if not auc or auc[MUST_WIN].value is None:
        return "no value", ()
    deciding = (MUST_WIN, *MUST_NOT_WIN)
    if min(len(of_users[name]) for name in deciding) < VERDICT_USERS:
        return "too few users", ()
    won = [name for name in deciding if _shown(auc[name], of_users[name])]
    wrong = [name for name in MUST_NOT_WIN if name in won]
    failed = wrong if MUST_WIN in won else [MUST_WIN, *wrong]
    return ("fails" if failed else "passes"), tuple(failed)


def _shown(number: Estimate, of_users: Sequence[float]) -> bool:
    """Whether the interval, or almost every user, lies above an even chance.

    Without an interval users weigh alike: one with many texts could decide the mean over texts.
    """
    return fmean(of_users) > WITHOUT_INTERVAL if number.low is None else number.low > EVEN


def _of_users(of_rounds: Sequence[float | None], panel: Panel) -> list[float]:
    """The mean over rounds of each user with a value in one."""
    known: dict[str, list[float]] = {}
    for at, value in enumerate(of_rounds):
        if value is not None:
            known.setdefault(panel.users[at // ROUNDS], []).append(value)
    return [fmean(each) for each in known.values()]


def _wins(one: Ranking, first: str, second: str) -> list[float | None]:
    """How often the first kind of text wins in each round, in %: the mean over its pairs."""
    return [_share(each[first], each[second]) for each in one.rounds]


def _share(first: Sequence[float | None], second: Sequence[float | None]) -> float | None:
    """The share of pairs that the first wins, in %; a tie counts half."""
    shares = [
        100.0 * (a > b) + EVEN * (a == b)
        for a, b in product(first, second)
        if a is not None and b is not None
    ]
    return fmean(shares) if shares else None


def _agreement(one: Ranking, other: Ranking, panel: Panel) -> Estimate:
    """Spearman's correlation of two metrics over the texts of each round."""
    values = [_spearman(_flat(a), _flat(b)) for a, b in zip(one.rounds, other.rounds, strict=True)]
    return _mean(values, MEAN, panel, "one of the two metrics prefers no text")


def _flat(values: Values) -> Array:
    return np.array([value for kind in KINDS for value in values[kind]], dtype=np.float64)


def _spearman(first: Array, second: Array) -> float | None:
    """Rank correlation of the values that both have; None where one of them is constant."""
    from scipy.stats import rankdata

    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 2:
        return None
    a, b = rankdata(first[both]), rankdata(second[both])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _mean(
    of_rounds: Sequence[float | None], statistic: Statistic, panel: Panel, missing: str
) -> Estimate:
    """The mean over each example's rounds, then over examples, with its interval over users."""
    of_examples = [
        mean_of_known(of_rounds[start : start + ROUNDS])
        for start in range(0, len(of_rounds), ROUNDS)
    ]
    return Estimate(**ends_of(mean_score(of_examples, statistic, panel, "", missing)))
