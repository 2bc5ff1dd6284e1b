"""One number from several training seeds, and how its interval was computed.

If records hold each example's values, the interval is that of every comparison: over users and
seeds, or over users for these checkpoints where there are fewer than three seeds. If they hold an
interval only, the mean is shown with the span of the seeds' intervals, from the lowest end to the
highest. What a seed lacks, all together lack: the mean of the others is another number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean

from harness.record import Estimate
from harness.reports.compared.measures import Rows, rows_of
from harness.reports.render.section import listed
from harness.reports.render.table import Cell, Value
from harness.reports.runs.systems import Board, System
from harness.statistics import About, interval

CROSSED, CHECKPOINTS, SPANNED = "crossed", "checkpoints", "spanned"
WORDS = {
    None: "users",
    CROSSED: "users and training seeds",
    CHECKPOINTS: "users, for these checkpoints (fewer than three training seeds)",
    SPANNED: "users, from the lowest to the highest end of the seeds' intervals (these records hold"
    " no values by example)",
}
"""How seeds enter → what the interval is over."""

NOTHING = Estimate(value=None)


@dataclass(frozen=True)
class Pooled(Cell):
    """One number of all training seeds.

    seeds: how the seeds enter the interval, a key of `WORDS`; None with one seed or no training.
    null: the seeds without a value, in words, where others have one.
    """

    seeds: str | None = None
    null: tuple[str, ...] = ()


def over_seeds(
    board: Board, system: System, estimates: Sequence[Estimate], rows: Rows | None
) -> Pooled:
    """Pool one estimate a seed into one.

    board, system: the system and the board that its users and examples are from.
    estimates: one a seed, in the order of the system's runs.
    rows: the examples' values behind the estimates, used if they reproduce every record's number.
    Otherwise, and with None, the seeds' intervals are spanned.
    """
    if len(estimates) < 2 or rows is None or not _reproduces(rows, board, system, estimates):
        return spanned(system, estimates)
    one = interval(rows.statistic, rows_of(rows, board, system), board.panel, system.trained)
    return Pooled(one.value, one.low, one.high, seeds=seeds_in(system, one.about))


def seeds_in(system: System, about: About) -> str | None:
    """How the seeds of a system enter an interval from its examples' values, a key of `WORDS`."""
    if not system.trained:
        return None
    return CROSSED if about == "methods" else CHECKPOINTS


def spanned(system: System, estimates: Sequence[Estimate]) -> Pooled:
    """The mean of the seeds' estimates, with the lowest and highest end of their intervals.

    estimates: one a seed, in the order of the system's runs.
    """
    values = [one.value for one in estimates if one.value is not None]
    if not values or len(values) < len(estimates):
        null = [
            seed for seed, one in zip(system.seeds, estimates, strict=True) if one.value is None
        ]
        return Pooled(null=tuple(f"seed {seed} of {system.name}" for seed in null if values))
    low = [one.low for one in estimates if one.low is not None]
    high = [one.high for one in estimates if one.high is not None]
    return Pooled(
        fmean(values),
        min(low) if len(low) == len(values) else None,
        max(high) if len(high) == len(values) else None,
        seeds=SPANNED if len(values) > 1 else None,
    )


def interval_words(values: Iterable[Value]) -> str:
    """What the intervals of these numbers are over: users, and how seeds enter; `null_words`."""
    pooled = [one for one in values if isinstance(one, Pooled)]
    kinds = {one.seeds for one in pooled if one.value is not None}
    return (over_words(kinds) or "users") + null_words(pooled)


def over_words(kinds: Collection[str | None]) -> str:
    """What intervals of these kinds, keys of `WORDS`, are over; "" without one."""
    return ", or ".join(words for kind, words in WORDS.items() if kind in kinds)


def null_words(values: Iterable[Value]) -> str:
    """Which seeds lack a value that others have, after a semicolon; "" if none does."""
    null = dict.fromkeys(name for one in values if isinstance(one, Pooled) for name in one.null)
    return f"; no mean where a seed has no value ({listed(list(null))})" if null else ""


def _reproduces(rows: Rows, board: Board, system: System, estimates: Sequence[Estimate]) -> bool:
    """True if the examples' values reproduce each record's number."""
    by_seed = rows_of(rows, board, system)
    if not by_seed.any(axis=(1, 2)).all():  # a seed's record holds no values
        return False
    values = rows.statistic.value(by_seed.sum(axis=1))
    return all(
        one.value is not None and isclose(own, one.value, rel_tol=1e-6, abs_tol=1e-9)
        for own, one in zip(values, estimates, strict=True)
    )
