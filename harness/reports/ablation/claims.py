"""What the FlyThinker paper claims about λ and the reasoner's size, and whether it holds here.

Each claim is a sentence with a test; the paper's curves are not reproduced. arXiv 2512.06690.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.reports.compared.measures import Measure
from harness.reports.render.document import listed
from harness.reports.render.numbers import estimate
from harness.reports.runs.paper import MARK
from harness.statistics import Comparison

Sense = Literal["above", "below", "equal"]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper about some values of a setting.

    text, short: the claim, and its short form for a figure.
    low, high: the range of values; for the reasoner, its parameters as a share of the generator's.
    sense: how these values compare with SFT, or with the first value in the range `baseline`.
    """

    text: str
    short: str
    low: float
    high: float
    sense: Sense
    baseline: tuple[float, float] | None = None

    def covers(self, place: float | None) -> bool:
        return place is not None and self.low <= place <= self.high


OF, SFT = "flythinker", "sft"
"""The method of the claims, and the method that it is compared with."""
CLAIMS: Mapping[str, tuple[Claim, ...]] = {
    "method.lam": (
        Claim("λ = 0 equals SFT", "= SFT", 0.0, 0.0, "equal"),
        Claim("λ from 0.2 to 2.0 is above SFT", "above SFT", 0.2, 2.0, "above"),
        Claim("λ = 5 is worse than λ = 0.5", "worse", 5.0, 5.0, "below", (0.5, 0.5)),
    ),
    "model.reasoner": (
        Claim("a reasoner of the generator's size is above SFT", "above SFT", 0.9, 1.1, "above"),
        Claim("one of half the size keeps most: still above SFT", "keeps most", 0.4, 0.6, "above"),
        Claim("one of a sixth of the size loses", "loses", 0.1, 0.25, "below", (0.9, 1.1)),
    ),
}
"""Setting → claims."""

Pair = tuple[str, str | None]
"""A value's label and another's; None for the reference."""
Compared = Mapping[Pair, Comparison]
"""(value, other value or None for its reference) → first minus second."""


def claims_about(method: str, setting: str, reference: str | None) -> tuple[Claim, ...]:
    """The paper's claims about a method's setting; those about SFT only if it is the reference."""
    known = CLAIMS.get(setting, ()) if method == OF else ()
    return tuple(claim for claim in known if claim.baseline is not None or reference == SFT)


def value_pairs(
    claims: Sequence[Claim], places: Mapping[str, float | None]
) -> list[tuple[str, str]]:
    """The pairs of values that claims compare with each other. places: label → its number."""
    return [
        (label, other)
        for claim in claims
        if (other := _other(claim, places)) is not None
        for label, place in places.items()
        if claim.covers(place) and label != other
    ]


def readings(
    claims: Sequence[Claim],
    places: Mapping[str, float | None],
    compared: Compared,
    identical: Collection[Pair],
    measure: Measure,
) -> list[str]:
    """A sentence per claim: it holds, is contradicted or is not shown here, with the numbers.

    claims: what to test. places: label → its number. compared: the differences.
    identical: the pairs that differ in no example. measure: what is compared.
    """
    return [_reading(claim, places, compared, identical, measure) for claim in claims]


def _other(claim: Claim, places: Mapping[str, float | None]) -> str | None:
    """The label of the value that a claim compares with; None for SFT, or if it was not tried."""
    if claim.baseline is None:
        return None
    low, high = claim.baseline
    matching = [
        label for label, place in places.items() if place is not None and low <= place <= high
    ]
    return matching[0] if matching else None


def _reading(
    claim: Claim,
    places: Mapping[str, float | None],
    compared: Compared,
    identical: Collection[Pair],
    measure: Measure,
) -> str:
    covered = [label for label, place in places.items() if claim.covers(place)]
    head = f"The paper says: {claim.text} ({MARK}). Here that"
    other = _other(claim, places)
    if claim.baseline is not None and other is None:
        covered = []
    if not covered:
        return f"{head} was not tried."
    baseline = other or SFT
    found = {label: compared[label, other] for label in covered if (label, other) in compared}
    if not found:
        return f"{head} could not be tested: {listed(covered)} or {baseline} failed."
    numbers = "; ".join(
        f"{label} minus {baseline} "
        + estimate(one.difference, one.low, one.high, measure.digits, signed=True)
        for label, one in found.items()
    )
    missing = [label for label in covered if label not in found]
    failed = f" (failed: {listed(missing)})" if missing else ""
    if claim.sense == "equal" and all((label, other) in identical for label in found):
        return f"{head} holds exactly, in every example: {numbers}{failed}."
    return f"{head} {_verdict(claim, list(found.values()), measure)}: {numbers}{failed}."


def _verdict(claim: Claim, found: Sequence[Comparison], measure: Measure) -> str:
    if claim.sense == "equal":
        differs = any(_side(one, measure) for one in found)
        return "is contradicted" if differs else "is not contradicted"
    expected = "better" if claim.sense == "above" else "worse"
    sides = [_side(one, measure) for one in found]
    if all(side == expected for side in sides):
        return "holds"
    if any(side and side != expected for side in sides):
        return "is contradicted"
    if all(side is None for side in sides):
        return "is not shown"
    shown = sum(side == expected for side in sides)
    return f"is shown for {shown} of {len(sides)} values"


def _side(one: Comparison, measure: Measure) -> str | None:
    """ "better" or "worse" if the difference is significant, else None."""
    if one.verdict not in ("higher", "lower"):
        return None
    return "better" if measure.favours_first(one.difference or 0.0) else "worse"
