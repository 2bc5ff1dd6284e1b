"""The decision rule of the certificate: two questions, a margin, intervals. docs/certificate.md.

Every gap is oriented so that above 0 favours the method. Only gaps about methods decide: three
training seeds of every trained side, twenty users; their intervals hold both errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Carries = Literal["YES", "NO", "CANNOT TELL"]
Explains = Literal["NOTHING TO EXPLAIN", "COMPUTE", "MORE THAN COMPUTE", "CANNOT TELL"]


@dataclass(frozen=True)
class Gap:
    """A difference with its 95 % interval. why: why it decides nothing, or ""."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""

    @property
    def decides(self) -> bool:
        """Whether it is about methods and has an interval."""
        return not self.why and self.low is not None and self.high is not None

    def above(self, edge: float) -> bool:
        """Whether the interval lies above the edge."""
        return self.decides and self.low is not None and self.low > edge

    def not_above(self, edge: float) -> bool:
        """Whether the interval does not reach above the edge."""
        return self.decides and self.high is not None and self.high <= edge


def carries(own_other: Gap, margin: float) -> Carries:
    """Do thoughts carry the user?

    own_other: own thoughts − another user's. YES above 0, NO not above the margin.
    """
    if own_other.above(0.0):
        return "YES"
    return "NO" if own_other.not_above(margin) else "CANNOT TELL"


def explains(gain: Gap, arms: Sequence[Gap], margin: float) -> Explains:
    """What explains the gain over sft?

    gain: the method − sft. arms: the method − sft with its arithmetic, − sft with its parameters;
    both are needed for "more than compute", one suffices for "compute".
    """
    if gain.not_above(margin):
        return "NOTHING TO EXPLAIN"
    if not gain.above(0.0):
        return "CANNOT TELL"
    if any(arm.not_above(margin) for arm in arms):
        return "COMPUTE"
    return "MORE THAN COMPUTE" if all(arm.above(0.0) for arm in arms) else "CANNOT TELL"
