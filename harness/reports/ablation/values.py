"""The values of an ablation: each value of a setting compared with the reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harness.claims import Paper, papers
from harness.claims.papers import REASONER, REASONER_SHARE
from harness.errors import DataError
from harness.reports.claims.answers import Answer, answers
from harness.reports.compared.contrasts import Contrasts, contrast_all, judge_family
from harness.reports.compared.measures import main_measure, measures_of
from harness.reports.compared.recorded import refuse_edited
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.boards import board_of, with_floors
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import Board, Run, System


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
    compared: values and references; on the main measure value − reference, as one family for
        Holm's correction.
    """

    method: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    reference: str | None
    compared: Compared

    @property
    def board(self) -> Board:
        return self.compared.board

    @property
    def main(self) -> Contrasts:
        return self.compared.main

    @cached_property
    def claims(self) -> list[tuple[Paper, list[Answer]]]:
        """Papers' claims about the varied setting, answered; none for two settings."""
        if len(self.axes) > 1:
            return []
        key = self.axes[0].key
        setting = REASONER_SHARE if key == REASONER else key
        return [
            (paper, found)
            for paper in papers().values()
            if (about := paper.about(setting)).claims
            and (found := [one for one in answers(about, self.board, self.main.measure)
                           if one.tried])
        ]  # fmt: skip

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
    refuse_edited([board])
    # 2. The pairs: every value with its reference.
    pairs = [(cell.label, cell.reference.name) for cell in cells if cell.system and cell.reference]
    # 3. Values on every measure; differences and verdicts on the main one.
    measures = measures_of(board)
    main = main_measure(measures, metric, [board])
    contrasts = {
        one.name: contrast_all(one, board, pairs if one is main else (), max(1, len(pairs)))
        for one in measures
    }
    (judged,) = judge_family([contrasts[main.name]])
    contrasts[main.name] = replace(judged, letters=None)  # not all pairs are tested
    return Ablation(method, tuple(axes), cells, reference, Compared(board, contrasts, main.name))


def reasoner_parameters(cell: Cell) -> int | None:
    """The size of the reasoner in a value's runs, if they have one."""
    reasoner = cell.system.record.backbone.reasoner if cell.system else None
    return reasoner and reasoner.parameters


def _cells(axes: Sequence[Axis], tried: Sequence[Tried], reference: str | None) -> tuple[Cell, ...]:
    """Each value with its system and its reference."""
    named = _references(axes, tried, f"{reference}")
    cells = []
    for one in tried:
        label = _label(axes, one.values)
        beside = named.get(_folders(one), "")
        cells.append(Cell(label, one, _system(label, one.runs), _system(beside, one.reference)))
    return tuple(cells)


def _references(
    axes: Sequence[Axis], tried: Sequence[Tried], reference: str
) -> dict[tuple[Path, ...], str]:
    """Folders of a reference → its name: the method's, and the first values it was run for of the
    settings that change it."""
    first = {_folders(one): one.values for one in reversed(tried) if one.reference}
    if len(first) == 1:
        return dict.fromkeys(first, reference)
    changing = [at for at in range(len(axes)) if _changes(at, tried)]
    if len({tuple(each[at] for at in changing) for each in first.values()}) < len(first):
        changing = list(range(len(axes)))  # failures left too few cells to tell
    return {
        folders: f"{reference}, "
        + _label([axes[at] for at in changing], [values[at] for at in changing])
        for folders, values in first.items()
    }


def _changes(at: int, tried: Sequence[Tried]) -> bool:
    """Whether values that differ in this axis alone have different references."""
    found: dict[tuple[str, ...], set[tuple[Path, ...]]] = defaultdict(set)
    for one in tried:
        if one.reference:
            found[(*one.values[:at], *one.values[at + 1 :])].add(_folders(one))
    return any(len(folders) > 1 for folders in found.values())


def _folders(one: Tried) -> tuple[Path, ...]:
    return tuple(sorted(run.folder for run in one.reference))


def _label(axes: Sequence[Axis], values: Sequence[str]) -> str:
    return " · ".join(f"{axis.name}={value}" for axis, value in zip(axes, values, strict=True))


def _system(name: str, runs: Sequence[Run]) -> System | None:
    ordered = tuple(sorted(runs, key=lambda run: run.record.seed))
    return System(name, ordered) if ordered else None
