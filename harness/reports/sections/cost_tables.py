"""What systems cost: training by phase, writing, memory; means over seeds, with their range."""

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
    """Wall seconds of training, targets and evaluation included; 0 for what is not trained."""
    return 0.0 if record.training is None else record.training.seconds_total


def text_s(record: Record) -> float | None:
    """Wall seconds per text, hidden text before it included, in batches of the run's size."""
    cost = record.inference
    if cost is None or cost.seconds_per_example is not None:
        return cost and cost.seconds_per_example
    if cost.decode_s is None or not record.n.scored:
        return None
    return (cost.decode_s + cost.preface_s) / record.n.scored


def inference(read: Callable[[Inference], float | None]) -> Cost:
    """A cost of generating; None where a record has none."""
    return lambda record: None if record.inference is None else read(record.inference)


def training(read: Callable[[Training], float | None]) -> Cost:
    """A cost of training; None where a record has none."""
    return lambda record: None if record.training is None else read(record.training)


tokens_per_s = inference(lambda cost: cost.tokens_per_s)


def peak_mib(record: Record) -> float | None:
    """The higher of training's and writing's peak."""
    return record.peak_memory_mib


def mean_cost(system: System, cost: Cost) -> float | None:
    """Mean over seeds; None where a seed does not tell."""
    found = [cost(record) for record in system.records]
    known = [value for value in found if value is not None]
    return fmean(known) if len(known) == len(found) else None


def machine(system: System) -> str:
    """The machine in words, as captions need it."""
    device = system.record.device
    what = device.accelerator or device.processor or device.device
    counted = "1 thread" if device.threads == 1 else f"{device.threads} threads"
    return f"{device.device} ({what}), {device.dtype}, {counted}"


def timed_apart(board: Board) -> str | None:
    """Why times on this board do not compare, or None."""
    apart = machines(board.systems)
    if not apart:
        return None
    return "times do not compare, for machines differ: " + " · ".join(str(one) for one in apart)


def costs_section(boards: Sequence[Board]) -> Section:
    """Training by phase, latency and memory of every system."""
    tables: list[Table] = []
    notes = []
    for board in boards:
        apart = timed_apart(board)
        if apart:
            notes.append(f"{board.task}: {apart}.")
        told = () if apart else (f"{machine(board.systems[0])}.",)
        tables += [_training_table(board, told), _writing_table(board, told)]
    notes.insert(
        0,
        "What does it cost? Means over training seeds. Hidden: written or thought before the text"
        " (an analysis, latent thoughts), and not part of it.",
    )
    return Section("costs", "Costs", tuple(notes), tuple(table for table in tables if table.rows))


def _training_table(board: Board, notes: tuple[str, ...]) -> Table:
    trained = [system for system in board.systems if system.record.training]
    spent = [one.record.training.seconds for one in trained if one.record.training]
    phases = list(dict.fromkeys(key for each in spent for key in each))
    flops_total = training(lambda cost: cost.flops_total)
    flops = any(map(flops_total, (one.record for one in trained)))
    costs: list[tuple[Column, Cost]] = [
        (Column("training in all", "time", "seconds"), training_s),
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


def _writing_table(board: Board, notes: tuple[str, ...]) -> Table:
    costs: list[tuple[Column, Cost]] = [
        (Column("time per text", kind="seconds"), text_s),
        (
            Column("first token", "ms", "number", 0),
            inference(lambda cost: cost.time_to_first_token_s),
        ),
        (Column("output token", "ms", "number"), inference(lambda cost: cost.time_per_step_s)),
        (Column("tokens/s", "", "number", 0), tokens_per_s),
        (Column("hidden tokens per text", "", "number", 1), _hidden),
        (Column("hidden text", "time in all", "seconds"), inference(lambda cost: cost.preface_s)),
        (Column("batch size", "", "number", 0), inference(lambda cost: cost.batch_size)),
        (Column("peak MiB", "", "number", 0), inference(lambda cost: cost.peak_memory_mib)),
    ]
    name, title = f"costs_writing_{board.task}", f"Writing, {board.task}"
    return _table(name, title, board.systems, costs, notes)


def _table(
    name: str,
    title: str,
    systems: Sequence[System],
    costs: Sequence[tuple[Column, Cost]],
    notes: tuple[str, ...],
) -> Table:
    """A row a system, a column a cost."""

    def value(system: System, column: Column, cost: Cost) -> float | None:
        found = mean_cost(system, cost)
        return found if found is None or column.unit != "ms" else 1000 * found

    rows = tuple((one.name, *(value(one, *each) for each in costs)) for one in systems)
    return Table(name, title, (METHOD, *(column for column, _ in costs)), rows, notes)


def _phase(name: str) -> Cost:
    return training(lambda cost: cost.seconds.get(name))


def _hidden(record: Record) -> float | None:
    """Tokens written or thoughts fed before the text, per text."""
    cost = record.inference
    if cost is None or not record.n.scored:
        return None
    return cost.preface_tokens / record.n.scored + cost.latent_thoughts_per_text
