"""Tables of measured times: for the terminal, and as Markdown to be pasted into the docs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from harness import provenance


@dataclass(frozen=True)
class Grid:
    """A titled table of text; the first `names` columns are words, the others numbers."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1


def as_markdown(grid: Grid) -> str:
    """The title in bold, then the table."""
    words = len(grid.heads) - grid.names
    rows = [grid.heads, (*("---",) * grid.names, *("--:",) * words), *grid.rows]
    return f"**{grid.title}**\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def show_grid(console: Console, grid: Grid) -> None:
    """The same table on a terminal."""
    table = Table(title=grid.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for at, head in enumerate(grid.heads):
        named = at < grid.names
        table.add_column(head, justify="left" if named else "right", no_wrap=named)
    for row in grid.rows:
        table.add_row(*row)
    console.print(table)


def spread(row: Mapping[str, Any], name: str, scale: float) -> str:
    """Median [quartiles] of what `told` says of a time, in seconds · scale; – where it has none."""
    if row[f"{name}_s"] is None:
        return "–"
    low, high = row[f"{name}_quartiles_s"]
    return numbers([row[f"{name}_s"] * scale, low * scale, high * scale])


def quotient(found: Mapping[str, float | None] | None) -> str:
    """A ratio with its interval, as far as there are any."""
    if found is None or found["value"] is None:
        return "–"
    if found["low"] is None:
        return f"{found['value']:.2f}"
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def numbers(values: Sequence[float]) -> str:
    """A middle with its ends, in digits that fit its size."""
    digits = 0 if values[0] >= 100 else 1 if values[0] >= 10 else 2
    middle, low, high = (f"{value:,.{digits}f}" for value in values)
    return f"{middle} [{low}, {high}]"


def load() -> float | None:
    """How many processes wanted a core in the last minute, on average; None where none tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def surroundings(device: str, dtype: str) -> dict[str, Any]:
    """Machine, commit and packages."""
    return {
        "machine": asdict(provenance.machine(device, dtype)),
        "code": asdict(provenance.code()),
        "packages": provenance.packages(),
    }


def conditions(found: Mapping[str, Any]) -> str:
    """`surroundings` and load in words: without them no number means anything."""
    machine, packages, code = found["machine"], found["packages"], found["code"]
    where = machine["accelerator"] or machine["processor"]
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    text = (
        f"{machine['device']} ({where}, {machine['cores']} cores), {machine['dtype']}, {threads};"
        f" torch {packages.get('torch')}, transformers {packages.get('transformers')}"
    )
    if code["commit"]:
        text += f"; commit {code['commit'][:7]}" + ("" if code["clean"] else ", changed")
    before, after = found["load"]["before"], found["load"]["after"]
    if before is not None:
        text += f"; load average {before:.1f} before, {after:.1f} after"
    return text


def warnings(found: Mapping[str, Any]) -> list[str]:
    """What keeps these figures from being trusted: others at work on the machine."""
    before, cores = found["load"]["before"], found["machine"]["cores"]
    if before is None or before < cores / 2:
        return []
    return [
        f"load average {before:.1f} on {cores} cores before the first measurement: others were at"
        " work, so times are too long, and ratios of what uses unlike numbers of threads are"
        " skewed. Measure again when `uptime` is below"
        f" {cores / 2:g}"
    ]
