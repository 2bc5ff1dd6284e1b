"""Lift: what a user's own profile gains over another user's, and over none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.metrics.base import Better
from harness.metrics.scoring import mean_score
from harness.statistics import MEAN, Panel
from harness.types import Score

Each = Sequence[float | None]


@dataclass(frozen=True)
class Lift:
    """Gains of the user's own profile: over other users' profiles, and over none."""

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
    """Gains per example, with means and intervals over users; above 0 the user's profile is better.

    own: the metric of each example with the user's own profile [N].
    others: the same with each donor's profile [D][N]; their gains are averaged.
    empty: the same without a profile [N].
    panel: the users of the examples.
    signature: how the metric was computed.
    better: the metric's direction; the sign is flipped if lower is better (NLL).

    A model that ignores its profile has gains of exactly 0. The gain of an example is None where
    own or empty is; donors without a value for an example are left out of its mean.
    """
    columns = list(zip(*others, strict=True)) if others else [()] * len(own)
    sign = -1.0 if better == "lower" else 1.0
    over_others = [
        _mean([_gain(value, other, sign) for other in column])
        for value, column in zip(own, columns, strict=True)
    ]
    over_empty = [_gain(value, none, sign) for value, none in zip(own, empty, strict=True)]

    def score(each: Each, name: str, missing: str) -> Score:
        return mean_score(each, MEAN, panel, f"lift:{name}|{signature}", missing)

    return Lift(
        score(over_others, f"own-other|donors:{len(others)}", "no example has a donor's value"),
        score(over_empty, "own-empty", "no example has a value without profile"),
    )


def lift_by_slice(
    own: Mapping[str, Score],
    others: Sequence[Mapping[str, Score]],
    empty: Mapping[str, Score],
    panel: Panel,
    better: Better = "higher",
) -> dict[str, Lift]:
    """`lift` of every slice, from slice scores such as those of `likelihood_scores`."""
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
    known = [gain for gain in gains if gain is not None]
    return fmean(known) if known else None
