"""The values of an ablation: each value of a setting compared with the reference."""

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
    """A varied setting. name: as the user gave it. key: its full name. values: as given."""

    name: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One value of each setting, and its runs.

    runs: one per seed. failures: seed → why it has no run.
    reference, reference_failures: the same for the reference.
    """

    values: tuple[str, ...]
    runs: tuple[Run, ...]
    reference: tuple[Run, ...] = ()
    failures: Mapping[int, str] = field(default_factory=dict)
    reference_failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One value: its system and reference (None without a run), and their intervals by measure."""

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
    """The data of an ablation's tables, figures and sentences.

    cells: in the order tried.
    compared: value − reference, and value − value if a claim is about two values; on the main
    measure, as one family for Holm's correction.
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
    """The pairs that differ in no example, seed or measure."""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The paper's claims about the varied setting; none for a grid."""
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
    """Compare the values of an ablation.

    method, axes: what was varied.
    tried: every value with its runs.
    reference: the method that values are compared with, or None.
    metric: the measure of the verdict; None for the runs' first metric.

    Raises DataError if no run finished, or if the runs share no example.
    """
    # 1. One system per value, and the references.
    systems = [(_label(axes, one), _system(_label(axes, one), one.runs)) for one in tried]
    references = _references(reference, tried, [label for label, _ in systems])
    everything = [system for _, system in systems if system is not None]
    if not everything:
        reasons = {why for one in tried for why in one.failures.values()}
        raise DataError(
            "\n".join(["no value of the ablation has a finished run", *sorted(reasons)])
        )
    everything += {one.name: one for one in references if one is not None}.values()
    # 2. One board of all of them, and each system's intervals.
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
    # 3. Compare the pairs.
    found = Ablation(method, tuple(axes), cells, reference, board, measures, main, {})
    pairs = _pairs(found)
    identical = {(label, other) for label, other, *two in pairs if _identical(measures, *two)}
    return replace(found, compared=_compared(found, pairs), identical=frozenset(identical))


def places(found: Ablation) -> dict[str, float | None]:
    """Label → the number that claims about the varied setting refer to."""
    axis = found.axes[0]
    return {cell.label: place_of(axis, cell, cell.values[0]) for cell in found.cells}


def place_of(axis: Axis, cell: Cell, value: str) -> float | None:
    """The number that claims refer to: the value, or the reasoner's share of the generator's size.

    None for a value that is not a number or has no run.
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
    """The size of the reasoner in a value's runs, if they have one."""
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
    """The reference of each value: the same for all, unless the setting changes it too."""
    sets = {tuple(run.folder for run in one.reference) for one in tried if one.reference}
    found: list[System | None] = []
    for one, label in zip(tried, labels, strict=True):
        label_of = f"{name}" if len(sets) == 1 else f"{name}, {label}"
        found.append(_system(label_of, one.reference))
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
    """Label, the other label (None for the reference), and both systems, for pairs with runs."""
    systems = {cell.label: cell.system for cell in found.cells}
    pairs: list[tuple[str, str | None, System | None, System | None]] = [
        (cell.label, None, cell.system, cell.reference) for cell in found.cells
    ]
    pairs += [
        (label, other, systems[label], systems[other])
        for label, other in value_pairs(found.claims, places(found))
    ]
    return [
        (label, other, first, second)
        for label, other, first, second in pairs
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
    """All pairs compared, as one family for Holm's correction."""
    family = judge_family(
        [contrast_all(found.main, _only(found.board, *pair[2:])) for pair in pairs]
    )
    return {
        (label, other): contrasts.between(first.name, second.name)
        for (label, other, first, second), contrasts in zip(pairs, family, strict=True)
    }
