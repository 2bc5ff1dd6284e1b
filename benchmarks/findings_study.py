"""What the pages of findings say about one study: its comparison and its records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.record import Record, find_runs, read_record

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"


@dataclass(frozen=True)
class Study:
    """The comparison of one study.

    name: the study.
    facts: what `harness compare --json` prints of its only task.
    """

    name: str
    facts: Mapping[str, Any]

    @cached_property
    def records(self) -> Mapping[str, list[Record]]:
        """System → its records, in the order of their seeds."""
        return {
            system["name"]: [_record(ROOT / run) for run in system["runs"]]
            for system in self.facts["systems"]
        }

    def first(self, system: str) -> Record:
        """The record of the system's first seed."""
        return self.records[system][0]

    @property
    def names(self) -> list[str]:
        """Systems, in the comparison's order."""
        return list(self.records)

    def seeds(self, system: str) -> int:
        """Number of training seeds."""
        return len(self.records[system])

    def estimate(self, system: str, measure: str = "following") -> Interval:
        """A measure of a system over all its seeds."""
        found = self.facts["measures"].get(measure) or self.facts["lift"][measure]
        return Interval.of(found["values"][system])

    def difference(self, first: str, second: str, measure: str = "following") -> Interval:
        """First − second, whichever way the comparison holds them."""
        found = self.facts["measures"].get(measure) or self.facts["lift"][measure]
        for each in found["comparisons"]:
            if (each["first"], each["second"]) == (first, second):
                return Interval.of(each, value="difference")
            if (each["first"], each["second"]) == (second, first):
                return -Interval.of(each, value="difference")
        raise KeyError(f"{self.name}: no comparison of {first} and {second} on {measure}")

    def mean(self, system: str, read: str) -> float:
        """Mean over seeds of a number of the record: "training.seconds_total"."""
        return fmean(float(_reach(record, read.split("."))) for record in self.records[system])

    def ratio(self, first: str, second: str, read: str) -> float:
        """Ratio of two systems' means over seeds."""
        return self.mean(first, read) / self.mean(second, read)

    def has(self, system: str) -> bool:
        """Whether the study has this system."""
        return system in self.records

    def is_plain(self, system: str) -> bool:
        """Whether it is a method with its usual settings."""
        return system == self.first(system).method

    def seeds_of(self, system: str, lift: str) -> int:
        """Number of training seeds with a lift view, e.g. "lift texts random following"."""
        view = lift.split()[1]
        return sum(
            bool(record.lift and getattr(record.lift, view)) for record in self.records[system]
        )

    def claim(self, statement: str) -> Mapping[str, Any]:
        """The answer to a paper's claim. Raises KeyError if the comparison has none."""
        for one in self.facts["claims"]:
            if one["statement"] == statement:
                return one  # type: ignore[no-any-return]
        raise KeyError(f"{self.name}: no claim {statement!r}")

    def fading(self) -> dict[str, Mapping[str, Any]]:
        """System → where its user fades."""
        return {one["system"]: one for one in self.facts["fading"]}

    def wall_hours(self) -> float:
        """Wall time of all runs together."""
        runs = [record for records in self.records.values() for record in records]
        return sum(record.wall_s or 0.0 for record in runs) / 3600

    def by_position(self, system: str, metric: str = "following") -> list[float]:
        """A metric's slices, each the mean over seeds."""
        each = [
            [one.value or 0.0 for one in record.slices[metric]] for record in self.records[system]
        ]
        return [fmean(values) for values in zip(*each, strict=True)]

    def lift_by_position(self, system: str) -> list[float]:
        """Own − random other in likelihood, nats a token, in each slice; the mean over seeds."""
        each = [
            [pair.own_other.value for name, pair in pairs.items() if name != "all"]
            for record in self.records[system]
            if (pairs := record.lift.likelihood["random"])
        ]
        return [fmean(values) for values in zip(*each, strict=True)]


@dataclass(frozen=True)
class Interval:
    """A number, its 95 % interval and what is said of it.

    p: Holm's p of a difference.
    about: "methods" or "checkpoints".
    shown: whether the family's test shows the difference.
    """

    value: float
    low: float
    high: float
    p: float | None = None
    about: str = "checkpoints"
    shown: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any], value: str = "value") -> Interval:
        """From one entry of the facts. Raises KeyError if it has no number."""
        if found[value] is None or found["low"] is None:
            raise KeyError(f"no number with an interval in {found}")
        shown = found.get("verdict") in ("higher", "lower")
        return cls(
            found[value], found["low"], found["high"], found.get("p_holm"), found["about"], shown
        )

    def __neg__(self) -> Interval:
        return Interval(-self.value, -self.high, -self.low, self.p, self.about, self.shown)

    def above(self) -> bool:
        """Shown to be above 0, as a statement about methods."""
        return self.shown and self.value > 0 and self.about == "methods"

    def below(self) -> bool:
        """Shown to be below 0, as a statement about methods."""
        return (-self).above()


@cache
def _record(folder: Path) -> Record:
    """The record of a published run."""
    return read_record(folder)


def _reach(value: Any, names: Iterable[str]) -> Any:
    """`value.a.b`, or `value["a"].b` where it is a mapping."""
    for name in names:
        value = value[name] if isinstance(value, Mapping) else getattr(value, name)
    return value


@dataclass(frozen=True)
class Trial:
    """Passes and rate that were tried for a method, and the loss on val after them.

    run: its id.
    device: by torch's names, e.g. "cpu" or "cuda:0".
    """

    run: str
    method: str
    passes: float
    rate: float
    loss: float
    device: str


def trials(folder: Path) -> list[Trial]:
    """The finished trials of a folder of choices, by method, then by loss."""
    found = [
        Trial(
            record.run_id,
            record.method,
            training.epochs,
            training.lr,
            training.val_loss,
            record.device.device,
        )
        for record in map(read_record, find_runs([folder]))
        if (training := record.training) and training.val_loss is not None
    ]
    return sorted(found, key=lambda one: (one.method, one.loss))


def inspections(folder: Path) -> dict[str, dict[str, Any]]:
    """Run, then "text" or "reference" → what `harness inspect` found, as its JSON has it."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.rglob("inspection.json")):
        one = json.loads(file.read_text("utf-8"))
        found.setdefault(one["run"], {})[one["of"]] = one
    return found
