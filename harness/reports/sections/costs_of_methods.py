"""What systems cost: training by phase, generation, memory; means over training seeds."""

from __future__ import annotations

from harness.record import Inference, Record
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.system_costs import (
    Cost,
    inference,
    shared_machine,
    text_s,
    times_not_comparable,
    tokens_per_s,
    training,
    training_s,
)
from harness.reports.sections.system_columns import SystemColumn, mean, of_systems


def costs_part(compared: Compared) -> Part:
    """Training by phase, latency and memory of every system."""
    board = compared.board
    caveat = times_not_comparable(board)
    notes = () if caveat else (f"{shared_machine(board)}.",)
    trained = [one for one in board.systems if any(record.training for record in one.records)]
    phases = dict.fromkeys(
        phase for record in board.records if record.training for phase in record.training.seconds
    )
    tables = (
        of_systems(
            Table(f"costs_training_{board.task}", f"Training, {board.task}", notes=notes),
            trained,
            _training([*phases], any(map(FLOPS, board.records))),
        ),
        of_systems(
            Table(f"costs_writing_{board.task}", f"Generation, {board.task}", notes=notes),
            board.systems,
            (*GENERATION, *(PER_USER if any(map(_user_work, board.records)) else ())),
        ),
    )
    text = (f"{board.task}: {caveat}.",) if caveat else ()
    return Part(text, tables=tuple(table for table in tables if table.rows))


def _training(phases: list[str], flops: bool) -> list[SystemColumn]:
    return [
        mean(Column("total training", "time", "seconds"), training_s),
        *(mean(Column(one.replace("_", " "), "time", "seconds"), _phase(one)) for one in phases),
        mean(_count("optimizer steps", "number"), training(lambda cost: cost.steps)),
        mean(_count("tokens/s"), training(lambda cost: cost.tokens_per_s)),
        mean(_count("peak MiB"), training(lambda cost: cost.peak_memory_mib)),
        mean(_count("trained parameters"), training(lambda cost: cost.trainable_parameters)),
        *([mean(Column("FLOPs", kind="short"), FLOPS)] if flops else []),
    ]


def _count(title: str, unit: str = "") -> Column:
    return Column(title, unit, "number", 0)


def _phase(name: str) -> Cost:
    return training(lambda cost: cost.seconds.get(name))


def _ms(cost: Cost) -> Cost:
    """A cost in seconds as milliseconds."""

    def read(record: Record) -> float | None:
        found = cost(record)
        return None if found is None else 1000 * found

    return read


def _hidden(record: Record) -> float | None:
    """Hidden tokens and latent thoughts before the text, per text."""
    cost = record.inference
    if cost is None or not record.n.scored:
        return None
    return cost.preface_tokens / (record.n.scored * record.samples) + cost.latent_thoughts_per_text


def _preface_s(cost: Inference) -> float | None:
    """Seconds of prefaces; older records have 0 where no batch was timed."""
    return cost.preface_s if cost.batches_timed else None


_user_work = inference(lambda cost: cost.user_work_s)
FLOPS = training(lambda cost: cost.flops_total)
PER_USER = (mean(Column("once per user", "total time", "seconds"), _user_work),)
GENERATION = (
    mean(Column("time per text", kind="seconds"), text_s),
    mean(_count("first token", "ms"), _ms(inference(lambda cost: cost.time_to_first_token_s))),
    mean(Column("output token", "ms", "number"), _ms(inference(lambda cost: cost.time_per_step_s))),
    mean(_count("tokens/s"), tokens_per_s),
    mean(Column("hidden tokens per text", "", "number", 1), _hidden),
    mean(Column("hidden tokens", "total time", "seconds"), inference(_preface_s)),
    mean(_count("batch size"), inference(lambda cost: cost.batch_size)),
    mean(_count("peak MiB"), inference(lambda cost: cost.peak_memory_mib)),
)
