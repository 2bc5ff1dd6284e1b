"""What systems cost: training by phase, generation, memory; means over training seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from harness.record import Inference, Record, Training
from harness.reports.render.document import Section
from harness.reports.render.table import Column, Table
from harness.reports.runs.comparable import machines
from harness.reports.runs.systems import Board, System
from harness.reports.sections.columns import METHOD

Cost = Callable[[Record], float | None]


def training_s(record: Record) -> float | None:
    """Wall-clock seconds of training, with targets and evaluation; 0 without training."""
    return 0.0 if record.training is None else record.training.seconds_total


def text_s(record: Record) -> float | None:
    """Wall-clock seconds per text with its hidden tokens, at the run's batch size."""
    cost = record.inference
    if cost is None or cost.seconds_per_example is not None:
        return cost and cost.seconds_per_example
    if cost.decode_s is None or not record.n.scored:
        return None
    return (cost.decode_s + cost.preface_s) / record.n.scored


def inference(read: Callable[[Inference], float | None]) -> Cost:
    """A cost of generation; None if a record has none."""
    return lambda record: None if record.inference is None else read(record.inference)


def training(read: Callable[[Training], float | None]) -> Cost:
    """A cost of training; None if a record has none."""
    return lambda record: None if record.training is None else read(record.training)


tokens_per_s = inference(lambda cost: cost.tokens_per_s)


def peak_mib(record: Record) -> float | None:
    """Peak memory of training or generation, whichever is higher."""
    return record.peak_memory_mib


def mean_cost(system: System, cost: Cost) -> float | None:
    """Mean over seeds; None if a seed lacks the cost."""
    found = [cost(record) for record in system.records]
    known = [value for value in found if value is not None]
    return fmean(known) if len(known) == len(found) else None


def machine(system: System) -> str:
    """The machine in words, for captions."""
    device = system.record.device
    what = device.accelerator or device.processor or device.device
    threads = "1 thread" if device.threads == 1 else f"{device.threads} threads"
    return f"{device.device} ({what}), {device.dtype}, {threads}"


def times_not_comparable(board: Board) -> str | None:
    """Why times on this board are not comparable; None if they are."""
    differences = machines(board.systems)
    if not differences:
        return None
    return "times are not comparable because machines differ: " + " · ".join(
        str(one) for one in differences
    )


def costs_section(boards: Sequence[Board]) -> Section:
    """Training by phase, latency and memory of every system."""
    tables: list[Table] = []
    notes = []
    for board in boards:
        caveat = times_not_comparable(board)
        if caveat:
            notes.append(f"{board.task}: {caveat}.")
        notes_of_board = () if caveat else (f"{machine(board.systems[0])}.",)
        tables += [_training_table(board, notes_of_board), _generation_table(board, notes_of_board)]
    notes.insert(
        0,
        "What does it cost? Means over training seeds. Hidden: generated before the text and not"
        " part of it (an analysis, latent thoughts).",
    )
    return Section("costs", "Costs", tuple(notes), tuple(table for table in tables if table.rows))


def _training_table(board: Board, notes: tuple[str, ...]) -> Table:
    trained = [system for system in board.systems if system.record.training]
    spent = [one.record.training.seconds for one in trained if one.record.training]
    phases = list(dict.fromkeys(key for each in spent for key in each))
    flops_total = training(lambda cost: cost.flops_total)
    flops = any(map(flops_total, (one.record for one in trained)))
    costs: list[tuple[Column, Cost]] = [
        (Column("total training", "time", "seconds"), training_s),
        *((Column(one.replace("_", " "), "time", "seconds"), _phase(one)) for one in phases),
        (Column("optimizer steps", "number", "number", 0), training(lambda cost: cost.steps)),
        (Column("tokens/s", "", "number", 0), training(lambda cost: cost.tokens_per_s)),
        (Column("peak MiB", "", "number", 0), training(lambda cost: cost.peak_memory_mib)),
        (
            Column("trained parameters", "", "number", 0),
            training(lambda cost: cost.trainable_parameters),
        ),
    ]
    if flops:
        costs.append((Column("FLOPs", kind="short"), flops_total))
    return _table(f"costs_training_{board.task}", f"Training, {board.task}", trained, costs, notes)


def _generation_table(board: Board, notes: tuple[str, ...]) -> Table:
    costs: list[tuple[Column, Cost]] = [
        (Column("time per text", kind="seconds"), text_s),
        (
            Column("first token", "ms", "number", 0),
            inference(lambda cost: cost.time_to_first_token_s),
        ),
        (Column("output token", "ms", "number"), inference(lambda cost: cost.time_per_step_s)),
        (Column("tokens/s", "", "number", 0), tokens_per_s),
        (Column("hidden tokens per text", "", "number", 1), _hidden),
        (Column("hidden tokens", "total time", "seconds"), inference(lambda cost: cost.preface_s)),
        (Column("batch size", "", "number", 0), inference(lambda cost: cost.batch_size)),
        (Column("peak MiB", "", "number", 0), inference(lambda cost: cost.peak_memory_mib)),
    ]
    name, title = f"costs_writing_{board.task}", f"Generation,  {board.task}"
    return _table(name, title, board.systems, costs, notes)


def _table(
    name: str,
    title: str,
    systems: Sequence[System],
    costs: Sequence[tuple[Column, Cost]],
    notes: tuple[str, ...],
) -> Table:
    """One row per system, one column per cost."""

    def value(system: System, column: Column, cost: Cost) -> float | None:
        found = mean_cost(system, cost)
        return found if found is None or column.unit != "ms" else 1000 * found

    rows = tuple((one.name, *(value(one, *each) for each in costs)) for one in systems)
    return Table(name, title, (METHOD, *(column for column, _ in costs)), rows, notes)


def _phase(name: str) -> Cost:
    return training(lambda cost: cost.seconds.get(name))


def _hidden(record: Record) -> float | None:
    """Hidden tokens and latent thoughts before the text, per text."""
    cost = record.inference
    if cost is None or not record.n.scored:
        return None
    return cost.preface_tokens / record.n.scored + cost.latent_thoughts_per_text
