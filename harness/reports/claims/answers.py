"""Each claim of a paper answered from the systems of a board.

All differences that a paper claims are one family for Holm's correction. A claim HOLDS if all its
parts hold, and is REFUTED if one of them is. Parts are decided by verdicts about methods only:
three training seeds of every trained side, twenty users (docs/claims.md).
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
    value_part,
)
from harness.reports.claims.selection import selected
from harness.reports.claims.views import view
from harness.reports.compared.measures import Measure
from harness.reports.runs.system_costs import times_not_comparable
from harness.reports.runs.systems import Board
from harness.statistics import judge

COST_UNITS = {"training_s": "training time", "text_s": "time per text", "peak_mib": "peak memory"}


@dataclass(frozen=True)
class Answer:
    """A claim with its verdict on one task.

    parts: its comparisons. why: why it cannot tell, where no part says so.
    title, unit, digits: of the numbers in `parts`.
    """

    claim: Claim
    task: str
    verdict: Verdict
    parts: tuple[Part, ...]
    why: str
    title: str
    unit: str
    digits: int

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
        for pair in _pairs(part, claim.first, claim.second)
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
                systems = selected(part, claim.first)
                decided += [(claim, value_part(claim, measure, part, one)) for one in systems]
        elif isinstance(claim, CostClaim) and times_not_comparable(board) is None:
            pairs = _pairs(board, claim.first, claim.second)
            decided += [(claim, cost_part(claim, pair)) for pair in pairs]
    # 3. Each claim from its parts.
    return [
        _answer(claim, board, main, [part for of, part in decided if of is claim])
        for claim in paper.claims
    ]


def _pairs(board: Board, first: Sequence[Selector], second: Sequence[Selector]) -> list[Pair]:
    return [
        (one, other)
        for one in selected(board, first)
        for other in selected(board, second)
        if one.name != other.name
    ]


def _answer(claim: Claim, board: Board, main: Measure, parts: list[Part]) -> Answer:
    selectors = [*claim.first, *([] if isinstance(claim, ValueClaim) else claim.second)]
    absent = [str(one) for one in selectors if not selected(board, [one])]
    why = f"not run here: {', '.join(absent)}" if absent else ""
    verdicts = {part.verdict for part in parts}
    if isinstance(claim, CostClaim):
        why = why or times_not_comparable(board) or ""
        title, unit, digits = f"ratio of {COST_UNITS[claim.cost]}", "×", 2
    else:
        measure = view(claim.measure, board, main)[1]
        why = why or ("" if parts else f"not evaluated: {claim.measure}")
        shown = measure or main
        title, unit, digits = shown.title, shown.unit, shown.digits
    verdict: Verdict = "CANNOT TELL"
    if "REFUTED" in verdicts:
        verdict = "REFUTED"
    elif verdicts == {"HOLDS"} and not absent:
        verdict = "HOLDS"
    return Answer(claim, board.task, verdict, tuple(parts), why, title, unit, digits)
