"""What systems cost, from their records; means over training seeds."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean

from harness.errors import counted
from harness.record import Inference, Record, Training
from harness.reports.runs.comparable import machines, number_types
from harness.reports.runs.systems import Board, System

Cost = Callable[[Record], float | None]


def training_s(record: Record) -> float | None:
    """Wall-clock seconds of training, with targets and evaluation; 0 without training.

    None for texts that were made elsewhere.
    """
    if record.training is None:
        return 0.0 if record.kind == "run" else None
    return record.training.seconds_total


def inference(read: Callable[[Inference], float | None]) -> Cost:
    """A cost of generation; None if a record has none."""
    return lambda record: None if record.inference is None else read(record.inference)


def training(read: Callable[[Training], float | None]) -> Cost:
    """A cost of training; None if a record has none."""
    return lambda record: None if record.training is None else read(record.training)


tokens_per_s = inference(lambda cost: cost.tokens_per_s)
text_s = inference(lambda cost: cost.seconds_per_example)
"""Wall-clock seconds per text with its hidden tokens, at the run's batch size."""


def peak_mib(record: Record) -> float | None:
    """Peak memory of training or generation, whichever is higher."""
    return record.peak_memory_mib


def mean_cost(system: System, cost: Cost) -> float | None:
    """Mean over seeds; None if a seed lacks the cost."""
    known = [value for record in system.records if (value := cost(record)) is not None]
    return fmean(known) if len(known) == len(system.runs) else None


def shared_machine(board: Board) -> str:
    """The machine of the board's runs in words, where their times compare.

    Texts that were made elsewhere have no machine.
    """
    return machine(next(record for record in board.records if record.kind == "run"))


def machine(record: Record) -> str:
    """The machine in words."""
    device = record.device
    if record.backbone.api is not None:
        return f"{record.backbone.api.url}, {record.backbone.api.concurrent} requests at a time"
    what = device.accelerator or device.processor or device.device
    threads = counted(device.threads, "thread")
    return f"{device.device} ({what}), {number_types(record)}, {threads}"


def times_not_comparable(board: Board) -> str | None:
    """Why times on this board are not comparable; None if they are."""
    if all(record.kind != "run" for record in board.records):
        return "texts made elsewhere have no times"
    if names := _where_any(board, lambda record: record.backbone.api):
        return (
            f"times of a model behind an API are its server's latency, with load and network, and"
            f" compare with none: {', '.join(names)}"
        )
    if names := _where_any(board, lambda record: record.training and record.training.machine):
        return (
            f"another machine trained than generated, so times do not compare: {', '.join(names)}"
        )
    differences = " · ".join(str(one) for one in machines(board.systems))
    if not differences:
        return None
    return f"times are not comparable because machines differ: {differences}"


def _where_any(board: Board, has: Callable[[Record], object]) -> list[str]:
    """Names of the systems with a run that has something."""
    return [one.name for one in board.systems if any(map(has, one.records))]
