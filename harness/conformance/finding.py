"""A check of a contract, and the report of one that fails: got, expected, where to look."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from harness.conformance.world import World

TOLERANCE = 1e-5
"""Largest difference between log-probs that must agree, on the kit's tiny fp32 models."""


class Broken(Exception):  # noqa: N818  (a finding, not an error in the kit)
    """A contract that the method breaks.

    got, expected: what the check found, and what it should have found.
    look: the place in the method's code to look at; by default the check's.
    """

    def __init__(self, got: str, expected: str, look: str = "") -> None:
        super().__init__(got)
        self.got, self.expected, self.look = got, expected, look


@dataclass(frozen=True)
class Check:
    """A contract, named after its function, which raises Broken.

    parts: what to look at in the code of a method that breaks it, e.g. "method.prompt", "lm.step".
    trained: applies only to methods that train.
    """

    function: Callable[[World], None]
    parts: tuple[str, ...]
    trained: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__.replace("_", " ")

    def look(self, world: World) -> str:
        """The places of its parts in the method's code."""
        owners = [part.split(".") for part in self.parts]
        return ", ".join(place(getattr(world, owner), name) for owner, name in owners)


def contract(*parts: str, trained: bool = False) -> Callable[[Callable[[World], None]], Check]:
    """Make a check of a function."""
    return lambda function: Check(function, parts, trained)


def place(owner: object, name: str) -> str:
    """`Class.name (file:line)` of a method of `owner`, with the class that defines it."""
    home = next((base for base in type(owner).__mro__ if name in vars(base)), type(owner))
    try:
        function = inspect.unwrap(getattr(home, name, home))
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):
        return f"{home.__name__}.{name}"
    return f"{home.__name__}.{name} ({Path(file or '').name}:{line})"


def same_loss(first: float, second: float) -> bool:
    """Whether two losses differ by rounding alone."""
    return abs(first - second) <= TOLERANCE * max(1.0, abs(first))


def require_same_logprobs(
    computed: list[Tensor], expected: list[Tensor], names: tuple[str, str], look: str = ""
) -> None:
    """Raises Broken at the token at which two computations differ most.

    computed, expected: one tensor of log-probs per row.
    names: how messages call the two computations.
    look: the place in the method's code to look at; by default the check's.
    """
    for row, (left, right) in enumerate(zip(computed, expected, strict=True)):
        if left.shape != right.shape:
            shapes = f"{tuple(left.shape)} log-probs {names[0]}, {tuple(right.shape)} {names[1]}"
            raise Broken(f"row {row}: {shapes}", "one log-prob per response token", look)
        gaps = (left - right).abs()
        if not bool((gaps <= TOLERANCE).all()):  # NaN is not within the tolerance either
            token = int(torch.nan_to_num(gaps, nan=torch.inf).argmax())
            values = f"{left[token]:.5f} {names[0]}, {right[token]:.5f} {names[1]}"
            got = f"row {row}, response token {token}: {values}"
            raise Broken(got, f"the same within {TOLERANCE:g}", look)
