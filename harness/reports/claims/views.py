"""The measures that claims name beyond the metrics of a comparison."""

from __future__ import annotations

from harness.claims.papers import MAIN
from harness.record import ExampleValues
from harness.reports.compared.measures import Measure, mean_of, measures_of
from harness.reports.compared.parts import LIKELIHOOD, NATS, lift_measure
from harness.reports.runs.systems import Board, having

LIFT, LIFT_FALL = "lift", "lift fall"
SLICES = ("0-100", "100-200", "200-300")
"""The early slice and the later ones; where a text has them, they are its first three."""


def _fall(values: ExampleValues) -> float | None:
    """Lift in tokens 100–300 minus lift in tokens 0–100, each per slice token.

    None for a text without such tokens, or without their counts: a last slice of 10 tokens must not
    weigh as much as one of 100.
    """
    gains = LIKELIHOOD.gains(values).get("random", {})
    known = [gain for name in SLICES if (gain := gains.get(name)) is not None]
    counts = values.likelihood.slice_tokens[1 : len(SLICES)] if values.likelihood else ()
    if len(known) < len(SLICES) or not sum(counts):
        return None
    later = sum(gain * count for gain, count in zip(known[1:], counts, strict=True))
    return later / sum(counts) - known[0]


_ROWS = mean_of(_fall)
FALL = Measure(
    _ROWS.statistic, _ROWS.row, name=LIFT_FALL,
    title="lift (own − random other) in tokens 100–300 minus in tokens 0–100", unit=NATS, digits=3,
)  # fmt: skip


def view(name: str, board: Board, main: Measure) -> tuple[Board, Measure | None]:
    """The part of the board whose runs have the measure, and the measure; None if none has it.

    name: "main", "lift", "lift fall", or a measure of the comparison.
    """
    if name == MAIN:
        return board, main
    if name not in (LIFT, LIFT_FALL):
        return board, {one.name: one for one in measures_of(board)}.get(name)
    part = having(board, LIKELIHOOD.of)
    measure = FALL if name == LIFT_FALL else lift_measure(LIKELIHOOD, "random", "all")
    return part, measure if part.systems else None
