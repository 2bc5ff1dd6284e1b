"""Lift: what a user's own profile gains over another user's, and over none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.metrics.base import Better
from harness.metrics.scoring import mean_of_known, mean_score
from harness.statistics import MEAN, Panel
from harness.types import Score

APART = "the metric's value is not the mean of its examples' values, over which lift is taken"


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
    own or empty is; donors without a value for an example are left out of its mean. Where a score
    is null with a reason, so are the gains over it: a mean over the other donors is another number.
    """
    sign = -1.0 if better == "lower" else 1.0

    def score(swapped: Sequence[Score], name: str, missing: str) -> Score:
        reasons = [one.missing for one in (own, *swapped) if one.missing is not None]
        gains = [
            None if reasons else mean_of_known(_gain(value, one.each[at], sign) for one in swapped)
            for at, value in enumerate(own.each)
        ]
        missing = reasons[0] if reasons else missing
        return mean_score(gains, MEAN, panel, f"lift:{name}|{own.signature}", missing)

    return Lift(
        score(others, f"own-other|donors:{len(others)}", "no example has a donor's value"),
        score([empty], "own-empty", "no example has a value without profile"),
    )


def _gain(own: float | None, other: float | None, sign: float) -> float | None:
    return None if own is None or other is None else sign * (own - other)
