"""An ablation as a document: sentences, table, figures, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.ablation.claims import readings
from harness.reports.ablation.figures import pictures
from harness.reports.ablation.values import Ablation, Cell, places
from harness.reports.compared.measures import Measure
from harness.reports.render.document import Document, Section, listed
from harness.reports.render.numbers import estimate
from harness.reports.render.table import Cell as TableCell
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import System
from harness.reports.sections.columns import P_HOLM, cell_of, measure_column
from harness.reports.sections.cost_tables import mean_cost, text_s, times_not_comparable, training_s
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
    """The best value, how values compare with the reference, and which claims hold here."""
    measure = found.main
    known = [cell for cell in found.cells if _value(cell, measure) is not None]
    sign = 1 if measure.lower_is_better else -1
    best = min(known, key=lambda cell: sign * (_value(cell, measure) or 0.0))
    top = best.intervals[measure.name]
    lines = [
        f"Best on {measure.title} ({measure.unit}): {best.label},"
        f" {estimate(top.value, top.low, top.high, measure.digits)}."
    ]
    if found.reference:
        lines[0] += f" {_versus_reference(found)}"
    if found.claims:
        lines += _readings(found)
    return lines


def _readings(found: Ablation) -> list[str]:
    return readings(found.claims, places(found), found.compared, found.identical, found.main)


def _versus_reference(found: Ablation) -> str:
    """Which values are significantly better or worse than the reference."""
    groups: dict[str, list[str]] = {"better": [], "worse": [], "open": [], "untested": []}
    for cell in found.cells:
        one = found.compared.get((cell.label, None))
        if one is not None:
            groups[verdict(one, found.main)].append(cell.label)
    parts = []
    for key, what in (
        ("better", f"significantly better than {found.reference}"),
        ("worse", f"significantly worse than {found.reference}"),
        ("open", f"no significant difference from {found.reference}"),
        ("untested", "without a verdict (too few users)"),
    ):
        if groups[key]:
            parts.append(f"{what}: {listed(groups[key])}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def verdict(one: Comparison, measure: Measure) -> str:
    """better, worse, open (tested, not significant) or untested."""
    if one.verdict in ("higher", "lower"):
        return "better" if measure.favours_first(one.difference or 0.0) else "worse"
    return "untested" if one.p_value is None else "open"


def failures(found: Ablation) -> list[str]:
    """A line for each value or reference whose run failed for some seed."""
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
    """One row per value, then the references. The columns after the verdict are wide."""
    others = [one for one in found.measures if one is not found.main]
    columns = [
        *(Column(axis.name) for axis in found.axes),
        measure_column(found.main),
        *_compared_columns(found),
        *(measure_column(one, wide=True) for one in others),
        Column("training", kind="seconds", wide=True),
        Column("time per text", kind="seconds", wide=True),
        Column("parameters", "", "number", 0, wide=True),
        Column("training seeds", "", "number", 0, wide=True),
    ]
    rows = [_row(found, cell, others) for cell in found.cells]
    blanks = [""] * (len(found.axes) - 1)
    nothing = [None] * len(_compared_columns(found))
    for name, cell in {cell.reference.name: cell for cell in found.cells if cell.reference}.items():
        main, *rest = _measured(cell.references, [found.main, *others])
        rows.append((name, *blanks, main, *nothing, *rest, *_costs(found, cell.reference)))
    notes = [
        f"Differences and verdicts are about {found.main.title}: approximate randomisation over"
        " users, Holm over all values, and an interval of the difference without 0."
    ]
    if times_not_comparable(found.board):
        notes.append(f"Times are left out: {times_not_comparable(found.board)}.")
    name = "_".join(["ablation", *(axis.name.replace(".", "_") for axis in found.axes)])
    return Table(name, "Every value", tuple(columns), tuple(rows), tuple(notes))


def _compared_columns(found: Ablation) -> list[Column]:
    if found.reference is None:
        return []
    gap = Column(f"minus {found.reference}", "", "difference", found.main.digits)
    return [gap, P_HOLM, Column("verdict")]


def _row(found: Ablation, cell: Cell, others: Sequence[Measure]) -> tuple[Value, ...]:
    compared: list[Value] = [None] * len(_compared_columns(found))
    one = found.compared.get((cell.label, None))
    if one is not None:
        words = {"open": "not significant", "untested": one.reason or "–"}
        outcome = verdict(one, found.main)
        gap = TableCell(one.difference, one.low, one.high)
        compared = [gap, one.p_holm, words.get(outcome, outcome)]
    main, *rest = _measured(cell.intervals, [found.main, *others])
    if cell.system is None:
        main = "failed"
    return (*cell.values, main, *compared, *rest, *_costs(found, cell.system))


def _measured(intervals: Mapping[str, Interval], measures: Sequence[Measure]) -> list[Value]:
    return [cell_of(intervals.get(measure.name)) for measure in measures]


def _costs(found: Ablation, system: System | None) -> tuple[Value, ...]:
    if system is None:
        return (None, None, None, 0)
    timed = times_not_comparable(found.board) is None
    return (
        mean_cost(system, training_s) if timed else None,
        mean_cost(system, text_s) if timed else None,
        system.record.backbone.method_parameters,
        len(system.runs),
    )


def _value(cell: Cell, measure: Measure) -> float | None:
    one = cell.intervals.get(measure.name)
    return None if one is None else one.value


def facts(found: Ablation) -> dict[str, Any]:
    """The JSON document: for every value its intervals, comparison, runs and failures."""

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
