"""Comparisons as JSON: values, intervals, significance letters, paired tests and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from harness.record import Record
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.verdicts import Compared
from harness.reports.runs.system_costs import (
    mean_cost,
    peak_mib,
    text_s,
    times_not_comparable,
    tokens_per_s,
    training_s,
)
from harness.reports.trial.words import why_failed

COSTS = {"training_s": training_s, "text_s": text_s, "peak_mib": peak_mib,
         "tokens_per_s": tokens_per_s}  # fmt: skip


def facts_of(
    compared: Sequence[Compared],
    warnings: Sequence[str],
    added: Sequence[Sequence[Mapping[str, object]]] = (),
) -> dict[str, object]:
    """The JSON document of a comparison; added: what sections add to each task's."""
    boards = [_board(one) for one in compared]
    for board, more in zip(boards, added, strict=False):
        for each in more:
            board |= each
    return {"main": compared[0].main_name, "warnings": list(warnings), "boards": boards}


def _board(compared: Compared) -> dict[str, object]:
    board = compared.board
    return {
        "task": board.task,
        "texts": len(board.ids),
        "users": board.user_count,
        "allowed": list(board.allowed),
        "about": board.about,
        "times_compare": times_not_comparable(board) is None,
        "systems": [
            {
                "name": system.name,
                "method": system.record.method,
                "seeds": system.seeds,
                "runs": [str(run.folder) for run in system.runs],
                "quality": {
                    name: mean_cost(system, partial(quality, name))
                    for name in system.record.quality
                },
                "costs": {name: mean_cost(system, cost) for name, cost in COSTS.items()},
            }
            for system in board.systems
        ],
        **floor_facts(compared),
        "measures": _measures(compared.contrasts.values()),
        "lift": _measures(compared.lifts),
    }


def floor_facts(compared: Compared) -> dict[str, object]:
    """Every floor's values, the metrics that a floor wins, and why others failed their trial."""
    return {
        "floors": {
            floor.method: {name: one.value for name, one in floor.metrics.items()}
            for floor in compared.board.floors
        },
        "won_by_floors": {name: one.method for name, one in compared.won_by_floors.items()},
        "failed_trials": {name: why_failed(one) for name, one in compared.failed_trials.items()},
    }


def quality(name: str, record: Record) -> float | None:
    """A measure of text quality of one run."""
    return record.quality[name].value if name in record.quality else None


def _measures(found: Iterable[Contrasts]) -> dict[str, object]:
    return {
        one.measure.name: {
            "title": one.measure.title,
            "unit": one.measure.unit,
            "lower_is_better": one.measure.lower_is_better,
            "best_first": one.order,
            "values": {
                system: {"value": value.value, "low": value.low, "high": value.high,
                         "about": value.about, "letters": (one.letters or {}).get(system)}
                for system, value in one.values.items()
            },
            "comparisons": [
                {"first": first, "second": second, **asdict(compared)}
                for (first, second), compared in one.pairs.items()
            ],
        }
        for one in found
    }  # fmt: skip
