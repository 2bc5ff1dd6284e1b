"""What a bench found, as tables: for the terminal, and as Markdown to be pasted into the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """A titled table of text; the first column is a name, the others numbers."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grids(found: Mapping[str, Any]) -> list[Grid]:
    """One table a writing case, one for training, one for memory."""
    cases = dict.fromkeys((row["batch"], row["tokens"]) for row in found["writing"])
    return [
        *(_writing(found, batch, tokens) for batch, tokens in cases),
        _training(found),
        _memory(found),
    ]


def _writing(found: Mapping[str, Any], batch: int, tokens: int) -> Grid:
    rows = [row for row in found["writing"] if (row["batch"], row["tokens"]) == (batch, tokens)]
    return Grid(
        f"Writing, batch {batch}, {tokens} tokens each",
        (
            "method", "prompt", "hidden", "first token, ms", "step, ms", "whole batch, s",
            "tokens/s", "first ÷ sft", "step ÷ sft", "whole ÷ sft",
        ),
        tuple(
            (
                row["method"],
                f"{row['prompt_tokens']:.0f}",
                f"{row['hidden_tokens']:.0f}",
                _spread(row, "first", 1000),
                _spread(row, "step", 1000),
                _spread(row, "total", 1),
                f"{row['tokens_per_s']:,.0f}",
                *(_ratio(row[f"{name}_ratio"]) for name in ("first", "step", "total")),
            )
            for row in rows
        ),
    )  # fmt: skip


def _training(found: Mapping[str, Any]) -> Grid:
    rows = found["training"]
    examples = rows[0]["examples"] if rows else 0
    return Grid(
        f"Training, an optimizer step on the same {examples} examples",
        ("method", "tokens", "step, s", "tokens/s", "writing targets, s", "step ÷ sft"),
        tuple(
            (
                row["method"],
                f"{row['tokens']:,}",
                _spread(row, "step", 1),
                f"{row['tokens_per_s']:,.0f}",
                f"{row['targets_s']:.2f}",
                _ratio(row["step_ratio"]),
            )
            for row in rows
        ),
    )


def _memory(found: Mapping[str, Any]) -> Grid:
    memory = found["memory"]
    return Grid(
        f"Peak memory in a process of its own, MiB (writing batch {memory['batch']},"
        f" {memory['tokens']} tokens)",
        ("method", "parameters", "before a model", "writing", "training"),
        tuple(
            (
                row["method"],
                f"{found['parameters'][row['method']]:,}",
                *(
                    "–" if row[name] is None else f"{row[name]:,.0f}"
                    for name in ("before_mib", "writing_mib", "training_mib")
                ),
            )
            for row in memory["methods"]
        ),
    )


def setting(found: Mapping[str, Any]) -> str:
    """The conditions, without which no number above means anything."""
    machine = found["machine"]
    where = machine["accelerator"] or machine["processor"]
    return (
        f"{machine['device']} ({where}, {machine['cores']} cores), {machine['dtype']},"
        f" {machine['threads']} threads; torch {found['packages'].get('torch')}, transformers"
        f" {found['packages'].get('transformers')}; backbone {found['backbone']}, preset"
        f" {found['preset']}, {found['task']}. Median [quartiles] of {found['repeats']} rounds,"
        f" ABAB… in one process, {found['warm_up']} warm-up round; ratios with 95 % bootstrap"
        " intervals over paired rounds."
    )


def markdown(found: Mapping[str, Any]) -> str:
    """Command, conditions and tables, ready to be pasted."""
    parts = [f"```\n{found['command']}\n```", setting(found)]
    for grid in grids(found):
        rows = [grid.heads, ("---", *("--:",) * (len(grid.heads) - 1)), *grid.rows]
        parts.append(f"**{grid.title}**\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


def show(console: Console, found: Mapping[str, Any]) -> None:
    """The same tables on a terminal."""
    for grid in grids(found):
        table = Table(title=grid.title, title_justify="left")
        for at, head in enumerate(grid.heads):
            table.add_column(head, justify="right" if at else "left")
        for row in grid.rows:
            table.add_row(*row)
        console.print(table)
    console.print(setting(found), style="dim", highlight=False)


def _spread(row: Mapping[str, Any], name: str, scale: float) -> str:
    if row[f"{name}_s"] is None:
        return "–"
    low, high = row[f"{name}_quartiles_s"]
    return _numbers([row[f"{name}_s"] * scale, low * scale, high * scale])


def _ratio(found: Mapping[str, float | None] | None) -> str:
    if found is None or found["value"] is None:
        return "–"
    if found["low"] is None:
        return f"{found['value']:.2f}"
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _numbers(values: Sequence[float]) -> str:
    digits = 0 if values[0] >= 100 else 1 if values[0] >= 10 else 2
    middle, low, high = (f"{value:,.{digits}f}" for value in values)
    return f"{middle} [{low}, {high}]"
