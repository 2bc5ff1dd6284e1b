"""The committed table of GPUs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from harness.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Device:
    """One GPU: peak of bf16 products in TFLOP/s, bandwidth in GB/s, usable memory in GiB."""

    name: str
    title: str
    tflops: float
    bandwidth: float
    memory: float
    source: str

    def cards(self, processes: int = 1) -> Machine:
        """A machine with as many of them."""
        return Machine(self.title, self.memory * 2**30, self, gpu=True, processes=processes)


@dataclass(frozen=True)
class Machine:
    """Where runs are planned for.

    title: its name. limit: bytes of memory of a card, or of this machine.
    device: the GPU of the table; None for this machine's own rates. gpu: whether it is one.
    processes: of a run, each with a card of its own.
    """

    title: str
    limit: float
    device: Device | None
    gpu: bool
    processes: int = 1


def device_named(name: str) -> Device:
    """A device of the table. Raises UsageError for another name."""
    table = _table()
    if name not in table:
        raise UsageError(
            f"--device {name}: no such device.{did_you_mean(name, table)} Known:"
            f" {', '.join(table)}; or leave it out for this machine"
        )
    return Device(name=name, **table[name])


def device_called(title: str) -> Device | None:
    """The device of the table that PyTorch calls by this title, e.g. `NVIDIA H100 80GB HBM3`."""
    words = title.lower().replace("-", " ").split()
    found = [name for name in _table() if name.partition("-")[0] in words]
    return device_named(found[0]) if found else None


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("harness.planning") / "devices.toml").read_text("utf-8"))
