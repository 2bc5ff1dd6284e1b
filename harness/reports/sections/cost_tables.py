"""What systems cost: training by phase, writing, memory; means over seeds, with their range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from harness.record import Record
from harness.reports.render.document import Cell, Section, Table, number, seconds, words
from harness.reports.runs.comparable import machines
from harness.reports.runs.systems import Board, System

Cost = Callable[[Record], float | None]


def training_s(record: Record) -> float | None:
    """Wall seconds of training, targets and evaluation included; 0 for what is not trained."""
    return 0.0 if record.training is None else record.training.get("seconds_total")


def text_s(record: Record) -> float | None:
    """Wall seconds per text, hidden text before it included, in batches of the run's size."""
    cost = record.inference or {}
    if cost.get("seconds_per_example") is not None:
        return float(cost["seconds_per_example"])
    if cost.get("decode_s") is None or not record.n.scored:
        return None
    return float((cost["decode_s"] + (cost.get("preface_s") or 0.0)) / record.n.scored)


def inference(key: str) -> Cost:
    return lambda record: (record.inference or {}).get(key)


def training(key: str) -> Cost:
    return lambda record: (record.training or {}).get(key)


def peak_mib(record: Record) -> float | None:
    """The higher of training's and writing's peak."""
    found = [(part or {}).get("peak_memory_mib") for part in (record.training, record.inference)]
    known = [value for value in found if value is not None]
    return max(known) if known else None


def mean_cost(system: System, cost: Cost) -> float | None:
    """Mean over seeds; None where a seed does not tell."""
    found = [cost(record) for record in system.records]
    known = [value for value in found if value is not None]
    return fmean(known) if len(known) == len(found) else None


def machine(system: System) -> str:
    """The machine in words, as captions need it."""
    device = system.record.device
    what = device.get("accelerator") or device.get("processor") or device.get("device")
    threads = device.get("threads")
    counted = "1 thread" if threads == 1 else f"{threads} threads"
    return f"{device.get('device')} ({what}), {device.get('dtype')}, {counted}"


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
    phases = list(
        dict.fromkeys(key for one in trained for key in (one.record.training or {})["seconds"])
    )
    flops = any((one.record.training or {}).get("flops_total") for one in trained)
    rows = []
    for system in trained:
        rows.append(
            (
                words(system.name),
                seconds(mean_cost(system, training_s)),
                *(seconds(mean_cost(system, _phase(name))) for name in phases),
                number(mean_cost(system, training("steps")), 0),
                number(mean_cost(system, training("tokens_per_s")), 0),
                number(mean_cost(system, training("peak_memory_mib")), 0),
                number(mean_cost(system, training("trainable_parameters")), 0),
                *([_power(mean_cost(system, training("flops_total")))] if flops else []),
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
        first = mean_cost(system, inference("time_to_first_token_s"))
        step = mean_cost(system, inference("time_per_step_s"))
        rows.append(
            (
                words(system.name),
                seconds(mean_cost(system, text_s)),
                number(None if first is None else 1000 * first, 0),
                number(None if step is None else 1000 * step, 2),
                number(mean_cost(system, inference("tokens_per_s")), 0),
                number(mean_cost(system, _hidden), 1),
                seconds(mean_cost(system, inference("preface_s"))),
                number(mean_cost(system, inference("batch_size")), 0),
                number(mean_cost(system, inference("peak_memory_mib")), 0),
            )
        )
    heads = (
        "method", "time per text", "first token, ms", "output token, ms", "tokens/s",
        "hidden tokens per text", "hidden text, time in all", "batch size", "peak MiB",
    )  # fmt: skip
    return Table(f"costs_writing_{board.task}", f"Writing, {board.task}", heads, tuple(rows), notes)


def _phase(name: str) -> Cost:
    return lambda record: (record.training or {}).get("seconds", {}).get(name)


def _hidden(record: Record) -> float | None:
    """Tokens written or thoughts fed before the text, per text."""
    cost = record.inference or {}
    if "preface_tokens" not in cost or not record.n.scored:
        return None
    latent = cost.get("latent_thoughts_per_text") or 0
    return float(cost["preface_tokens"] / record.n.scored + latent)


def _power(value: float | None) -> Cell:
    return Cell("–") if value is None else Cell(f"{value:.2e}", value)
