"""An ablation as a document: what it says in words, its table, its figure, its provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.reports.ablation.claims import readings
from harness.reports.ablation.figures import pictures
from harness.reports.ablation.values import Ablation, Cell, places
from harness.reports.compared.measures import Measure
from harness.reports.render.document import Cell as Shown
from harness.reports.render.document import (
    Document,
    Section,
    Table,
    estimate,
    listed,
    number,
    p_value,
    seconds,
    words,
)
from harness.reports.runs.systems import System
from harness.reports.sections.cost_tables import mean_cost, text_s, timed_apart, training_s
from harness.reports.sections.settings_and_runs import provenance_section, warnings
from harness.statistics import Comparison, Interval


def document(found: Ablation, commands: Sequence[str] = ()) -> Document:
    """The report of an ablation; `commands`: what made it."""
    named = listed([axis.name for axis in found.axes])
    made = f"; made by {' and '.join(commands)}" if commands else "; made by harness ablate"
    section = Section(
        "ablation",
        f"{found.method} over {named}",
        tuple(sentences(found)),
        (table(found),),
        pictures(found),
    )
    runs = sum(len(system.runs) for system in found.board.systems)
    return Document(
        f"Ablation of {found.method} over {named}",
        f"{runs} runs on {found.board.task}{made}",
        (section, provenance_section([found.board])),
        tuple(warnings([found.board], failures(found))),
        facts(found),
    )


def sentences(found: Ablation) -> list[str]:
    """The best value, how values stand beside the reference, and which claims hold here."""
    measure = found.main
    known = [cell for cell in found.cells if _value(cell, measure) is not None]
    sign = 1 if measure.lower_is_better else -1
    best = min(known, key=lambda cell: sign * (_value(cell, measure) or 0.0))
    top = best.intervals[measure.name]
    told = [
        f"Best on {measure.title} ({measure.unit}): {best.label},"
        f" {estimate(top.value, top.low, top.high, measure.digits).text}."
    ]
    if found.reference:
        told[0] += f" {_beside(found)}"
    if found.claims:
        told += _readings(found)
    return told


def _readings(found: Ablation) -> list[str]:
    return readings(found.claims, places(found), found.compared, found.identical, found.main)


def _beside(found: Ablation) -> str:
    """Which values were shown better or worse than the reference."""
    groups: dict[str, list[str]] = {"better": [], "worse": [], "open": [], "untested": []}
    for cell in found.cells:
        one = found.compared.get((cell.label, None))
        if one is not None:
            groups[verdict(one, found.main)].append(cell.label)
    parts = []
    for key, what in (
        ("better", f"shown better than {found.reference}"),
        ("worse", f"shown worse than {found.reference}"),
        ("open", f"not shown to differ from {found.reference}"),
        ("untested", "without a verdict (too few users)"),
    ):
        if groups[key]:
            parts.append(f"{what}: {listed(groups[key])}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def verdict(one: Comparison, measure: Measure) -> str:
    """better, worse, open (tested, not shown) or untested."""
    if one.verdict in ("higher", "lower"):
        return "better" if measure.favours_first(one.difference or 0.0) else "worse"
    return "untested" if one.p_value is None else "open"


def failures(found: Ablation) -> list[str]:
    """A line for each value, and for each reference, that has no run in some seed."""
    broken = [(cell.label, cell.failures) for cell in found.cells]
    broken += [
        (cell.reference.name if cell.reference else f"{found.reference}", cell.reference_failures)
        for cell in found.cells
    ]
    lines = [
        f"{name}: failed in seed{'s' if len(why) > 1 else ''}"
        f" {listed([str(seed) for seed in why])}: {next(iter(why.values()))}"
        for name, why in broken
        if why
    ]
    return list(dict.fromkeys(lines))  # values may share a reference


def table(found: Ablation) -> Table:
    """A row a value, then the reference."""
    others = [one for one in found.measures if one is not found.main]
    beside = found.reference is not None
    heads = [
        *(axis.name for axis in found.axes),
        _head(found.main),
        *([f"minus {found.reference}", "p (Holm)", "verdict"] if beside else []),
        *map(_head, others),
        "training",
        "time per text",
        "parameters",
        "training seeds",
    ]
    rows = [_row(found, cell, others) for cell in found.cells]
    references = {cell.reference.name: cell for cell in found.cells if cell.reference}
    for name, cell in references.items():
        rows.append(_reference_row(found, name, cell, others))
    notes = [
        f"Differences and verdicts are about {found.main.title}: approximate randomisation over"
        " users, Holm over all values, and an interval of the difference without 0."
    ]
    if timed_apart(found.board):
        notes.append(f"Times are left out: {timed_apart(found.board)}.")
    name = "_".join(["ablation", *(axis.name.replace(".", "_") for axis in found.axes)])
    return Table(name, "Every value", tuple(heads), tuple(rows), tuple(notes))


def verdict_columns(found: Ablation) -> int:
    """How many of the table's columns lead up to the verdict: values, main measure, comparison."""
    return len(found.axes) + 1 + (3 if found.reference is not None else 0)


def _head(measure: Measure) -> str:
    return f"{measure.title}{' ↓' if measure.lower_is_better else ''}, {measure.unit}"


def _row(found: Ablation, cell: Cell, others: Sequence[Measure]) -> tuple[Shown, ...]:
    labels = [words(value) for value in cell.values]
    if cell.system is None:
        rest = (3 if found.reference else 0) + len(others) + 3
        return (*labels, words("failed"), *[words("–")] * rest, number(0, 0))
    compared: list[Shown] = []
    if found.reference:
        one = found.compared.get((cell.label, None))
        digits = found.main.digits
        compared = [words("–")] * 3
        if one is not None:
            told = {"open": "not shown", "untested": one.reason or "–"}
            judged = verdict(one, found.main)
            compared = [
                estimate(one.difference, one.low, one.high, digits, signed=True),
                p_value(one.p_holm),
                words(told.get(judged, judged)),
            ]
    return (
        *labels,
        _estimate(cell.intervals.get(found.main.name), found.main),
        *compared,
        *(_estimate(cell.intervals.get(one.name), one) for one in others),
        *_costs(found, cell.system),
        number(len(cell.system.runs), 0),
    )


def _reference_row(
    found: Ablation, name: str, cell: Cell, others: Sequence[Measure]
) -> tuple[Shown, ...]:
    assert cell.reference is not None
    blanks = [words("")] * (len(found.axes) - 1)
    return (
        words(name),
        *blanks,
        _estimate(cell.references.get(found.main.name), found.main),
        *([words("–")] * 3),
        *(_estimate(cell.references.get(one.name), one) for one in others),
        *_costs(found, cell.reference),
        number(len(cell.reference.runs), 0),
    )


def _costs(found: Ablation, system: System) -> tuple[Shown, ...]:
    timed = timed_apart(found.board) is None
    return (
        seconds(mean_cost(system, training_s)) if timed else words("–"),
        seconds(mean_cost(system, text_s)) if timed else words("–"),
        number(system.record.backbone.method_parameters, 0),
    )


def _estimate(one: Interval | None, measure: Measure) -> Shown:
    return words("–") if one is None else estimate(one.value, one.low, one.high, measure.digits)


def _value(cell: Cell, measure: Measure) -> float | None:
    one = cell.intervals.get(measure.name)
    return None if one is None else one.value


def facts(found: Ablation) -> dict[str, Any]:
    """The JSON document: every value with its intervals, comparison, runs and failures."""

    def ends(intervals: Any) -> dict[str, Any]:
        return {
            name: {"value": one.value, "low": one.low, "high": one.high}
            for name, one in intervals.items()
        }

    return {
        "method": found.method,
        "task": found.board.task,
        "over": [{"name": one.name, "setting": one.key} for one in found.axes],
        "reference": found.reference,
        "main": found.main.name,
        "users": len(set(found.board.users.values())),
        "claims": _readings(found) if found.claims else [],
        "values": [
            {
                "values": list(cell.values),
                "seeds": cell.system.seeds if cell.system else [],
                "runs": [str(run.folder) for run in cell.system.runs] if cell.system else [],
                "failed": {str(seed): why for seed, why in cell.failures.items()},
                "measures": ends(cell.intervals),
                "reference": ends(cell.references),
                "minus_reference": _compared(found.compared.get((cell.label, None))),
            }
            for cell in found.cells
        ],
    }


def _compared(one: Comparison | None) -> dict[str, Any] | None:
    if one is None:
        return None
    keys = ("difference", "low", "high", "p_value", "p_holm", "smallest_detectable", "verdict")
    return {key: getattr(one, key) for key in keys}
