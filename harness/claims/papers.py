"""The files of claims, read and checked.

A claim names systems, a measure and a sense. It holds no number of ours: reports/claims answers it
from records.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from harness.errors import DataError, UsageError, did_you_mean

STRICT = ConfigDict(extra="forbid")
MAIN = "main"
"""The measure that a comparison's verdict is about."""
REASONER = "model.reasoner"
REASONER_SHARE = "reasoner share"
"""A selector's setting: the reasoner's parameters as a share of the generator's."""


@dataclass(frozen=True, config=STRICT)
class Selector:
    """Systems by method and, if named, by the range of one setting; all else is usual.

    setting: such as "method.lam", or `REASONER_SHARE`. low, high: the range, both ends included.
    """

    method: str
    setting: str | None = None
    low: float | None = None
    high: float | None = None

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

    statement: str
    where: str
    short: str = ""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class DifferenceClaim(_Claim):
    """Each of `first` against each of `second` on a measure.

    sense: above and below speak of the numbers as shown, so that above is better for most measures.
    margin: for "equal": the largest difference that counts as none, in the measure's unit.
    """

    kind: Literal["difference"] = "difference"
    first: Selectors
    second: Selectors
    measure: str = MAIN
    sense: Literal["above", "below", "equal"]
    margin: float = Field(default=0.0, ge=0)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class ValueClaim(_Claim):
    """The value of a measure of each of `first`, against 0.

    sense: below 0, above 0, or "not below": above minus the margin.
    """

    kind: Literal["value"]
    first: Selectors
    measure: str
    sense: Literal["above", "below", "not below"]
    margin: float = Field(default=0.0, ge=0)


@dataclass(frozen=True, config=STRICT, kw_only=True)
class CostClaim(_Claim):
    """The ratio of a cost, first ÷ second, lies between `low` and `high`."""

    kind: Literal["cost"]
    first: Selectors
    second: Selectors
    cost: Literal["training_s", "text_s", "peak_mib"]
    low: float = 0.0
    high: float = float("inf")


Claim = DifferenceClaim | ValueClaim | CostClaim


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

    name: str
    arxiv: str
    benchmark: str
    claims: tuple[Annotated[Claim, Field(discriminator="kind")], ...]
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
        data: dict[str, Any] = tomllib.loads(text)
        for one in data.get("claims", ()):
            one.setdefault("kind", "difference")
        return TypeAdapter(Paper).validate_python(data)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{source}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{source}: {place}: {first['msg']}; found {first['input']!r}. The form of these files"
            " is in docs/claims.md"
        ) from None
