"""Systems on each task compared on every measure, and in lift, with verdicts by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.record import Record
from harness.record.trials import TriedMetric
from harness.reports.compared.contrasts import Contrasts, contrast_family
from harness.reports.compared.measures import Measure, main_measure, measures_of
from harness.reports.compared.parts import LIKELIHOOD, OTHERS, TEXTS, lift_measure
from harness.reports.compared.recorded import refuse_edited
from harness.reports.runs.recorded_floors import won_by_floors
from harness.reports.runs.systems import Board, having
from harness.reports.trial.marks import failed_metrics, trials_near


@dataclass(frozen=True)
class Compared:
    """The systems of one board, compared.

    contrasts: measure → its values, tests and verdicts.
    main_name: the measure that the verdict is about.
    lifts: the same for lift over other users' profiles.
    """

    board: Board
    contrasts: Mapping[str, Contrasts]
    main_name: str
    lifts: Sequence[Contrasts] = ()

    @property
    def main(self) -> Contrasts:
        return self.contrasts[self.main_name]

    @property
    def won_by_floors(self) -> Mapping[str, Record]:
        """Metric under which a floor scores at least as well as every system → the best floor."""
        tops = {
            name: one.values[one.order[0]].value
            for name, one in self.contrasts.items()
            if one.order
        }
        return won_by_floors(tops, self.board.floors)

    @cached_property
    def failed_trials(self) -> Mapping[str, TriedMetric]:
        """Metric that failed a stored trial on the board's data → the trial."""
        first = self.board.systems[0].runs[0]
        signatures = {name: one.signature for name, one in first.record.metrics.items()}
        trials = trials_near(first.folder.absolute().parents[2])
        return failed_metrics(trials, self.board.fingerprint, signatures)


def compare_boards(boards: Sequence[Board], metric: str | None = None) -> list[Compared]:
    """Every board's systems compared; `metric` is the main measure, by default the first.

    Holm's correction has three kinds of family: all tasks and pairs on the main measure; in each
    task, all pairs on all other measures; and in each task, all pairs in lift over other users.
    """
    refuse_edited(boards)
    # 1. The main measure must exist in every task.
    measures = [measures_of(board) for board in boards]
    names = [{one.name for one in each} for each in measures]
    common = [one for one in measures[0] if all(one.name in each for each in names)]
    main = main_measure(common, metric, boards).name
    # 2. One family for the main measure, one a task for the rest.
    first = contrast_family(
        [(one, board) for board, each in zip(boards, measures, strict=True) for one in each
         if one.name == main]
    )  # fmt: skip
    found = []
    for board, each, of_main in zip(boards, measures, first, strict=True):
        others = contrast_family([(one, board) for one in each if one.name != main])
        judged = {one.measure.name: one for one in [of_main, *others]}
        in_order = {one.name: judged[one.name] for one in each}
        found.append(Compared(board, in_order, main, lift_contrasts(board, main)))
    return found


def lift_contrasts(board: Board, main: str) -> list[Contrasts]:
    """Systems compared in lift over other users; one family for Holm's correction.

    On likelihood, and on generated texts by the main measure if runs have it. A view is left out if
    a record holds no values by example.
    """
    found = list[tuple[Measure, Board]]()
    for view, name in ((LIKELIHOOD, "all"), (TEXTS, main)):
        part = having(board, view.of)
        measures = [lift_measure(view, kind, name) for kind in OTHERS]
        if part.systems and all(
            any(map(measures[0].row, record.examples.values())) for record in part.records
        ):
            found += [(measure, part) for measure in measures]
    return contrast_family(found)
