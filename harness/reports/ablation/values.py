"""What an ablation found: each value of a setting against the reference, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from harness.errors import DataError
from harness.record import ExampleValues
from harness.reports.ablation.claims import Claim, Compared, Pair, claims_about, value_pairs
from harness.reports.compared.contrasts import contrast_all, judge_family
from harness.reports.compared.measures import Measure, main_measure, measures_of
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import Board, Run, System
from harness.statistics import Interval


@dataclass(frozen=True)
class Axis:
    """A setting that was varied: as the user calls it, in full, and its values as given."""

    name: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One value of each setting and its runs, one a seed; failures: seed → why it has none.

    reference, reference_failures: the same of what it is compared with.
    """

    values: tuple[str, ...]
    runs: tuple[Run, ...]
    reference: tuple[Run, ...] = ()
    failures: Mapping[int, str] = field(default_factory=dict)
    reference_failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One value: its system and reference (None without a run), their intervals by measure."""

    label: str
    values: tuple[str, ...]
    system: System | None
    reference: System | None
    intervals: Mapping[str, Interval]
    references: Mapping[str, Interval]
    failures: Mapping[int, str]
    reference_failures: Mapping[int, str]


@dataclass(frozen=True)
class Ablation:
    """Everything that its tables, figures and sentences are made of; `cells` in the order tried.

    compared: value − reference, and value − value where a claim is about two of them, on the main
    measure, judged as one family (Holm).
    """

    method: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    reference: str | None
    board: Board
    measures: tuple[Measure, ...]
    main: Measure
    compared: Compared
    identical: frozenset[Pair] = frozenset()
    """Those of the pairs that do not differ in any example, seed or measure."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the paper says of the one setting that was varied; nothing of a grid."""
        if len(self.axes) > 1:
            return ()
        return claims_about(self.method, self.axes[0].key, self.reference)


def ablation(
    method: str,
    axes: Sequence[Axis],
    tried: Sequence[Tried],
    reference: str | None,
    metric: str | None = None,
) -> Ablation:
    """Raises DataError where no run finished, or where the runs share no example."""
    systems = [(_label(axes, one), _system(_label(axes, one), one.runs)) for one in tried]
    references = _references(reference, tried, [label for label, _ in systems])
    everything = [system for _, system in systems if system is not None]
    if not everything:
        told = {why for one in tried for why in one.failures.values()}
        raise DataError("\n".join(["no value of the ablation has a finished run", *sorted(told)]))
    everything += {one.name: one for one in references if one is not None}.values()
    board = checked(_board(everything), allow_different=True)
    measures = tuple(measures_of(board))
    main = main_measure(measures, metric)
    intervals = {system.name: _intervals(measures, board, system) for system in board.systems}
    cells = tuple(
        Cell(
            label,
            one.values,
            system,
            beside,
            intervals[system.name] if system else {},
            intervals[beside.name] if beside else {},
            one.failures,
            one.reference_failures,
        )
        for (label, system), one, beside in zip(systems, tried, references, strict=True)
    )
    found = Ablation(method, tuple(axes), cells, reference, board, measures, main, {})
    pairs = _pairs(found)
    identical = {(label, other) for label, other, *two in pairs if _identical(measures, *two)}
    return replace(found, compared=_compared(found, pairs), identical=frozenset(identical))


def places(found: Ablation) -> dict[str, float | None]:
    """Label → the number that claims about the one varied setting speak of."""
    axis = found.axes[0]
    return {cell.label: place_of(axis, cell, cell.values[0]) for cell in found.cells}


def place_of(axis: Axis, cell: Cell, value: str) -> float | None:
    """The number that claims speak of: the value itself, or the reasoner's share of the generator.

    None for a value that is no number, or that has no run.
    """
    if axis.key == "model.reasoner":
        size, whole = reasoner_parameters(cell), None
        if cell.system is not None:
            whole = cell.system.record.backbone.parameters
        return size / whole if size and whole else None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def reasoner_parameters(cell: Cell) -> int | None:
    """How large the reasoner of a value's runs is, if they have one."""
    if cell.system is None:
        return None
    reasoner = cell.system.record.backbone.reasoner
    return reasoner and reasoner.parameters


def _label(axes: Sequence[Axis], one: Tried) -> str:
    return " · ".join(f"{axis.name}={value}" for axis, value in zip(axes, one.values, strict=True))


def _system(name: str, runs: Sequence[Run]) -> System | None:
    ordered = tuple(sorted(runs, key=lambda run: run.record.seed))
    return System(name, ordered) if ordered else None


def _references(
    name: str | None, tried: Sequence[Tried], labels: Sequence[str]
) -> list[System | None]:
    """The reference of each value: one for all, or, where a setting changes it too, its own."""
    sets = {tuple(run.folder for run in one.reference) for one in tried if one.reference}
    found: list[System | None] = []
    for one, label in zip(tried, labels, strict=True):
        told = f"{name}" if len(sets) == 1 else f"{name}, {label}"
        found.append(_system(told, one.reference))
    return found


def _board(systems: Sequence[System]) -> Board:
    users = {
        key: str(values.user)
        for system in systems
        for record in system.records
        for key, values in record.examples.items()
    }
    return Board(systems[0].record.task, tuple(systems), tuple(users), users)


def _only(board: Board, *systems: System) -> Board:
    return Board(board.task, systems, board.ids, board.users, board.allowed)


def _intervals(measures: Sequence[Measure], board: Board, system: System) -> dict[str, Interval]:
    alone = _only(board, system)
    return {one.name: contrast_all(one, alone).values[system.name] for one in measures}


def _pairs(found: Ablation) -> list[tuple[str, str | None, System, System]]:
    """Label, the other label (None: the reference), and the runs of both where there are some."""
    systems = {cell.label: cell.system for cell in found.cells}
    wanted: list[tuple[str, str | None, System | None, System | None]] = [
        (cell.label, None, cell.system, cell.reference) for cell in found.cells
    ]
    wanted += [
        (label, other, systems[label], systems[other])
        for label, other in value_pairs(found.claims, places(found))
    ]
    return [
        (label, other, first, second)
        for label, other, first, second in wanted
        if first is not None and second is not None
    ]


def _identical(measures: Sequence[Measure], first: System, second: System) -> bool:
    return first.seeds == second.seeds and all(
        measure.row(values) == measure.row(other.examples.get(key, ExampleValues()))
        for one, other in zip(first.records, second.records, strict=True)
        for key, values in one.examples.items()
        for measure in measures
    )


def _compared(found: Ablation, pairs: Sequence[tuple[str, str | None, System, System]]) -> Compared:
    """One family, however many values."""
    family = judge_family(
        [contrast_all(found.main, _only(found.board, *pair[2:])) for pair in pairs]
    )
    return {
        (label, other): contrasts.between(first.name, second.name)
        for (label, other, first, second), contrasts in zip(pairs, family, strict=True)
    }
