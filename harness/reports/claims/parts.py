"""One comparison of a claim, decided: a difference, a value or a ratio of costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from statistics import fmean, variance
from typing import Literal

import numpy as np

from harness.claims import Claim, CostClaim, DifferenceClaim, ValueClaim
from harness.claims.papers import MAIN
from harness.errors import counted
from harness.reports.compared.measures import Measure, rows_of
from harness.reports.runs.system_costs import Cost, peak_mib, text_s, training_s
from harness.reports.runs.systems import Board, System
from harness.statistics import (
    METHOD_SEEDS,
    VERDICT_USERS,
    Comparison,
    SampleSize,
    compare,
    difference,
    interval,
    sample_size,
    student,
)
from harness.statistics.families import ALPHA

Verdict = Literal["HOLDS", "REFUTED", "CANNOT TELL"]
Pair = tuple[System, System]
COSTS: dict[str, Cost] = {"training_s": training_s, "text_s": text_s, "peak_mib": peak_mib}


@dataclass(frozen=True)
class Part:
    """names: the systems. value, low, high: the number and its 95 % interval; a ratio for costs.

    why: the reason of a verdict that the numbers do not show. needed: the sample that would decide.
    """

    names: tuple[str, ...]
    verdict: Verdict = "CANNOT TELL"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""
    needed: SampleSize | None = None


def turned(claim: Claim, measure: Measure) -> bool:
    """Whether the lower number is the one above: the main measure, where lower is better."""
    of_main = not isinstance(claim, CostClaim) and claim.measure == MAIN
    return of_main and measure.lower_is_better


def compared(measure: Measure, board: Board, pair: Pair, family: int) -> Comparison:
    """First − second; `judge` adds the verdict."""
    first, second = (rows_of(measure, board, one) for one in pair)
    panel, flags = replace(board.panel, family=family), (pair[0].trained, pair[1].trained)
    return compare(measure.statistic, first, second, panel, flags)


def difference_part(
    claim: DifferenceClaim,
    measure: Measure,
    board: Board,
    pair: Pair,
    found: Comparison,
    family: int,
) -> Part:
    """The verdict on first − second.

    claim: what is claimed of the pair.
    measure, board, pair: what was compared.
    found: the judged comparison.
    family: number of comparisons that were judged together.
    """
    names = pair[0].name, pair[1].name
    part = Part(names, "CANNOT TELL", found.difference, found.low, found.high)
    if not found.users:
        return replace(part, why=found.reason or "no example has both values")
    if claim.sense == "equal" and _same(measure, board, pair):
        return replace(part, verdict="HOLDS", why="the same in every example and seed")
    if why := undecidable(pair, found.users):
        return replace(part, why=why)
    shown = found.verdict in ("higher", "lower")
    distance = found.difference or 0.0
    if claim.sense != "equal" and shown:
        higher = (claim.sense == "above") != turned(claim, measure)
        agrees = (found.verdict == "higher") == higher
        return replace(part, verdict="HOLDS" if agrees else "REFUTED")
    if claim.sense == "equal":
        if _inside(found.low, found.high, claim.margin):
            return replace(part, verdict="HOLDS", why=f"inside ± {claim.margin:g}")
        if shown:
            return replace(part, verdict="REFUTED")
        distance = max(0.0, claim.margin - abs(distance))
    needed = _needed(measure, board, pair, distance, family)
    return replace(part, needed=needed)


def value_part(claim: ValueClaim, measure: Measure, board: Board, system: System) -> Part:
    """The verdict on a system's value."""
    found = interval(
        measure.statistic, rows_of(measure, board, system), board.panel, system.trained
    )
    part = Part((system.name,), "CANNOT TELL", found.value, found.low, found.high)
    if not found.users:
        return replace(part, why=found.reason or "no example has a value")
    if why := undecidable([system], found.users):
        return replace(part, why=why)
    if found.low is None or found.high is None:
        return replace(part, why=found.reason or "no interval")
    low, high = found.low, found.high
    if (claim.sense == "below") != turned(claim, measure):
        low, high = -high, -low  # from here on: is it above the edge?
    edge = -claim.margin if claim.sense == "not below" else 0.0
    if low > edge:
        return replace(part, verdict="HOLDS")
    return replace(part, verdict="REFUTED") if high < edge else part


def cost_part(claim: CostClaim, pair: Pair) -> Part:
    """The verdict on a ratio of costs, first ÷ second, over the runs of both.

    The interval is Welch's, of the difference of logarithms.
    """
    names = pair[0].name, pair[1].name
    logs = []
    for system in pair:
        found = map(COSTS[claim.cost], system.records)
        known = [value for value in found if value is not None]
        if len(known) < len(system.runs):
            return Part(names, why=f"{system.name} has no {claim.cost}")
        if not all(known):
            return Part(names, why=f"{claim.cost} of {system.name} is 0, so there is no ratio")
        logs.append([log(value) for value in known])
    ratio = fmean(logs[0]) - fmean(logs[1])
    part = Part(names, "CANNOT TELL", exp(ratio))
    few = [one.name for one in pair if len(one.runs) < METHOD_SEEDS]
    if few:
        return replace(part, why=f"fewer than {METHOD_SEEDS} runs: {', '.join(few)}")
    reach = _welch(logs)
    low, high = exp(ratio - reach), exp(ratio + reach)
    part = replace(part, low=low, high=high)
    if claim.low <= low and high <= claim.high:
        return replace(part, verdict="HOLDS")
    outside = high < claim.low or low > claim.high
    return replace(part, verdict="REFUTED") if outside else part


def undecidable(systems: Sequence[System], users: int) -> str:
    """Why this sample says nothing about methods; "" if it may."""
    few = [one.name for one in systems if not one.about_method]
    if few:
        return f"fewer than {METHOD_SEEDS} training seeds: {', '.join(few)}"
    enough = users >= VERDICT_USERS
    return "" if enough else f"{counted(users, 'user')}; a verdict needs {VERDICT_USERS}"


def _same(measure: Measure, board: Board, pair: Pair) -> bool:
    first, second = (rows_of(measure, board, one) for one in pair)
    return pair[0].seeds == pair[1].seeds and np.array_equal(first, second)


def _inside(low: float | None, high: float | None, margin: float) -> bool:
    return low is not None and high is not None and -margin < low and high < margin


def _needed(
    measure: Measure, board: Board, pair: Pair, distance: float, family: int
) -> SampleSize | None:
    first, second = (rows_of(measure, board, one) for one in pair)
    flags = pair[0].trained, pair[1].trained
    found = difference(measure.statistic, first, second, board.panel, flags)
    seeds = [len(one.runs) for one in pair if one.trained]
    if found is None:
        return None
    return sample_size(found, board.user_count, seeds, distance, ALPHA / family)


def _welch(logs: Sequence[Sequence[float]]) -> float:
    """Half the width of the 95 % interval of a difference of two means."""
    errors = [variance(each) / len(each) for each in logs]
    if not sum(errors):
        return 0.0
    below = sum(error**2 / (len(each) - 1) for error, each in zip(errors, logs, strict=True))
    return student(0.975, sum(errors) ** 2 / below) * sqrt(sum(errors))
