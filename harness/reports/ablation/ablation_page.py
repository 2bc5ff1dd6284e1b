"""An ablation as a document: sentences, table, figures, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from harness.errors import counted
from harness.reports.ablation.figures import pictures
from harness.reports.ablation.values import Ablation, Cell
from harness.reports.claims.claims_page import claim_facts, claims_table
from harness.reports.compared.contrasts import Outcome
from harness.reports.compared.facts import floor_facts
from harness.reports.render.numbers import estimate
from harness.reports.render.section import Document, Part, Section, listed, section
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.system_costs import times_not_comparable
from harness.reports.runs.systems import System
from harness.reports.sections.metric_table import floor_notes, mark_metrics
from harness.reports.sections.settings_and_runs import provenance_part, warnings
from harness.reports.sections.system_columns import (
    P_HOLM,
    SEEDS,
    SystemColumn,
    gap_cells,
    gap_column,
    recorded,
    time_columns,
    values,
)
from harness.reports.sections.verdict_sentences import ABOUT_CHECKPOINTS

GROUPS: tuple[tuple[Outcome, str], ...] = (
    ("better", "significantly better than {}"),
    ("worse", "significantly worse than {}"),
    ("open", "no significant difference from {}"),
    ("untested", "without a verdict (too few users)"),
)
"""How the sentence about the reference calls the values with each outcome."""


def document(found: Ablation, commands: Sequence[str] = ()) -> Document:
    """The report of an ablation; `commands`: what made it."""
    over = f"{found.method} over {listed([axis.name for axis in found.axes])}"
    claims = tuple(claims_table(paper, each, found.board) for paper, each in found.claims)
    part = Part(tuple(sentences(found)), pictures(found), (table(found), *claims))
    runs = len({run.folder for system in found.board.systems for run in system.runs})
    return Document(
        f"Ablation of {over}",
        f"{counted(runs, 'run')} on {found.board.task}; made by"
        f" {' and '.join(commands) or 'harness ablate'}",
        (
            Section(**vars(part), name="ablation", title=over),
            section("provenance", [provenance_part(found.board)]),
        ),
        tuple(warnings([found.board], failures(found))),
        facts(found),
    )


def sentences(found: Ablation) -> list[str]:
    """The best value, or all that are, and how values compare with the reference."""
    measure, labels = found.main.measure, [cell.label for cell in found.cells]
    values, ranked = found.main.values, [name for name in found.main.order if name in labels]
    best = [name for name in ranked if values[name].value == values[ranked[0]].value]
    top, alike = estimate(values[ranked[0]], measure.digits), " alike" if len(best) > 1 else ""
    line = f"Best on {measure.title} ({measure.unit}): {listed(best)}{alike}, {top}."
    outcomes = {label: found.main.outcome(label, other) for label, other in _compared(found)}
    parts = [
        f"{words.format(found.reference)}: {listed(group)}"
        for outcome, words in GROUPS
        if (group := [label for label, one in outcomes.items() if one == outcome])
    ]
    text = "; ".join(parts)
    line += f" {text[:1].upper()}{text[1:]}." if text else ""
    line += f" {ABOUT_CHECKPOINTS}" if found.board.about == "checkpoints" else ""
    return [line]


def _compared(found: Ablation) -> list[tuple[str, str]]:
    """The values that were compared with their reference, and its name."""
    return [pair for pair in found.references.items() if found.main.between(*pair)]


def failures(found: Ablation) -> list[str]:
    """A line for each value or reference whose run failed for some seed."""
    broken = [(cell.label, cell.tried.failures) for cell in found.cells]
    broken += [
        (found.references.get(cell.label, f"{found.reference}"), cell.tried.reference_failures)
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
    columns = _columns(found)
    failed = ("failed", *[None] * (len(columns) - 2), 0)

    def row(system: System | None) -> tuple[Value, ...]:
        return tuple(read(system) for _, read in columns) if system else failed

    references = {cell.reference.name: cell.reference for cell in found.cells if cell.reference}
    blanks = [""] * (len(found.axes) - 1)
    rows = [(*cell.tried.values, *row(cell.system)) for cell in found.cells]
    rows += [(name, *blanks, *row(system)) for name, system in references.items()]
    notes = [
        f"Differences and verdicts are about {found.main.measure.title}: approximate randomisation"
        " over users, Holm over all values, and an interval of the difference without 0."
    ]
    if caveat := times_not_comparable(found.board):
        notes.append(f"Times are left out: {caveat}.")
    heads = (*(Column(axis.name) for axis in found.axes), *(column for column, _ in columns))
    name = "_".join(["ablation", *(axis.name.replace(".", "_") for axis in found.axes)])
    shown = Table(name, "Every value", heads, tuple(rows), (*notes, *floor_notes(found.compared)))
    names = {one.measure.title: name for name, one in found.compared.contrasts.items()}
    floors = (
        (
            floor.method,
            *blanks,
            *(recorded(floor.metrics.get(names.get(column.title, ""))) for column, _ in columns),
        )
        for floor in found.board.floors
    )
    return mark_metrics(shown.with_faint(floors), found.compared)


def _columns(found: Ablation) -> list[SystemColumn]:
    main, references = found.main, found.references
    compared: list[SystemColumn] = [
        (
            gap_column(main.measure, f"{found.reference}"),
            lambda one: gap_cells(main, one.name, references.get(one.name))[0],
        ),
        (P_HOLM, lambda one: gap_cells(main, one.name, references.get(one.name))[1]),
        (Column("verdict"), lambda one: _verdict(found, one.name)),
        (Column("about"), lambda one: _about(found, one.name)),
    ]
    return [
        values(main),
        *(compared if found.reference else []),
        *(values(one, wide=True) for one in found.compared.contrasts.values() if one is not main),
        *time_columns(found.board, wide=True),
        (
            Column("parameters", "", "number", 0, wide=True),
            lambda one: one.record.backbone.method_parameters,
        ),
        (replace(SEEDS[0], wide=True), SEEDS[1]),
    ]


def _verdict(found: Ablation, label: str) -> str | None:
    reference = found.references.get(label, "")
    one = found.main.between(label, reference)
    if one is None:
        return None
    outcome = found.main.outcome(label, reference)
    return {"open": "not significant", "untested": one.reason or "–"}.get(outcome, outcome)


def _about(found: Ablation, label: str) -> str | None:
    """What the verdict on a value is about: methods, or checkpoints."""
    one = found.main.between(label, found.references.get(label, ""))
    return None if one is None else one.about


def facts(found: Ablation) -> dict[str, object]:
    """The JSON document: for every value its intervals, comparison, runs and failures."""
    return {
        "method": found.method,
        "task": found.board.task,
        "over": [{"name": one.name, "setting": one.key} for one in found.axes],
        "reference": found.reference,
        "main": found.main.measure.name,
        "about": found.board.about,
        "users": found.board.user_count,
        "claims": [one for paper, each in found.claims for one in claim_facts(paper, each)],
        **floor_facts(found.compared),
        "values": [_facts(found, cell) for cell in found.cells],
    }


def _facts(found: Ablation, cell: Cell) -> dict[str, object]:
    def ends(system: System | None) -> dict[str, object]:
        if system is None:
            return {}
        found_values = {name: one.values[system.name] for name, one in contrasts.items()}
        return {
            name: {"value": one.value, "low": one.low, "high": one.high}
            for name, one in found_values.items()
        }

    contrasts = found.compared.contrasts
    gap = found.main.between(cell.label, found.references.get(cell.label, ""))
    return {
        "values": list(cell.tried.values),
        "seeds": cell.system.seeds if cell.system else [],
        "runs": [str(run.folder) for run in cell.system.runs] if cell.system else [],
        "failed": {str(seed): why for seed, why in cell.tried.failures.items()},
        "measures": ends(cell.system),
        "reference": ends(cell.reference),
        "minus_reference": gap and asdict(gap),
    }
