"""What the FlyThinker paper reports and claims (arXiv 2512.06690), read from paper.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from harness.reports.runs.systems import Board


@dataclass(frozen=True)
class Reported:
    """Numbers of the paper: shown for orientation, never tested.

    metric: whose values they are. values: task → method → value.
    """

    mark: str
    source: str
    metric: str
    values: Mapping[str, Mapping[str, float]]


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
    sense: Literal["above", "below", "equal"]
    baseline: tuple[float, float] | None = None

    def covers(self, place: float | None) -> bool:
        return place is not None and self.low <= place <= self.high


@dataclass(frozen=True)
class Paper:
    """The whole file. claims: setting → claims."""

    reported: Reported
    claims: Mapping[str, tuple[Claim, ...]]


@cache
def paper() -> Paper:
    """The paper's numbers and claims."""
    text = (files("harness.reports.runs") / "paper.toml").read_text(encoding="utf-8")
    return TypeAdapter(Paper).validate_python(tomllib.loads(text))


def reported(board: Board, metric: str) -> list[tuple[str, float]]:
    """Label and value of the board's methods in the paper; [] for the built-in benchmark."""
    known = paper().reported
    if board.systems[0].record.data.built_in or metric != known.metric:
        return []
    here = {system.record.method for system in board.systems}
    values = known.values.get(board.task, {})
    return [(f"{name} ({known.mark})", one) for name, one in values.items() if name in here]
