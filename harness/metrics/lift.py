"""Lift: what a user's own profile gains over another user's, and over none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.metrics.base import Better
from harness.metrics.scoring import mean_score
from harness.statistics import MEAN, Panel
from harness.types import Score


@dataclass(frozen=True)
class Lift:
    """Gains of the user's own profile: over other users' profiles, and over none."""

    own_other: Score
    own_empty: Score


def lift(
    own: Score, others: Sequence[Score], empty: Score, panel: Panel, better: Better = "higher"
) -> Lift:
    """Gains per example, with means and intervals over users; above 0 the user's profile is better.

    own: the metric with each user's own profile.
    others: with each donor's profile; their gains are averaged.
    empty: without a profile.
    panel: the users of the examples.
    better: the metric's direction; the sign is flipped if lower is better (NLL).

    A model that ignores its profile has gains of exactly 0. The gain of an example is None where
    own or empty is; donors without a value for an example are left out of its mean.
    """
    columns = list(zip(*(other.each for other in others), strict=True)) or [()] * len(own.each)
    sign = -1.0 if better == "lower" else 1.0
    over_others = [
        _mean([_gain(value, other, sign) for other in column])
        for value, column in zip(own.each, columns, strict=True)
    ]
    over_empty = [_gain(*pair, sign) for pair in zip(own.each, empty.each, strict=True)]

    def score(each: Sequence[float | None], name: str, missing: str) -> Score:
        return mean_score(each, MEAN, panel, f"lift:{name}|{own.signature}", missing)

    return Lift(
        score(over_others, f"own-other|donors:{len(others)}", "no example has a donor's value"),
        score(over_empty, "own-empty", "no example has a value without profile"),
    )


def _gain(own: float | None, other: float | None, sign: float) -> float | None:
    return None if own is None or other is None else sign * (own - other)


def _mean(gains: Sequence[float | None]) -> float | None:
    known = [gain for gain in gains if gain is not None]
    return fmean(known) if known else None
