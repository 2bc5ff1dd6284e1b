"""What a bench found, as tables: for the terminal, and as Markdown to be pasted into the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from harness.bench.tables import (
    Grid,
    as_markdown,
    conditions,
    quotient,
    show_grid,
    spread,
    warnings,
)

LEGEND = (
    "prompt: tokens read; hidden: tokens written or thoughts fed before a text, means over the"
    " batch. first token: from the prompts to the batch's first visible token, hidden ones"
    " included; step: one more token of every text; whole: all of it; tokens/s: visible tokens over"
    " the whole. Weights are untrained: the clock cannot tell, but CoT's hidden text may be longer"
    " or shorter than a trained model's."
)


def grids(found: Mapping[str, Any]) -> list[Grid]:
    """One table a writing case, their ratios, training, memory."""
    cases = dict.fromkeys((row["batch"], row["tokens"]) for row in found["writing"])
    return [
        *(_writing(found, batch, tokens) for batch, tokens in cases),
        _ratios(found),
        _training(found),
        _memory(found),
    ]


def _writing(found: Mapping[str, Any], batch: int, tokens: int) -> Grid:
    rows = [row for row in found["writing"] if (row["batch"], row["tokens"]) == (batch, tokens)]
    return Grid(
        f"Writing, batch {batch}, {tokens} tokens a text",
        ("method", "prompt", "hidden", "first token, ms", "step, ms", "whole, s", "tokens/s"),
        tuple(
            (
                row["method"],
                f"{row['prompt_tokens']:.0f}",
                f"{row['hidden_tokens']:.0f}",
                spread(row, "first", 1000),
                spread(row, "step", 1000),
                spread(row, "total", 1),
                f"{row['tokens_per_s']:,.0f}",
            )
            for row in rows
        ),
    )


def _ratios(found: Mapping[str, Any]) -> Grid:
    """Every other method's times over the baseline's."""
    return Grid(
        f"Writing: time ÷ {found['baseline']}'s, below 1 is faster",
        ("method", "batch", "tokens", "first token", "step", "whole"),
        tuple(
            (
                row["method"],
                f"{row['batch']}",
                f"{row['tokens']}",
                *(quotient(row[f"{name}_ratio"]) for name in ("first", "step", "total")),
            )
            for row in found["writing"]
            if row["method"] != found["baseline"]
        ),
    )


def _training(found: Mapping[str, Any]) -> Grid:
    rows = found["training"]
    examples = rows[0]["examples"] if rows else 0
    return Grid(
        f"Training: an optimizer step on the same {examples} examples",
        ("method", "tokens", "step, s", "tokens/s", f"step ÷ {found['baseline']}",
         "before it: writing targets, s"),
        tuple(
            (
                row["method"],
                f"{row['tokens']:,}",
                spread(row, "step", 1),
                f"{row['tokens_per_s']:,.0f}",
                quotient(row["step_ratio"]),
                f"{row['targets_s']:.2f}",
            )
            for row in rows
        ),
    )  # fmt: skip


def _memory(found: Mapping[str, Any]) -> Grid:
    memory = found["memory"]
    gpu = found["machine"]["device"].startswith("cuda")
    what = "CUDA's allocator" if gpu else "resident, libraries included"
    return Grid(
        f"Peak memory, MiB ({what}), each method in a process of its own; writing batch"
        f" {memory['batch']}, {memory['tokens']} tokens",
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
    parts = [f"```\n{found['command']}\n```", *told, *map(as_markdown, grids(found)), LEGEND]
    return "\n\n".join(parts) + "\n"


def show(console: Console, found: Mapping[str, Any]) -> None:
    """The same on a terminal."""
    for grid in grids(found):
        show_grid(console, grid)
    for text in (LEGEND, setting(found)):
        console.print(text, style="dim", highlight=False, markup=False)
    for text in warnings(found):
        console.print(text, style="yellow", highlight=False, markup=False)
