"""Systems against each other: values with intervals, paired tests, families, letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.reports.compared.measures import Measure, rows_of
from harness.reports.runs.systems import Board
from harness.statistics import Comparison, Interval, compare, interval, judge
from harness.statistics.letters import letters

Pair = tuple[str, str]


@dataclass(frozen=True)
class Contrasts:
    """One measure on one board. values: system → value with interval; best first.

    pairs: (first, second) in the board's order → first − second. letters: system → letters, or
    None where no pair could be tested (fewer than 20 users, one system).
    """

    task: str
    measure: Measure
    values: Mapping[str, Interval]
    pairs: Mapping[Pair, Comparison]
    letters: Mapping[str, str] | None = None

    @property
    def order(self) -> list[str]:
        """Systems from best to worst."""
        sign = 1 if self.measure.lower_is_better else -1
        known = [name for name, one in self.values.items() if one.value is not None]
        return sorted(known, key=lambda name: sign * (self.values[name].value or 0.0))

    def between(self, first: str, second: str) -> Comparison:
        """First − second, whichever way round it was computed."""
        if (first, second) in self.pairs:
            return self.pairs[first, second]
        return self.pairs[second, first].turned()


def contrast_all(measure: Measure, board: Board) -> Contrasts:
    """Values of all systems and the differences of all pairs, not yet judged (see `judged`)."""
    rows = {system.name: rows_of(measure, board, system) for system in board.systems}
    panel, statistic = board.panel, measure.statistic
    values = {name: interval(statistic, each, panel) for name, each in rows.items()}
    pairs = {
        (first, second): compare(statistic, rows[first], rows[second], panel)
        for first, second in combinations(rows, 2)
    }
    return Contrasts(board.task, measure, values, pairs)


def judged(family: Sequence[Contrasts]) -> list[Contrasts]:
    """Holm over all pairs of the family, verdicts, and letters."""
    flat = judge(one for contrasts in family for one in contrasts.pairs.values())
    judgements = iter(flat)
    found = []
    for contrasts in family:
        pairs = {pair: next(judgements) for pair in contrasts.pairs}
        tested = any(one.verdict for one in pairs.values())
        different = {
            frozenset(pair) for pair, one in pairs.items() if one.verdict in ("higher", "lower")
        }
        shown = letters(contrasts.order, different) if tested else None
        found.append(replace(contrasts, pairs=pairs, letters=shown))
    return found
