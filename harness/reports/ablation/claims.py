"""What the FlyThinker paper claims of λ and of the reasoner's size, and whether it holds here.

The paper's curves are not copied: a claim is a sentence with a test. arXiv 2512.06690.
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
    """`text`: what the paper says; `short`: the same in a figure.

    low, high: the values it speaks of, numbers of the setting; for the reasoner they are its
    parameters as a share of the generator's. sense: where these values stand beside SFT, or
    beside the first value of the range `beside`.
    """

    text: str
    short: str
    low: float
    high: float
    sense: Sense
    beside: tuple[float, float] | None = None

    def covers(self, place: float | None) -> bool:
        return place is not None and self.low <= place <= self.high


OF, SFT = "flythinker", "sft"
"""The method that the paper speaks of, and the one that it is compared with."""
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
    """What the paper says of a method's setting; of SFT only where SFT is the reference."""
    known = CLAIMS.get(setting, ()) if method == OF else ()
    return tuple(claim for claim in known if claim.beside is not None or reference == SFT)


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
    """A sentence a claim: holds, is contradicted, or is not shown here, and by which numbers.

    identical: the pairs that do not differ in any example.
    """
    return [_reading(claim, places, compared, identical, measure) for claim in claims]


def _other(claim: Claim, places: Mapping[str, float | None]) -> str | None:
    """The label of the value that a claim compares with; None: SFT, or none is there."""
    if claim.beside is None:
        return None
    low, high = claim.beside
    near = [label for label, place in places.items() if place is not None and low <= place <= high]
    return near[0] if near else None


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
    if claim.beside is not None and other is None:
        covered = []
    if not covered:
        return f"{head} was not tried."
    beside = other or SFT
    found = {label: compared[label, other] for label in covered if (label, other) in compared}
    if not found:
        return f"{head} could not be tested: {listed(covered)} or {beside} failed."
    numbers = "; ".join(
        f"{label} minus {beside} "
        + estimate(one.difference, one.low, one.high, measure.digits, signed=True)
        for label, one in found.items()
    )
    missing = [label for label in covered if label not in found]
    told = f" (failed: {listed(missing)})" if missing else ""
    if claim.sense == "equal" and all((label, other) in identical for label in found):
        return f"{head} holds exactly, in every example: {numbers}{told}."
    return f"{head} {_verdict(claim, list(found.values()), measure)}: {numbers}{told}."


def _verdict(claim: Claim, found: Sequence[Comparison], measure: Measure) -> str:
    if claim.sense == "equal":
        apart = any(_side(one, measure) for one in found)
        return "is contradicted" if apart else "is not contradicted"
    wanted = "better" if claim.sense == "above" else "worse"
    sides = [_side(one, measure) for one in found]
    if all(side == wanted for side in sides):
        return "holds"
    if any(side and side != wanted for side in sides):
        return "is contradicted"
    if all(side is None for side in sides):
        return "is not shown"
    shown = sum(side == wanted for side in sides)
    return f"is shown for {shown} of {len(sides)} values"


def _side(one: Comparison, measure: Measure) -> str | None:
    """Which side of the reference was shown, if any."""
    if one.verdict not in ("higher", "lower"):
        return None
    return "better" if measure.favours_first(one.difference or 0.0) else "worse"
