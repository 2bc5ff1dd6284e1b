"""Lift: what a user's own profile gains over another's, and over none. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.metrics.means import mean_score
from harness.metrics.summary import mean_interval
from harness.statistics import MEAN, Panel
from harness.types import Score

Each = Sequence[float | None]


@dataclass(frozen=True)
class Lift:
    """Own − other asks whose profile it is; own − empty asks whether there is any."""

    own_other: Score
    own_empty: Score


def lift(
    own: Each,
    others: Sequence[Each],
    empty: Each,
    panel: Panel,
    signature: str,
    lower_is_better: bool = False,
) -> Lift:
    """Gains per example, their means and intervals over users; above 0 the own profile is better.

    own, empty: a metric's values per example [N]; others: the same once a donor [D][N], whose
    gains are averaged. With `lower_is_better` (NLL) the sign is turned, so that a gain stays
    above 0. A model that ignores its profile has gains of exactly 0. Examples where a value is
    None are None; donors that are None for an example are left out of its mean.
    """
    columns = list(zip(*others, strict=True)) if others else [()] * len(own)
    sign = -1.0 if lower_is_better else 1.0
    against_others = [
        _mean([_gain(value, other, sign) for other in column])
        for value, column in zip(own, columns, strict=True)
    ]
    against_empty = [_gain(value, none, sign) for value, none in zip(own, empty, strict=True)]

    def score(each: Each, name: str, missing: str) -> Score:
        mean = mean_score(each, f"lift:{name}|{signature}", missing)
        return mean_interval(mean, panel, MEAN)

    return Lift(
        score(against_others, f"own-other|donors:{len(others)}", "no example has a donor's value"),
        score(against_empty, "own-empty", "no example has a value without profile"),
    )


def lift_by_slice(
    own: Mapping[str, Score],
    others: Sequence[Mapping[str, Score]],
    empty: Mapping[str, Score],
    panel: Panel,
    lower_is_better: bool = False,
) -> dict[str, Lift]:
    """`lift` of every slice of slice scores (`likelihood_scores`)."""
    return {
        name: lift(
            own[name].each,
            [other[name].each for other in others],
            empty[name].each,
            panel,
            own[name].signature,
            lower_is_better,
        )
        for name in own
    }


def _gain(own: float | None, other: float | None, sign: float) -> float | None:
    return None if own is None or other is None else sign * (own - other)


def _mean(gains: Sequence[float | None]) -> float | None:
    counted = [gain for gain in gains if gain is not None]
    return fmean(counted) if counted else None
