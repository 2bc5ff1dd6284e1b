"""Cells of tables of times, and the conditions of a measurement."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.inputs import provenance
from harness.reports.render.table import Cell, Column


def counted(title: str) -> Column:
    """A column of whole numbers."""
    return Column(title, "", "number", 0)


def spread(row: Mapping[str, Any], name: str, scale: float) -> Cell:
    """Median [quartiles] of a time in seconds · scale, with digits that fit its size."""
    if row[f"{name}_s"] is None:
        return Cell()
    middle, low, high = (scale * one for one in (row[f"{name}_s"], *row[f"{name}_quartiles_s"]))
    return Cell(middle, low, high, digits=0 if middle >= 100 else 1 if middle >= 10 else 2)


def quotient(found: Mapping[str, float | None] | None) -> Cell:
    """A ratio with its interval, if known."""
    return Cell() if found is None else Cell(found["value"], found["low"], found["high"])


def load() -> float | None:
    """The load average of the last minute; None if the system has none."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def surroundings(device: str, dtype: str) -> dict[str, Any]:
    """Machine, commit and packages."""
    return {
        "machine": asdict(provenance.machine(device, dtype)),
        "code": asdict(provenance.code()),
        "packages": provenance.packages(),
    }


def conditions(found: Mapping[str, Any]) -> str:
    """`surroundings` and load in words; times mean nothing without them."""
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
    """A warning if other processes were using the machine."""
    before, cores = found["load"]["before"], found["machine"]["cores"]
    if before is None or before < cores / 2:
        return []
    return [
        f"load average {before:.1f} on {cores} cores before the first measurement: other processes"
        " were running, so times are too long, and ratios between methods with different numbers of"
        " threads are biased. Measure again when the load is below"
        f" {cores / 2:g}"
    ]
