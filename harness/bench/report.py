"""A bench's results as tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from rich.console import Console

from harness.bench.tables import conditions, counted, quotient, spread, warnings
from harness.reports.render.markdown import titled
from harness.reports.render.table import Column, Table, Value
from harness.reports.render.terminal import print_table

Row = Mapping[str, Any]
Part = tuple[Column, Callable[[Row], Value]]
"""A column, and its value in a row of results."""
LEGEND = (
    "prompt: tokens of the prompt; hidden: tokens or thoughts before a text; both are means over"
    " the batch. first token: time to the batch's first visible token, hidden tokens included;"
    " step: one more token of every text; whole: the whole batch; tokens/s: visible tokens over the"
    " whole time. Weights are untrained, which does not change the times, except that CoT's hidden"
    " text may be longer or shorter than a trained model's."
)


TIMES = (
    ("first", "first token", "ms", 1000),
    ("step", "step", "ms", 1000),
    ("total", "whole", "s", 1),
)
"""Name of a time in the results, its title, unit, and units in a second."""
METHOD: Part = (Column("method"), itemgetter("method"))


def tables(found: Row) -> list[Table]:
    """One table per generation case, then ratios, training and memory."""
    cases = dict.fromkeys((row["batch"], row["tokens"]) for row in found["writing"])
    return [
        *(_generation(found, *case) for case in cases),
        _ratios(found),
        _training(found),
        _memory(found),
    ]


def _table(name: str, title: str, rows: Sequence[Row], parts: Sequence[Part]) -> Table:
    columns = tuple(column for column, _ in parts)
    return Table(name, title, columns, tuple(tuple(get(row) for _, get in parts) for row in rows))


def _count(title: str, key: str) -> Part:
    """A column of whole numbers."""
    return counted(title), itemgetter(key)


def _time(name: str, title: str, unit: str, scale: float) -> Part:
    return Column(title, unit, "number"), lambda row: spread(row, name, scale)


def _ratio(name: str, title: str) -> Part:
    return Column(title, kind="number"), lambda row: quotient(row[f"{name}_ratio"])


def _generation(found: Row, batch: int, tokens: int) -> Table:
    rows = [row for row in found["writing"] if (row["batch"], row["tokens"]) == (batch, tokens)]
    title = f"Generation, batch {batch}, {tokens} tokens per text"
    sizes = _count("prompt", "prompt_tokens"), _count("hidden", "hidden_tokens")
    times = (_time(*time) for time in TIMES)
    parts = (METHOD, *sizes, *times, _count("tokens/s", "tokens_per_s"))
    return _table(f"writing_{batch}_{tokens}", title, rows, parts)


def _ratios(found: Row) -> Table:
    """The other methods' times divided by the baseline's."""
    rows = [row for row in found["writing"] if row["method"] != found["baseline"]]
    title = f"Generation: time ÷ {found['baseline']}'s, below 1 is faster"
    case = _count("batch", "batch"), _count("tokens", "tokens")
    return _table("ratios", title, rows, (METHOD, *case, *(_ratio(*time[:2]) for time in TIMES)))


def _training(found: Row) -> Table:
    rows = found["training"]
    examples = rows[0]["examples"] if rows else 0
    title = f"Training: an optimizer step on the same {examples} examples"
    parts = (
        METHOD,
        _count("tokens", "tokens"),
        _time("step", "step", "s", 1),
        _count("tokens/s", "tokens_per_s"),
        _ratio("step", f"step ÷ {found['baseline']}"),
        (Column("before it: generating targets", "s", "number"), itemgetter("targets_s")),
    )
    return _table("training", title, rows, parts)


def _memory(found: Row) -> Table:
    memory = found["memory"]
    gpu = found["machine"]["device"].startswith("cuda")
    what = "CUDA's allocator" if gpu else "resident, libraries included"
    title = (
        f"Peak memory, MiB ({what}), each method in its own process; generation batch"
        f" {memory['batch']}, {memory['tokens']} tokens"
    )
    rows = [{**row, "parameters": found["parameters"][row["method"]]} for row in memory["methods"]]
    peaks = (
        _count("parameters", "parameters"), _count("before a model", "before_mib"),
        _count("generation", "writing_mib"), _count("training", "training_mib"),
    )  # fmt: skip
    return _table("memory", title, rows, (METHOD, *peaks))


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
