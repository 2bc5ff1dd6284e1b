"""Preference following on the built-in benchmark: the share of called-for habits that are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from harness.metrics.means import mean_score
from harness.metrics.slices import slice_names, slice_of
from harness.metrics.summary import mean_interval
from harness.statistics import PERCENT_MEAN, Panel
from harness.types import Score

SIGNATURE = "following|calls:0-100|mean:examples"


class CallLike(Protocol):
    """A place of a reference that calls for a preference; `chance` is a share from 0 to 1."""

    @property
    def kind(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def held_out(self) -> bool: ...
    @property
    def chance(self) -> float: ...


@dataclass(frozen=True)
class Rate:
    """How often calls were followed, 0–100, beside what an author drawn by chance would give.

    Both are means over examples of the mean over the example's calls; `calls` counts calls.
    """

    score: Score
    chance: float | None
    calls: int


@dataclass(frozen=True)
class Following:
    """Rates without held-out calls – overall and broken down – and the held-out ones apart."""

    overall: Rate
    held_out: Rate
    by_kind: dict[str, Rate]
    by_family: dict[str, Rate]
    by_slice: dict[str, Rate]


def following(
    calls: Sequence[Sequence[CallLike]],
    followed: Sequence[Sequence[bool]],
    starts: Sequence[int],
    panel: Panel,
) -> Following:
    """Preference following with intervals over users.

    calls and followed: per example, per call; `starts` where slices begin, in slice tokens.
    Slices go by the call's position in the reference. An example without a call of some sort
    has None there. Raises ValueError where the lengths differ.
    """
    rows = [
        list(zip(places, kept, strict=True)) for places, kept in zip(calls, followed, strict=True)
    ]

    def rate(wanted: Callable[[CallLike], bool]) -> Rate:
        chosen = [[(call, kept) for call, kept in row if wanted(call)] for row in rows]
        each = [100 * fmean(kept for _, kept in row) if row else None for row in chosen]
        chances = [100 * fmean(call.chance for call, _ in row) for row in chosen if row]
        score = mean_score(each, SIGNATURE, "no call of this sort in any reference")
        score = mean_interval(score, panel, PERCENT_MEAN)
        return Rate(score, fmean(chances) if chances else None, sum(map(len, chosen)))

    trained = [call for row in rows for call, _ in row if not call.held_out]
    kinds = sorted({call.kind for call in trained})
    families = sorted({call.family for call in trained})
    return Following(
        overall=rate(lambda call: not call.held_out),
        held_out=rate(lambda call: call.held_out),
        by_kind={kind: rate(_trained("kind", kind)) for kind in kinds},
        by_family={family: rate(_trained("family", family)) for family in families},
        by_slice={name: rate(_in_slice(at, starts)) for at, name in enumerate(slice_names(starts))},
    )


def _trained(attribute: str, value: str) -> Callable[[CallLike], bool]:
    return lambda call: not call.held_out and getattr(call, attribute) == value


def _in_slice(at: int, starts: Sequence[int]) -> Callable[[CallLike], bool]:
    return lambda call: not call.held_out and slice_of(call.position, starts) == at
