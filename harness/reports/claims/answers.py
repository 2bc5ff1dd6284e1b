"""Each claim of a paper answered from the systems of a board.

All differences that a paper claims are one family for Holm's correction. A claim HOLDS if all its
parts hold, and is REFUTED if one of them is. Parts are decided by verdicts about methods only:
three training seeds of every trained side, twenty users (docs/claims.md). A claim that lacks a
system, or an end of a range of a setting, does not hold; the others can still refute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.claims import Claim, CostClaim, DifferenceClaim, Paper, Selector, ValueClaim
from harness.reports.claims.parts import (
    Pair,
    Part,
    Verdict,
    compared,
    cost_part,
    difference_part,
    turned,
    value_part,
)
from harness.reports.claims.selection import selected
from harness.reports.claims.views import view
from harness.reports.compared.measures import Measure, not_compared
from harness.reports.runs.system_costs import times_not_comparable
from harness.reports.runs.systems import Board, System
from harness.statistics import judge

COST_UNITS = {"training_s": "training time", "text_s": "time per text", "peak_mib": "peak memory"}


@dataclass(frozen=True)
class Answer:
    """A claim with its verdict on one task.

    parts: its comparisons. why: which systems it lacks, so that it cannot hold; "" for none.
    title, unit, digits: of the numbers in `parts`. turned: whether the lower one is above.
    """

    claim: Claim
    task: str
    verdict: Verdict
    parts: tuple[Part, ...]
    why: str
    title: str
    unit: str
    digits: int
    turned: bool = False

    @property
    def tried(self) -> bool:
        """Whether any system of the claim was run."""
        return bool(self.parts)


def answers(paper: Paper, board: Board, main: Measure) -> list[Answer]:
    """Every claim of a paper answered from one board.

    main: the measure that a comparison's verdict is about.
    """
    # 1. Differences: all pairs of all claims are compared, then judged as one family.
    asked = [
        (claim, pair, measure, part)
        for claim in paper.claims
        if isinstance(claim, DifferenceClaim)
        for part, measure in [view(claim.measure, board, main)]
        if measure is not None
        for pair in _pairs(board, claim.first, claim.second, part)
    ]
    family = max(1, len(asked))
    judged = judge(compared(measure, part, pair, family) for _, pair, measure, part in asked)
    decided: list[tuple[Claim, Part]] = [
        (claim, difference_part(claim, measure, part, pair, found, family))
        for (claim, pair, measure, part), found in zip(asked, judged, strict=True)
    ]
    # 2. Values and costs.
    for claim in paper.claims:
        if isinstance(claim, ValueClaim):
            part, measure = view(claim.measure, board, main)
            if measure is not None:
                systems = _within(part, selected(board, claim.first))
                decided += [(claim, value_part(claim, measure, part, one)) for one in systems]
        elif isinstance(claim, CostClaim) and times_not_comparable(board) is None:
            pairs = _pairs(board, claim.first, claim.second, board)
            decided += [(claim, cost_part(claim, pair)) for pair in pairs]
    # 3. Each claim from its parts.
    return [
        _answer(claim, board, main, [part for of, part in decided if of is claim])
        for claim in paper.claims
    ]


def _pairs(
    board: Board, first: Sequence[Selector], second: Sequence[Selector], part: Board
) -> list[Pair]:
    """The pairs that a claim speaks of, of the systems in a part of the board."""
    return [
        (one, other)
        for one in _within(part, selected(board, first))
        for other in _within(part, selected(board, second))
        if one.name != other.name
    ]


def _within(part: Board, systems: Sequence[System]) -> list[System]:
    """These systems with the runs that a part of the board has of them."""
    names = {system.name for system in systems}
    return [system for system in part.systems if system.name in names]


def _answer(claim: Claim, board: Board, main: Measure, parts: list[Part]) -> Answer:
    selectors = [*claim.first, *([] if isinstance(claim, ValueClaim) else claim.second)]
    absent = _absent(board, selectors)
    lacks = [f"not run here: {', '.join(map(str, absent))}"] if absent else []
    verdicts = {part.verdict for part in parts}
    if isinstance(claim, CostClaim):
        lacks = lacks or [*filter(None, [times_not_comparable(board)])]
        title, unit, digits = f"ratio of {COST_UNITS[claim.cost]}", "×", 2
    else:
        part, measure = view(claim.measure, board, main)
        shown = measure or main
        title, unit, digits = shown.title, shown.unit, shown.digits
        if measure is None:
            why = not_compared(board).get(claim.measure)
            lacks = lacks or [
                f"{claim.measure}: {why}" if why else f"not evaluated: {claim.measure}"
            ]
        else:
            kept = {system.name for system in part.systems}
            lacking = [one.name for one in selected(board, selectors) if one.name not in kept]
            lacks += [f"not evaluated on {title}: {', '.join(lacking)}"] if lacking else []
    if not parts and not lacks:
        lacks = ["first and second are the same system here"]
    verdict: Verdict = "CANNOT TELL"
    if "REFUTED" in verdicts:
        verdict = "REFUTED"
    elif verdicts == {"HOLDS"} and not lacks:
        verdict = "HOLDS"
    why = "; ".join(lacks)
    return Answer(
        claim, board.task, verdict, tuple(parts), why, title, unit, digits, turned(claim, main)
    )


def _absent(board: Board, selectors: Sequence[Selector]) -> list[Selector]:
    """What the claim speaks of and the board lacks: selectors, or the ends of a range."""
    found = []
    for one in selectors:
        wanted = one.ends if selected(board, [one]) else (one,)
        found += [each for each in wanted if not selected(board, [each])]
    return found
