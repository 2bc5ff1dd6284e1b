"""Systems compared: values with intervals, paired tests, families, significance letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np

from harness.reports.compared.lengths import values_with_lengths
from harness.reports.compared.measures import Measure, rows_of
from harness.reports.runs.systems import Board
from harness.statistics import (
    VERDICT_USERS,
    Comparison,
    Interval,
    at_equal_length,
    compare,
    interval,
    judge,
    with_weight,
)
from harness.statistics.letters import letters

Pair = tuple[str, str]
Outcome = Literal["better", "worse", "open", "untested"]
"""Of a comparison of two systems; open: tested, with no significant difference."""


@dataclass(frozen=True)
class Contrasts:
    """One measure on one board.

    values: system → value with interval, in the board's order.
    pairs: (first, second) → the comparison first − second.
    letters: system → significance letters; None if no pair could be tested (one system, or fewer
    than 20 users).
    examples: system → the examples with a value in every seed, over which pairs are compared.
    own: system → those that its own value is over (`Panel.by_user`).
    """

    task: str
    measure: Measure
    values: Mapping[str, Interval]
    pairs: Mapping[Pair, Comparison]
    letters: Mapping[str, str] | None = None
    examples: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        """Systems from best to worst."""
        sign = 1 if self.measure.lower_is_better else -1
        known = [name for name, one in self.values.items() if one.value is not None]
        return sorted(known, key=lambda name: sign * (self.values[name].value or 0.0))

    def between(self, first: str, second: str) -> Comparison | None:
        """First − second, in whichever order it was computed; None if it was not."""
        if (first, second) in self.pairs:
            return self.pairs[first, second]
        found = self.pairs.get((second, first))
        return found and found.turned()

    def outcome(self, first: str, second: str) -> Outcome:
        """Whether the first is significantly better or worse than the second."""
        one = self.between(first, second)
        if one is None or one.verdict not in ("higher", "lower"):
            return "untested" if one is None or one.p_value is None else "open"
        return "better" if self.measure.favours_first(one.difference or 0.0) else "worse"


def contrast_all(
    measure: Measure, board: Board, pairs: Iterable[Pair] | None = None, family: int = 1
) -> Contrasts:
    """Values of all systems and differences of `pairs`, by default of all pairs.

    `judge_family` adds the verdicts. family: number of comparisons that are judged together.
    """
    rows = {system.name: rows_of(measure, board, system) for system in board.systems}
    trained = {system.name: system.trained for system in board.systems}
    panel, statistic = replace(board.panel, family=family), measure.statistic
    values = {name: interval(statistic, each, panel, trained[name]) for name, each in rows.items()}
    compared = {}
    for first, second in combinations(rows, 2) if pairs is None else pairs:
        flags = trained[first], trained[second]
        compared[first, second] = compare(statistic, rows[first], rows[second], panel, flags)
    compared = _at_equal_length(measure, board, compared)
    every = {name: _ids(board, np.all(with_weight(each), axis=0)) for name, each in rows.items()}
    own = {name: _ids(board, panel.counted(each)) for name, each in rows.items()}
    return Contrasts(board.task, measure, values, compared, examples=every, own=own)


def _ids(board: Board, chosen: Iterable[np.bool_]) -> frozenset[str]:
    """The ids of chosen examples [N]."""
    return frozenset(key for key, one in zip(board.ids, chosen, strict=True) if one)


def _at_equal_length(
    measure: Measure, board: Board, compared: Mapping[Pair, Comparison]
) -> dict[Pair, Comparison]:
    """The comparisons with the differences that remain at equal lengths, where these are known."""
    systems = {one.name: one for one in board.systems}
    texts = {name: values_with_lengths(measure, board, one) for name, one in systems.items()}
    found = dict(compared)
    for pair, one in compared.items():
        first, second = (texts[name] for name in pair)
        if first is not None and second is not None:
            flags = systems[pair[0]].trained, systems[pair[1]].trained
            same = at_equal_length(first, second, board.panel, flags)
            found[pair] = replace(one, at_equal_length=same)
    return found


def contrast_family(members: Sequence[tuple[Measure, Board]]) -> list[Contrasts]:
    """All pairs on every measure and board, with verdicts: one family for Holm's correction."""
    family = sum(
        comb(len(board.systems), 2) for _, board in members if board.user_count >= VERDICT_USERS
    )
    return judge_family([contrast_all(*each, family=max(1, family)) for each in members])


def judge_family(family: Sequence[Contrasts]) -> list[Contrasts]:
    """The family with Holm-corrected p-values, verdicts and significance letters."""
    # 1. One correction over every pair of every measure in the family.
    judgements = iter(judge(one for contrasts in family for one in contrasts.pairs.values()))
    results = []
    for contrasts in family:
        # 2. Hand the verdicts back, in the order in which they were collected.
        judged = replace(contrasts, pairs={pair: next(judgements) for pair in contrasts.pairs})
        # 3. Letters: two systems share one unless they differ significantly.
        outcomes = {frozenset(pair): judged.outcome(*pair) for pair in judged.pairs}
        different = {pair for pair, one in outcomes.items() if one in ("better", "worse")}
        tested = any(one.verdict for one in judged.pairs.values())
        shown = letters(judged.order, different) if tested else None
        results.append(replace(judged, letters=shown))
    return results
