"""Systems compared: values with intervals, paired tests, families, significance letters."""

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
    """One measure on one board.

    values: system → value with interval, in the board's order.
    pairs: (first, second) in the board's order → the comparison first − second.
    letters: system → significance letters; None if no pair could be tested (one system, or fewer
    than 20 users).
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
        """First − second, in whichever order it was computed."""
        if (first, second) in self.pairs:
            return self.pairs[first, second]
        return self.pairs[second, first].turned()


def contrast_all(measure: Measure, board: Board) -> Contrasts:
    """Values of all systems and differences of all pairs; `judge_family` adds the verdicts."""
    rows = {system.name: rows_of(measure, board, system) for system in board.systems}
    panel, statistic = board.panel, measure.statistic
    values = {name: interval(statistic, each, panel) for name, each in rows.items()}
    pairs = {
        (first, second): compare(statistic, rows[first], rows[second], panel)
        for first, second in combinations(rows, 2)
    }
    return Contrasts(board.task, measure, values, pairs)


def judge_family(family: Sequence[Contrasts]) -> list[Contrasts]:
    """The family with Holm-corrected p-values, verdicts and significance letters."""
    # 1. One correction over every pair of every measure in the family.
    judgements = iter(judge(one for contrasts in family for one in contrasts.pairs.values()))
    results = []
    for contrasts in family:
        # 2. Hand the verdicts back, in the order in which they were collected.
        pairs = {pair: next(judgements) for pair in contrasts.pairs}
        # 3. Letters: two systems share one unless they differ significantly.
        tested = any(one.verdict for one in pairs.values())
        different = {
            frozenset(pair) for pair, one in pairs.items() if one.verdict in ("higher", "lower")
        }
        shown = letters(contrasts.order, different) if tested else None
        results.append(replace(contrasts, pairs=pairs, letters=shown))
    return results
