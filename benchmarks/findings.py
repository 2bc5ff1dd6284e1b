"""README's results, docs/findings.md and the costs in docs/methods.md, from published records.

The pages are templates (`benchmarks/pages`) without numbers of their own: each number is looked up
in the comparison of the records, and a sentence that says more than a number states its condition
with `given`. A page whose condition is no longer true cannot be written.

    python -m benchmarks.findings compare    records → results/published/comparisons, 30 s a study
    python -m benchmarks.findings write      comparisons → the pages
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import jinja2

from harness.inputs.digests import file_sha256
from harness.record import Record, find_runs, read_record
from harness.reports.render import numbers

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
PAGES = ROOT / "benchmarks" / "pages"
MEMORISED = ROOT / "benchmarks" / "figures" / "memorised.json"
"""What SmolLM2 completes of the references that it is tried on (`benchmarks.memorised`)."""
GATES = ROOT / "benchmarks" / "figures" / "gates.json"
"""Study → run → the trained gate on its thoughts, and the fingerprint of the run's weights."""
STUDIES: Mapping[str, tuple[str, ...]] = {
    "mini": ("mini",),
    "ablations": ("ablations",),
    "methods": (
        "methods",
        "mini/product_review/rag",
        "ablations/product_review/sft",
        "ablations/product_review/flythinker/s*-4676df02f4ef",
    ),
    "smollm2": ("smollm2",),
    "smollm2_gate": (
        "smollm2-gate",
        "smollm2/product_review/sft",
        "smollm2/product_review/flythinker",
    ),
}
"""Study → its folders of published records, below PUBLISHED; `*` as in a shell."""


class NoLongerTrueError(Exception):
    """A sentence whose condition the records do not meet."""


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


def given(condition: bool, claim: str) -> str:
    """ "" if the condition holds. Raises NoLongerTrueError with the claim otherwise."""
    if not condition:
        raise NoLongerTrueError(claim)
    return ""


def folders(name: str) -> list[Path]:
    """The folders of a study, from the repository's root."""
    found = [place for pattern in STUDIES[name] for place in sorted(PUBLISHED.glob(pattern))]
    return [place.relative_to(ROOT) for place in found]


def digests(name: str) -> dict[str, str]:
    """Path of each record of a study, from the repository's root → its sha256."""
    found = (run / "record.json" for run in find_runs([ROOT / one for one in folders(name)]))
    return {str(path.relative_to(ROOT)): file_sha256(path) for path in sorted(found)}


def stored(name: str) -> Path:
    """File of a study's comparison."""
    return PUBLISHED / "comparisons" / f"{name}.json"


def compare_records(name: str) -> None:
    """Write a study's comparison, with the digests of the records that it is made from."""
    from harness.reports.compare_runs import Options, compare

    (board,) = compare(folders(name), Options(texts=False)).facts["boards"]
    document = {"records": digests(name), "facts": board}
    stored(name).parent.mkdir(exist_ok=True)
    stored(name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def studies() -> dict[str, Study]:
    """Every stored comparison."""
    return {
        name: Study(name, json.loads(stored(name).read_text("utf-8"))["facts"]) for name in STUDIES
    }


def environment() -> jinja2.Environment:
    """Templates with the numbers' formats; an unknown name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES), undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    filters: dict[str, Callable[..., str]] = {
        "estimate": numbers.estimate,
        "entry": lambda found, digits: numbers.estimate(Interval.of(found), digits),
        "number": numbers.figure,
        "seconds": numbers.seconds,
        "positions": lambda values, digits: " · ".join(numbers.figure(x, digits) for x in values),
    }
    made.filters |= filters
    memorised = json.loads(MEMORISED.read_text("utf-8"))["tasks"]
    runs = json.loads(GATES.read_text("utf-8"))
    gates = {study: [one["gate"] for one in each.values()] for study, each in runs.items()}
    made.globals |= {"given": given, "memorised": memorised, "gates": gates}
    return made


def pages() -> dict[Path, str]:
    """Each page as it follows from the records. Two are their own text around the results."""
    made, found = environment(), studies()
    texts = {page: made.get_template(page).render(found) for page in ("results.md", "costs.md")}
    return {
        ROOT / "README.md": _within(ROOT / "README.md", texts["results.md"]),
        ROOT / "docs" / "methods.md": _within(ROOT / "docs" / "methods.md", texts["costs.md"]),
        ROOT / "docs" / "findings.md": made.get_template("findings.md").render(found),
    }


def _within(page: Path, results: str) -> str:
    """The page with these results between its marks."""
    start, end = "<!-- results: benchmarks/findings.py -->\n", "<!-- end of results -->\n"
    before, rest = page.read_text("utf-8").split(start)
    return before + start + results + end + rest.split(end)[1]


def main(words: list[str]) -> None:
    """The two steps."""
    if words[:1] == ["compare"]:
        for name in words[1:] or STUDIES:
            compare_records(name)
    elif words == ["write"]:
        for path, text in pages().items():
            path.write_text(text, "utf-8")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
