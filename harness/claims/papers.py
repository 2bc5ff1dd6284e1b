"""The files of claims, read and checked.

A claim names systems, a measure and a sense. It holds no number of ours: reports/claims answers it
from records.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from harness.errors import DataError, UsageError, did_you_mean

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
Name = Annotated[str, Field(min_length=1)]
MAIN = "main"
"""The measure that a comparison's verdict is about."""
REASONER = "model.reasoner"
REASONER_SHARE = "reasoner share"
"""A selector's setting: the reasoner's parameters as a share of the generator's."""


def _refuse_reversed(low: float, high: float) -> None:
    """Raises ValueError for a range that no value lies in."""
    if low > high:
        raise ValueError(f"low = {low:g} is above high = {high:g}; expected low ≤ high")


@dataclass(frozen=True, config=STRICT)
class Selector:
    """Systems by method and, if named, by the range of one setting; all else is usual.

    setting: such as "method.lam", or `REASONER_SHARE`. low, high: the range, both ends included;
        with a setting only, and then both.
    """

    method: Name
    setting: str | None = None
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.setting is not None and self.setting != REASONER_SHARE and "." not in self.setting:
            raise ValueError(
                f'setting = "{self.setting}"; expected section.key, such as "method.lam", or'
                f' "{REASONER_SHARE}"'
            )
        if self.setting is None and (self.low, self.high) != (None, None):
            raise ValueError("low or high without setting, whose range it is; name the setting")
        if self.setting is not None and (self.low is None or self.high is None):
            raise ValueError(
                f'setting = "{self.setting}" without low or high; expected both ends of its range,'
                " the same number twice for one value"
            )
        if self.low is not None and self.high is not None:
            _refuse_reversed(self.low, self.high)
        return self

    def covers(self, value: object) -> bool:
        """Whether a value of the setting lies in the range."""
        if not isinstance(value, (int, float)) or self.low is None or self.high is None:
            return False
        return self.low <= value <= self.high

    @property
    def ends(self) -> tuple[Selector, ...]:
        """What must be run for a claim to hold: both ends of a range of a setting, else itself.

        A range of reasoner shares is a tolerance, within which any share will do.
        """
        if self.setting in (None, REASONER_SHARE) or self.low == self.high:
            return (self,)
        return replace(self, high=self.low), replace(self, low=self.high)

    def __str__(self) -> str:
        if self.setting is None:
            return self.method
        name = self.setting.removeprefix("method.")
        if self.low == self.high:
            return f"{self.method} with {name} {self.low:g}"
        return f"{self.method} with {name} {self.low:g} to {self.high:g}"


def _as_selectors(given: object) -> object:
    """`"sft"`, a table, or a list of both → a list of tables."""
    each = given if isinstance(given, list) else [given]
    return [{"method": one} if isinstance(one, str) else one for one in each]


Selectors = Annotated[tuple[Selector, ...], BeforeValidator(_as_selectors), Field(min_length=1)]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class _Claim:
    """What every claim has.

    statement: the claim in a sentence. where: where the paper makes it.
    short: a few words for a figure; "" for none.
    """

    statement: Name
    where: str
    short: str = ""


def _refuse_margin(sense: str, margin: float, only: str) -> None:
    """Raises ValueError for a margin that the answer would not read."""
    if margin and sense != only:
        raise ValueError(
            f'margin = {margin:g} with sense = "{sense}"; expected none: a margin goes with'
            f' "{only}" alone'
        )


@dataclass(frozen=True, config=STRICT, kw_only=True)
class DifferenceClaim(_Claim):
    """Each of `first` against each of `second` on a measure.

    sense: on the main measure above is better, even where lower numbers are. On a measure that the
        claim names, above and below speak of the numbers.
    margin: for "equal": the largest difference that counts as none, in the measure's unit.
    """

    kind: Literal["difference"] = "difference"
    first: Selectors
    second: Selectors
    measure: Name = MAIN
    sense: Literal["above", "below", "equal"]
    margin: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_margin(self.sense, self.margin, "equal")
        return self


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ValueClaim(_Claim):
    """The value of a measure of each of `first`, against 0.

    sense: below 0, above 0, or "not below": above minus the margin; above is what it is in a
        `DifferenceClaim`.
    """

    kind: Literal["value"]
    first: Selectors
    measure: Name
    sense: Literal["above", "below", "not below"]
    margin: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_margin(self.sense, self.margin, "not below")
        return self


@dataclass(frozen=True, config=STRICT, kw_only=True)
class CostClaim(_Claim):
    """The ratio of a cost, first ÷ second, lies between `low` and `high`; one of them may be left
    out."""

    kind: Literal["cost"]
    first: Selectors
    second: Selectors
    cost: Literal["training_s", "text_s", "peak_mib"]
    low: float = Field(default=0.0, ge=0)
    high: float = Field(default=inf, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low and self.high == inf:
            raise ValueError("every ratio lies in this range; expected low above 0, high, or both")
        _refuse_reversed(self.low, self.high)
        return self


Claim = DifferenceClaim | ValueClaim | CostClaim


def _as_kind(given: object) -> object:
    """A table without `kind` is a difference."""
    return {"kind": "difference", **given} if isinstance(given, dict) else given


def _once(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """Raises ValueError for a claim that occurs twice: it would count twice in the family."""
    for claim, count in Counter(claims).items():
        if count > 1:
            raise ValueError(f"{claim.statement!r} stands {count} times; expected once")
    return claims


Claims = Annotated[
    tuple[Annotated[Claim, Field(discriminator="kind"), BeforeValidator(_as_kind)], ...],
    AfterValidator(_once),
]


@dataclass(frozen=True, config=STRICT)
class Reported:
    """Numbers of a paper: shown for orientation, never tested.

    metric: whose values they are. values: task → method → value.
    """

    mark: str
    source: str
    metric: str
    values: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, config=STRICT)
class Paper:
    """One file. name: the method's. arxiv: its identifier. claims: in the paper's order."""

    name: Name
    arxiv: str
    benchmark: str
    claims: Claims
    reported: Reported | None = None

    def about(self, setting: str) -> Paper:
        """The paper with only the claims about this setting."""
        kept = (one for one in self.claims if any(each.setting == setting for each in one.first))
        return replace(self, claims=tuple(kept))


def read_paper(path: Path) -> Paper:
    """A file of claims. Raises DataError naming the file and the field."""
    try:
        return _read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a file of claims: {error}") from None


@cache
def papers() -> Mapping[str, Paper]:
    """The papers that ship, by name."""
    found = sorted(files("harness.claims").iterdir(), key=lambda one: one.name)
    return {
        one.name.removesuffix(".toml"): _read(one.read_text(encoding="utf-8"), one.name)
        for one in found
        if one.name.endswith(".toml")
    }


def paper(name: str) -> Paper:
    """A paper that ships, or the file at a path. Raises UsageError for an unknown name."""
    if name in papers():
        return papers()[name]
    if name.endswith(".toml"):
        return read_paper(Path(name))
    raise UsageError(
        f"--paper {name}: no such paper.{did_you_mean(name, sorted(papers()))} Known:"
        f" {', '.join(papers())}, or a file that ends in .toml"
    )


def _read(text: str, source: str) -> Paper:
    try:
        return TypeAdapter(Paper).validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{source}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise DataError(
            f"{source}: {place}: {message}; found {first['input']!r:.200}. The form of these files"
            " is in docs/claims.md"
        ) from None
