"""What the FlyThinker paper reports for a board's methods: shown for orientation, never tested."""

from __future__ import annotations

from harness.claims import Reported, papers
from harness.reports.runs.systems import Board


def of_paper() -> Reported:
    """The paper's numbers."""
    known = papers()["flythinker"].reported
    assert known is not None
    return known


def reported(board: Board, metric: str) -> list[tuple[str, float]]:
    """Label and value of the board's methods in the paper; [] for the built-in benchmark."""
    known = of_paper()
    if board.systems[0].record.data.built_in or metric != known.metric:
        return []
    here = {system.record.method for system in board.systems}
    values = known.values.get(board.task, {})
    return [(f"{name} ({known.mark})", one) for name, one in values.items() if name in here]
