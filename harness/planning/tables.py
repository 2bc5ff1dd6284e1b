"""The committed tables: devices, and the sizes of LongLaMP."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from harness.errors import UsageError, did_you_mean

TOKENS_PER_WORD = 1.35
"""Tokens of an English word in Qwen2.5's vocabulary, about."""


@dataclass(frozen=True)
class Device:
    """One GPU: peak of bf16 products in TFLOP/s, bandwidth in GB/s, usable memory in GiB."""

    name: str
    title: str
    tflops: float
    bandwidth: float
    memory: float
    source: str


@dataclass(frozen=True)
class Sizes:
    """Rows of each split; words of an input and of a target, entries of a profile, on average."""

    train: int
    val: int
    test: int
    given: int
    target: int
    entries: int


def device_named(name: str) -> Device:
    """A device of the table. Raises UsageError for another name."""
    table = _table("devices.toml")
    if name not in table:
        raise UsageError(
            f"--device {name}: no such device.{did_you_mean(name, table)} Known:"
            f" {', '.join(table)}; or leave it out for this machine"
        )
    return Device(name=name, **table[name])


def device_called(title: str) -> Device | None:
    """The device of the table that PyTorch calls by this title, e.g. `NVIDIA H100 80GB HBM3`."""
    words = title.lower().replace("-", " ").split()
    found = [name for name in _table("devices.toml") if name.partition("-")[0] in words]
    return device_named(found[0]) if found else None


def longlamp_sizes(task: str, setting: str) -> Sizes | None:
    """The sizes of a public task; None for another task, and for the temporal setting."""
    table = _table("longlamp.toml")
    return Sizes(**table[task]) if setting == "user" and task in table else None


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files("harness.planning") / name).read_text("utf-8"))
