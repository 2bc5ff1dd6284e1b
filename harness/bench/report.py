"""What a bench found, as tables: for the terminal, and as Markdown to be pasted into the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from harness.bench.tables import METHOD, conditions, counted, quotient, spread, warnings
from harness.reports.render.markdown import titled
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table

LEGEND = (
    "prompt: tokens read; hidden: tokens written or thoughts fed before a text, means over the"
    " batch. first token: from the prompts to the batch's first visible token, hidden ones"
    " included; step: one more token of every text; whole: all of it; tokens/s: visible tokens over"
    " the whole. Weights are untrained: the clock cannot tell, but CoT's hidden text may be longer"
    " or shorter than a trained model's."
)


def tables(found: Mapping[str, Any]) -> list[Table]:
    """One table a writing case, their ratios, training, memory."""
    cases = dict.fromkeys((row["batch"], row["tokens"]) for row in found["writing"])
    return [
        *(_writing(found, batch, tokens) for batch, tokens in cases),
        _ratios(found),
        _training(found),
        _memory(found),
    ]


def _writing(found: Mapping[str, Any], batch: int, tokens: int) -> Table:
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
    title = f"Writing, batch {batch}, {tokens} tokens a text"
    return Table(f"writing_{batch}_{tokens}", title, columns, rows)


def _ratios(found: Mapping[str, Any]) -> Table:
    """Every other method's times over the baseline's."""
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
    title = f"Writing: time ÷ {found['baseline']}'s, below 1 is faster"
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
        Column("before it: writing targets", "s", "number"),
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
        f"Peak memory, MiB ({what}), each method in a process of its own; writing batch"
        f" {memory['batch']}, {memory['tokens']} tokens",
        (METHOD, *map(counted, ("parameters", "before a model", "writing", "training"))),
        tuple(
            (row["method"], found["parameters"][row["method"]], *(row[key] for key in keys))
            for row in memory["methods"]
        ),
    )


def setting(found: Mapping[str, Any]) -> str:
    """What was measured, where and how."""
    rounds = "1 round" if found["repeats"] == 1 else f"{found['repeats']} rounds"
    spent = " · ".join(f"{name} {seconds:.0f}" for name, seconds in found["phases"].items())
    return (
        f"{conditions(found)}. Backbone {found['backbone']}, preset {found['preset']},"
        f" {found['task']}. Median [quartiles] of {rounds}, ABAB… in one process, after"
        f" {found['warm_up']} that warms up; ratios with 95 % intervals over paired rounds."
        f" Took {found['wall_s']:.0f} s: {spent}."
    )


def markdown(found: Mapping[str, Any]) -> str:
    """Command, conditions and tables, ready to be pasted."""
    told = [setting(found), *warnings(found)]
    parts = [f"```\n{found['command']}\n```", *told, *map(titled, tables(found)), LEGEND]
    return "\n\n".join(parts) + "\n"


def show(console: Console, found: Mapping[str, Any]) -> None:
    """The same on a terminal."""
    for table in tables(found):
        print_table(console, table)
    for text in (LEGEND, setting(found)):
        console.print(text, style="dim", highlight=False, markup=False)
    for text in warnings(found):
        console.print(text, style="yellow", highlight=False, markup=False)
