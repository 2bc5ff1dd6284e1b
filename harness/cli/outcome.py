"""What the terminal shows after a run: scores with intervals, costs, counts, the record's path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from harness.cli.record_rows import (
    COLUMNS,
    Row,
    author_rows,
    breakdown_rows,
    continuation_rows,
    lift_rows,
    likelihood_rows,
    number,
    quality_rows,
    remark,
    thought_rows,
)
from harness.cli.screen import warn
from harness.metrics import of_words, unit_of
from harness.record import Outcome, Record
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.reports.runs.recorded_floors import floors_beside, won_by_floors


def print_outcome(console: Console, outcome: Outcome) -> None:
    """One run's table."""
    record = outcome.record
    title = f"{record.method} · {record.task} · {record.run_id}"
    if outcome.repeated:
        title += " (already complete; --fresh redoes it)"
    print_scores(console, record, title)
    warn(console, [*notices(record), *floor_notices(record, outcome.folder)])
    print_one_text(console, outcome)
    console.print(f"record: {outcome.folder}", soft_wrap=True)


def print_scores(console: Console, record: Record, title: str) -> None:
    """A record's metrics and views, a row each."""
    rows = [
        *((name, number(one), remark(one, unit_of(name))) for name, one in record.metrics.items()),
        *(row for rows in VIEWS for row in rows(record)),
    ]
    print_table(console, Table("run", title, COLUMNS, tuple(rows)))


def print_floors(console: Console, record: Record, floors: Sequence[Record]) -> None:
    """A record's metrics beside those of the floors; nothing if there are none."""
    if not floors:
        return
    columns = (Column("metric"), *(Column(each.method, "", "number") for each in (record, *floors)))
    rows = tuple(
        (name, *(each.metrics[name].value for each in (record, *floors)))
        for name in record.metrics
        if all(name in floor.metrics for floor in floors)
    )
    title = "floors: texts made from the data alone, which a method has to beat"
    print_table(console, Table("floors", title, columns, rows))


def floor_notices(record: Record, folder: Path) -> list[str]:
    """A line on each metric under which a floor recorded beside the run scores as well."""
    return [
        f"{name}: {floor.method} scores {floor.metrics[name].value:.2f} without a model, so a"
        f" higher {name} does not mean better texts here"
        for name, floor in won_by_floors(record, floors_beside(folder, record)).items()
    ]


def cost_rows(record: Record) -> list[Row]:
    """Time and memory of training and generation."""
    rows: list[Row] = []
    if record.training:
        spent = record.training
        rows.append(
            (
                "training",
                f"{spent.seconds_total:.0f} s",
                f"{spent.steps} steps, {spent.tokens:,} tokens, {spent.peak_memory_mib:,.0f} MiB",
            )
        )
        by_phase = [(name, each) for name, each in spent.seconds.items() if each >= 0.05]
        phases = " · ".join(f"{name.replace('_', ' ')} {each:.1f}" for name, each in by_phase)
        rows.append(("  by phase", "", f"{phases} s"))
    cost = record.inference
    if cost is None:
        return rows
    if cost.tokens_per_s:
        first = 1000 * (cost.time_to_first_token_s or 0.0)
        rows.append(
            (
                "generation",
                f"{cost.tokens_per_s:,.0f} tokens/s",
                f"batch {cost.batch_size}, first token {first:,.0f} ms,"
                f" {cost.peak_memory_mib:,.0f} MiB",
            )
        )
    hidden_s = cost.preface_s + cost.latent_s
    if hidden_s:
        thoughts = f"{cost.latent_thoughts_per_text} latent thoughts per text"
        what = f"{cost.preface_tokens:,} tokens" if cost.preface_tokens else thoughts
        rows.append(("  hidden, before texts", f"{hidden_s:.2f} s", what))
    return rows


def method_rows(record: Record) -> list[Row]:
    """The method's own counters that are not 0, e.g. rejected analyses."""
    counters = dict(record.training.method) if record.training else {}
    counters["prefaces"] = dict(record.inference.prefaces) if record.inference else {}
    return [
        (
            f"  {name.replace('_', ' ')}",
            "",
            " · ".join(f"{key.replace('_', ' ')} {each}" for key, each in counts.items() if each),
        )
        for name, counts in counters.items()
        if isinstance(counts, Mapping) and any(counts.values())
    ]


def notices(record: Record) -> list[str]:
    """Warnings to read before trusting the table."""
    n = record.n
    lines = [f"examples {n.planned}, scored {n.scored}"]
    for count, what in (
        (n.failed, "failed (scored as empty)"),
        (n.empty, "empty"),
        (n.capped, "reached the cap on new tokens"),
        (n.input_cut, "prompts cut to their budget"),
        (n.target_cut, "training targets cut"),
        (n.tied, "profiles that BM25 cannot rank (all scores tie), so entries keep their order"),
    ):
        if count:
            lines.append(f"{count} {what}")
    if record.training and record.training.reused_from:
        lines.append(f"training reused from {record.training.reused_from}")
    missing = [f"{name}: {s.missing}" for name, s in record.metrics.items() if s.missing]
    return [" · ".join(lines), *missing]


def print_one_text(console: Console, outcome: Outcome) -> None:
    """Print the first test example's text, to show what the numbers are about."""
    from harness.record import read_predictions

    texts = read_predictions(outcome.folder)
    if not texts:
        return
    text = min(texts, key=lambda each: each.id)
    console.print(
        f"example {text.id}, as generated (`harness show {outcome.folder}`):",
        style="dim",
        soft_wrap=True,
    )
    shown = text.output if len(text.output) <= 500 else text.output[:500] + " …"
    console.print(shown or "(empty)")


SIDE_BY_SIDE = ("bleu", "rougeL", "meteor")
"""Metrics of several runs that fit a terminal; `harness compare` shows all of them."""


def print_together(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print several runs, one row each; nothing for one run, which was printed already."""
    if len(outcomes) < 2:
        return
    records = [outcome.record for outcome in outcomes]
    tasks = list(dict.fromkeys(record.task for record in records))
    seeds = len({record.seed for record in records})
    every = list(records[0].metrics)
    names = [name for name in every if name in SIDE_BY_SIDE or not of_words(name)]
    names = names or every[: len(SIDE_BY_SIDE)]
    columns = [
        Column("method"),
        *([Column("task")] if len(tasks) > 1 else []),
        *([Column("seed", "", "number", 0)] if seeds > 1 else []),
        *(Column(name, kind="number") for name in names),
        Column("NLL", "", "number", 3),
        Column("train s", "", "number", 0),
        Column("tokens/s", "", "number", 0),
    ]
    rows = tuple(
        (
            record.method,
            *([record.task] if len(tasks) > 1 else []),
            *([record.seed] if seeds > 1 else []),
            *(record.metrics[name].value if name in record.metrics else None for name in names),
            record.likelihood and record.likelihood.value,
            record.training and record.training.seconds_total,
            record.inference and record.inference.tokens_per_s,
        )
        for record in records
    )
    title = f"all runs on {', '.join(tasks)}; for tests and intervals: harness compare"
    print_table(console, Table("runs", title, tuple(columns), rows))


VIEWS = (
    quality_rows, breakdown_rows, likelihood_rows,
    continuation_rows, lift_rows, author_rows, thought_rows,
    cost_rows, method_rows,
)  # fmt: skip
"""The rows after the metrics in a run's table, in order."""
