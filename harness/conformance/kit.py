"""The conformance kit: run every check on a method and report each outcome."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.conformance import (
    flops_checks,
    generation_checks,
    logprob_checks,
    loss_checks,
    prompt_checks,
    slot_checks,
    training_checks,
)
from harness.conformance.finding import Broken, Check
from harness.conformance.world import World
from harness.errors import HarnessError
from harness.method import Factory
from harness.plugins import explain, home_of

MODULES = (
    prompt_checks,
    logprob_checks,
    loss_checks,
    slot_checks,
    generation_checks,
    training_checks,
    flops_checks,
)
CHECKS = tuple(
    value for module in MODULES for value in vars(module).values() if isinstance(value, Check)
)
"""Every function marked with `contract`, in the order of the files."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check: passed, failed, or skipped (training checks of untrained methods)."""

    name: str
    status: str
    got: str = ""
    expected: str = ""
    look: str = ""

    def __str__(self) -> str:
        report = f"  got       {self.got}\n  expected  {self.expected}\n  look at   {self.look}"
        return f"{self.name}\n{report}"


def check_method(
    factory: Factory,
    options: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> list[Outcome]:
    """Check a method on a tiny random model and synthetic data: no network, a few seconds.

    `options` are the method's own settings; `only` selects checks by name. A check that fails does
    not stop the others.
    """
    chosen = [check for check in CHECKS if only is None or check.name in only]
    with tempfile.TemporaryDirectory(prefix="harness-check-") as folder, _one_thread():
        world = World(factory, Path(folder), options)
        return [_outcome(check, world) for check in chosen]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread: models this small only lose time by splitting a step."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def failures(outcomes: list[Outcome]) -> str:
    """The failed checks as text, grouped by cause; empty if all passed."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "failed":
            cause = (outcome.got, outcome.expected, outcome.look)
            causes.setdefault(cause, []).append(outcome.name)
    return "\n".join(
        str(Outcome(", ".join(names), "failed", *cause)) for cause, names in causes.items()
    )


def _outcome(check: Check, world: World) -> Outcome:
    try:
        if check.trained and not world.method.trains:
            return Outcome(check.name, "skipped")
        check.function(world)
    except Broken as broken:
        look = broken.look or check.look(world)
        return Outcome(check.name, "failed", broken.got, broken.expected, look)
    except HarnessError as error:
        return Outcome(check.name, "failed", str(error), "no error", "see the message")
    except Exception as error:  # any error of the method under test is a finding
        got, _, line = explain(error, home_of(world.factory)).rpartition(" (at ")
        return Outcome(check.name, "failed", got, "no error", line.removesuffix(")"))
    return Outcome(check.name, "passed")
