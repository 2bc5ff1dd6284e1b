"""Numbers in a record: a value with its interval, overall, by slice of the target, or a slope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from pydantic import ConfigDict, JsonValue

from harness.types import Score

Json = JsonValue
"""Any JSON value, for settings and for reports of a method, whose shape is not fixed."""


class View:
    """Base of everything in a record: unknown fields, wrong types and NaN are errors on reading."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def __bool__(self) -> Literal[True]:
        """Always True, so that `part and part.field` is None only without a part."""
        return True


@dataclass(frozen=True, kw_only=True)
class Estimate(View):
    """A number with its 95 % interval over users."""

    value: float | None
    """The number; null where it cannot be computed."""
    low: float | None = None
    """Lower end of the interval; null with one user."""
    high: float | None = None
    """Upper end of the interval; null with one user."""
    missing: str | None = None
    """Why there is no value, and what to do about it."""


class Ends(TypedDict):
    """The fields of an `Estimate`, to be unpacked into one."""

    value: float | None
    low: float | None
    high: float | None
    missing: str | None


class Number(Protocol):
    """A number with its interval."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


class HasInterval(Number, Protocol):
    """A number that may be missing: a metric's score, an estimate."""

    @property
    def missing(self) -> str | None: ...


def ends_of(number: HasInterval) -> Ends:
    """`number` as the fields of an `Estimate`: `Drift(examples=9, **ends_of(score))`."""
    return Ends(value=number.value, low=number.low, high=number.high, missing=number.missing)


@dataclass(frozen=True, kw_only=True)
class MetricScore(Estimate):
    """A metric over all examples."""

    signature: str
    """How it was computed; scores compare only where signatures agree."""
    unseen: float | None = None
    """Share of the references' letters that the metric's tokenizer does not see; null if
    unknown."""

    @classmethod
    def of(cls, score: Score) -> MetricScore:
        """Without the examples' values, which are stored with the examples."""
        return cls(signature=score.signature, unseen=score.unseen, **ends_of(score))


@dataclass(frozen=True, kw_only=True)
class QualityScore(MetricScore):
    """A measure of text quality (length, repetition, …) over all examples."""

    references: float | None
    """The same of the references."""


@dataclass(frozen=True, kw_only=True)
class SliceEstimate(Estimate):
    """A number of one slice of the target."""

    slice: str
    """Name of the slice, e.g. `100-200`."""
    start: int
    """The slice token at which it begins, counted from 0."""
    examples: int | None = None
    """Examples whose reference has a token in the slice; null where they are not counted."""


@dataclass(frozen=True, kw_only=True)
class Drift(Estimate):
    """Slope of a number over the position in the target, per 100 slice tokens."""

    examples: int
    """Examples that reach every slice; the slope is over these."""


@dataclass(frozen=True, kw_only=True)
class Curve(Estimate):
    """A number over all examples, by slice, and its drift."""

    slices: tuple[SliceEstimate, ...]
    """The number in each slice."""
    drift: Drift
    """How it changes along the target."""


@dataclass(frozen=True, kw_only=True)
class Group(Estimate):
    """A metric on one group of the places in the texts that it counts."""

    chance: float | None
    """What an author drawn at random would reach; null if unknown."""
    places: int
    """Number of places."""


@dataclass(frozen=True, kw_only=True)
class Breakdown(Group):
    """A metric on all places that it counts, between floor and ceiling, and by group."""

    floor: float | None
    """The value of the same inputs written by another author; null with one author."""
    ceiling: float | None
    """The value of the references."""
    groups: Mapping[str, Mapping[str, Group]]
    """Way of grouping → name of the group → its value. `held_out` → `all` holds the places that
    training never shows; no other number counts them.
    """
