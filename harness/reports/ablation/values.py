"""The values of an ablation: each value of a setting compared with the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite

from harness.errors import DataError
from harness.record import ExampleValues
from harness.reports.compared.contrasts import Contrasts, Pair, contrast_all, judge_family
from harness.reports.compared.measures import Measure, main_measure, measures_of
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.comparable import checked
from harness.reports.runs.paper import Claim, paper
from harness.reports.runs.systems import Board, Run, System, board_of, with_floors

OF, SFT = "flythinker", "sft"
"""The method of the paper's claims, and the method that it is compared with."""


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
    """What was tried as systems: its own, called `label`, and its reference; None without a run."""

    label: str
    tried: Tried
    system: System | None
    reference: System | None


@dataclass(frozen=True)
class Ablation:
    """The data of an ablation's tables, figures and sentences.

    cells: in the order tried.
    compared: values and references; on the main measure value − reference, and value − value if a
        claim is about two values, as one family for Holm's correction.
    identical: the compared pairs that differ in no example, seed or measure.
    """

    method: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    reference: str | None
    compared: Compared
    identical: frozenset[Pair] = frozenset()

    @property
    def board(self) -> Board:
        return self.compared.board

    @property
    def main(self) -> Contrasts:
        return self.compared.main

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The paper's claims about the varied setting."""
        return claims_about(self.method, self.axes, self.reference)

    @property
    def places(self) -> dict[str, float | None]:
        """Label → the number that claims about the varied setting refer to."""
        return places_of(self.axes[0], self.cells)

    @property
    def references(self) -> dict[str, str]:
        """Label → the name of its reference, for values that have one."""
        return {cell.label: cell.reference.name for cell in self.cells if cell.reference}


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
    # 1. One system per value, and the references, on one board.
    cells = _cells(axes, tried, reference)
    systems = {cell.system.name: cell.system for cell in cells if cell.system}
    if not systems:
        reasons = {why for one in tried for why in one.failures.values()}
        raise DataError(
            "\n".join(["no value of the ablation has a finished run", *sorted(reasons)])
        )
    systems |= {cell.reference.name: cell.reference for cell in cells if cell.reference}
    task = next(iter(systems.values())).record.task
    board = with_floors(checked(board_of(task, tuple(systems.values())), allow_different=True))
    # 2. The pairs: every value with its reference, and those that claims are about.
    pairs = [(cell.label, cell.reference.name) for cell in cells if cell.system and cell.reference]
    places = places_of(axes[0], cells)
    for claim in claims_about(method, axes, reference):
        other = baseline_of(claim, places)
        covered = [label for label, place in places.items() if claim.covers(place)]
        pairs += [(one, other) for one in covered if other and one != other and one in systems]
    pairs = [pair for pair in pairs if pair[1] in systems]
    # 3. Values on every measure; differences and verdicts on the main one.
    measures = measures_of(board)
    main = main_measure(measures, metric)
    contrasts = {
        one.name: contrast_all(one, board, pairs if one is main else (), max(1, len(pairs)))
        for one in measures
    }
    (judged,) = judge_family([contrasts[main.name]])
    contrasts[main.name] = replace(judged, letters=None)  # not all pairs are tested
    identical = {pair for pair in pairs if _identical(measures, *(systems[one] for one in pair))}
    compared = Compared(board, contrasts, main.name)
    return Ablation(method, tuple(axes), cells, reference, compared, frozenset(identical))


def claims_about(method: str, axes: Sequence[Axis], reference: str | None) -> tuple[Claim, ...]:
    """The paper's claims about a method's setting; those about SFT only if it is the reference.

    None for two settings.
    """
    known = paper().claims.get(axes[0].key, ()) if method == OF and len(axes) == 1 else ()
    return tuple(claim for claim in known if claim.baseline is not None or reference == SFT)


def baseline_of(claim: Claim, places: Mapping[str, float | None]) -> str | None:
    """The label of the value that a claim compares with; None for SFT, or if it was not tried."""
    low, high = claim.baseline or (inf, inf)
    known = (label for label, one in places.items() if one is not None and low <= one <= high)
    return next(known, None)


def places_of(axis: Axis, cells: Sequence[Cell]) -> dict[str, float | None]:
    """Label → the number that claims refer to; None for a value that is no number or has no run.

    It is the value, or the reasoner's share of the generator's size.
    """
    return {cell.label: _place(axis, cell) for cell in cells}


def _place(axis: Axis, cell: Cell) -> float | None:
    if axis.key == "model.reasoner":
        whole = cell.system.record.backbone.parameters if cell.system else None
        size = reasoner_parameters(cell)
        return size / whole if size and whole else None
    try:
        number = float(cell.tried.values[0])
    except ValueError:
        return None
    return number if isfinite(number) else None


def reasoner_parameters(cell: Cell) -> int | None:
    """The size of the reasoner in a value's runs, if they have one."""
    reasoner = cell.system.record.backbone.reasoner if cell.system else None
    return reasoner and reasoner.parameters


def _cells(axes: Sequence[Axis], tried: Sequence[Tried], reference: str | None) -> tuple[Cell, ...]:
    """Each value with its system and its reference, one for all unless the setting changes it."""
    distinct = {tuple(run.folder for run in one.reference) for one in tried if one.reference}
    cells = []
    for one in tried:
        pairs = zip(axes, one.values, strict=True)
        label = " · ".join(f"{axis.name}={value}" for axis, value in pairs)
        beside = f"{reference}" if len(distinct) == 1 else f"{reference}, {label}"
        cells.append(Cell(label, one, _system(label, one.runs), _system(beside, one.reference)))
    return tuple(cells)


def _system(name: str, runs: Sequence[Run]) -> System | None:
    ordered = tuple(sorted(runs, key=lambda run: run.record.seed))
    return System(name, ordered) if ordered else None


def _identical(measures: Sequence[Measure], first: System, second: System) -> bool:
    return first.seeds == second.seeds and all(
        measure.row(values) == measure.row(other.examples.get(key, ExampleValues()))
        for one, other in zip(first.records, second.records, strict=True)
        for key, values in one.examples.items()
        for measure in measures
    )
