"""What systems cost: training by phase, writing, memory; means over seeds, with their range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from harness.record import Inference, Record, Training
from harness.reports.render.document import Cell, Section, Table, number, seconds, words
from harness.reports.runs.comparable import machines
from harness.reports.runs.systems import Board, System

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
    rows = []
    for system in trained:
        rows.append(
            (
                words(system.name),
                seconds(mean_cost(system, training_s)),
                *(seconds(mean_cost(system, _phase(name))) for name in phases),
                number(mean_cost(system, training(lambda cost: cost.steps)), 0),
                number(mean_cost(system, training(lambda cost: cost.tokens_per_s)), 0),
                number(mean_cost(system, training(lambda cost: cost.peak_memory_mib)), 0),
                number(mean_cost(system, training(lambda cost: cost.trainable_parameters)), 0),
                *(
                    [_power(mean_cost(system, training(lambda cost: cost.flops_total)))]
                    if flops
                    else []
                ),
            )
        )
    named = (f"{name.replace('_', ' ')}, time" for name in phases)
    heads = ("method", "training in all, time", *named, "optimizer steps, number", "tokens/s",
             "peak MiB", "trained parameters", *(["FLOPs"] if flops else []))  # fmt: skip
    title = f"Training, {board.task}"
    return Table(f"costs_training_{board.task}", title, heads, tuple(rows), notes)


def _writing_table(board: Board, notes: tuple[str, ...]) -> Table:
    rows = []
    for system in board.systems:
        first = mean_cost(system, inference(lambda cost: cost.time_to_first_token_s))
        step = mean_cost(system, inference(lambda cost: cost.time_per_step_s))
        rows.append(
            (
                words(system.name),
                seconds(mean_cost(system, text_s)),
                number(None if first is None else 1000 * first, 0),
                number(None if step is None else 1000 * step, 2),
                number(mean_cost(system, tokens_per_s), 0),
                number(mean_cost(system, _hidden), 1),
                seconds(mean_cost(system, inference(lambda cost: cost.preface_s))),
                number(mean_cost(system, inference(lambda cost: cost.batch_size)), 0),
                number(mean_cost(system, inference(lambda cost: cost.peak_memory_mib)), 0),
            )
        )
    heads = (
        "method", "time per text", "first token, ms", "output token, ms", "tokens/s",
        "hidden tokens per text", "hidden text, time in all", "batch size", "peak MiB",
    )  # fmt: skip
    return Table(f"costs_writing_{board.task}", f"Writing, {board.task}", heads, tuple(rows), notes)


def _phase(name: str) -> Cost:
    return training(lambda cost: cost.seconds.get(name))


def _hidden(record: Record) -> float | None:
    """Tokens written or thoughts fed before the text, per text."""
    cost = record.inference
    if cost is None or not record.n.scored:
        return None
    return cost.preface_tokens / record.n.scored + cost.latent_thoughts_per_text


def _power(value: float | None) -> Cell:
    return Cell("–") if value is None else Cell(f"{value:.2e}", value)
