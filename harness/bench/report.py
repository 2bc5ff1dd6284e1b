"""A bench's results as tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from harness.bench.tables import METHOD, conditions, counted, quotient, spread, warnings
from harness.reports.render.markdown import titled
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table

LEGEND = (
    "prompt: tokens of the prompt; hidden: tokens or thoughts before a text; both are means over"
    " the batch. first token: time to the batch's first visible token, hidden tokens included;"
    " step: one more token of every text; whole: the whole batch; tokens/s: visible tokens over the"
    " whole time. Weights are untrained, which does not change the times, except that CoT's hidden"
    " text may be longer or shorter than a trained model's."
)


def tables(found: Mapping[str, Any]) -> list[Table]:
    """One table per generation case, then ratios, training and memory."""
    cases = dict.fromkeys((row["batch"], row["tokens"]) for row in found["writing"])
    return [
        *(_generation(found, batch, tokens) for batch, tokens in cases),
        _ratios(found),
        _training(found),
        _memory(found),
    ]


def _generation(found: Mapping[str, Any], batch: int, tokens: int) -> Table:
    columns = (
        METHOD,
        counted("prompt"),
        counted("hidden"),
        Column("first token", "ms", "number"),
        Column("step", "ms", "number"),
        Column("whole", "s", "number"),
        counted("tokens/s"),
    )
    rows = tuple(
        (
            row["method"],
            row["prompt_tokens"],
            row["hidden_tokens"],
            spread(row, "first", 1000),
            spread(row, "step", 1000),
            spread(row, "total", 1),
            row["tokens_per_s"],
        )
        for row in found["writing"]
        if (row["batch"], row["tokens"]) == (batch, tokens)
    )
    title = f"Generation, batch {batch}, {tokens} tokens per text"
    return Table(f"writing_{batch}_{tokens}", title, columns, rows)


def _ratios(found: Mapping[str, Any]) -> Table:
    """The other methods' times divided by the baseline's."""
    times = {"first": "first token", "step": "step", "total": "whole"}
    columns = (
        METHOD,
        counted("batch"),
        counted("tokens"),
        *(Column(title, kind="number") for title in times.values()),
    )
    rows = tuple(
        (
            row["method"],
            row["batch"],
            row["tokens"],
            *(quotient(row[f"{name}_ratio"]) for name in times),
        )
        for row in found["writing"]
        if row["method"] != found["baseline"]
    )
    title = f"Generation: time ÷ {found['baseline']}'s, below 1 is faster"
    return Table("ratios", title, columns, rows)


def _training(found: Mapping[str, Any]) -> Table:
    rows = found["training"]
    examples = rows[0]["examples"] if rows else 0
    columns = (
        METHOD,
        counted("tokens"),
        Column("step", "s", "number"),
        counted("tokens/s"),
        Column(f"step ÷ {found['baseline']}", kind="number"),
        Column("before it: generating targets", "s", "number"),
    )
    cells = tuple(
        (
            row["method"],
            row["tokens"],
            spread(row, "step", 1),
            row["tokens_per_s"],
            quotient(row["step_ratio"]),
            row["targets_s"],
        )
        for row in rows
    )
    title = f"Training: an optimizer step on the same {examples} examples"
    return Table("training", title, columns, cells)


def _memory(found: Mapping[str, Any]) -> Table:
    memory = found["memory"]
    gpu = found["machine"]["device"].startswith("cuda")
    what = "CUDA's allocator" if gpu else "resident, libraries included"
    keys = ("before_mib", "writing_mib", "training_mib")
    return Table(
        "memory",
        f"Peak memory, MiB ({what}), each method in its own process; generation batch"
        f" {memory['batch']}, {memory['tokens']} tokens",
        (METHOD, *map(counted, ("parameters", "before a model", "generation", "training"))),
        tuple(
            (row["method"], found["parameters"][row["method"]], *(row[key] for key in keys))
            for row in memory["methods"]
        ),
    )


def setting(found: Mapping[str, Any]) -> str:
    """What was measured, on which machine, and how."""
    rounds = "1 round" if found["repeats"] == 1 else f"{found['repeats']} rounds"
    spent = " · ".join(f"{name} {seconds:.0f}" for name, seconds in found["phases"].items())
    return (
        f"{conditions(found)}. Backbone {found['backbone']}, preset {found['preset']},"
        f" {found['task']}. Median [quartiles] of {rounds}, ABAB… in one process, after"
        f" {found['warm_up']} warm-up round; ratios with 95 % intervals over paired rounds."
        f" Took {found['wall_s']:.0f} s: {spent}."
    )


def markdown(found: Mapping[str, Any]) -> str:
    """Command, conditions and tables as Markdown."""
    conditions = [setting(found), *warnings(found)]
    parts = [f"```\n{found['command']}\n```", *conditions, *map(titled, tables(found)), LEGEND]
    return "\n\n".join(parts) + "\n"


def show(console: Console, found: Mapping[str, Any]) -> None:
    """Print the tables and conditions."""
    for table in tables(found):
        print_table(console, table)
    for text in (LEGEND, setting(found)):
        console.print(text, style="dim", highlight=False, markup=False)
    for text in warnings(found):
        console.print(text, style="yellow", highlight=False, markup=False)
