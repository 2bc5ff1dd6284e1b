"""Lift: what a user's own profile gains over another's, and over none. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.metrics.base import Better
from harness.metrics.scores import mean_score
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
    better: Better = "higher",
) -> Lift:
    """Gains per example, their means and intervals over users; above 0 the own profile is better.

    own, empty: a metric's values per example [N]; others: the same once a donor [D][N], whose
    gains are averaged. Where lower is better (NLL) the sign is turned, so that a gain stays
    above 0. A model that ignores its profile has gains of exactly 0. Examples where a value is
    None are None; donors that are None for an example are left out of its mean.
    """
    columns = list(zip(*others, strict=True)) if others else [()] * len(own)
    sign = -1.0 if better == "lower" else 1.0
    against_others = [
        _mean([_gain(value, other, sign) for other in column])
        for value, column in zip(own, columns, strict=True)
    ]
    against_empty = [_gain(value, none, sign) for value, none in zip(own, empty, strict=True)]

    def score(each: Each, name: str, missing: str) -> Score:
        return mean_score(each, MEAN, panel, f"lift:{name}|{signature}", missing)

    return Lift(
        score(against_others, f"own-other|donors:{len(others)}", "no example has a donor's value"),
        score(against_empty, "own-empty", "no example has a value without profile"),
    )


def lift_by_slice(
    own: Mapping[str, Score],
    others: Sequence[Mapping[str, Score]],
    empty: Mapping[str, Score],
    panel: Panel,
    better: Better = "higher",
) -> dict[str, Lift]:
    """`lift` of every slice of slice scores (`likelihood_scores`)."""
    return {
        name: lift(
            own[name].each,
            [other[name].each for other in others],
            empty[name].each,
            panel,
            own[name].signature,
            better,
        )
        for name in own
    }


def _gain(own: float | None, other: float | None, sign: float) -> float | None:
    return None if own is None or other is None else sign * (own - other)


def _mean(gains: Sequence[float | None]) -> float | None:
    counted = [gain for gain in gains if gain is not None]
    return fmean(counted) if counted else None
