"""The report of a check that fails: what it got, what it expected, where to look."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-5
"""Largest difference between log-probs that must agree, on the kit's tiny fp32 models."""


class Broken(Exception):  # noqa: N818  (a finding, not an error in the kit)
    """A contract that the method breaks.

    got, expected: what the check found, and what it should have found.
    look: the place in the method's code to look at.
    """

    def __init__(self, got: str, expected: str, look: str) -> None:
        super().__init__(got)
        self.got, self.expected, self.look = got, expected, look


def place(owner: Any, name: str) -> str:
    """`Class.name (file:line)` of a method of `owner`, with the class that defines it."""
    home = next((base for base in type(owner).__mro__ if name in vars(base)), type(owner))
    try:
        function = inspect.unwrap(getattr(home, name, home))
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):
        return f"{home.__name__}.{name}"
    return f"{home.__name__}.{name} ({Path(file or '').name}:{line})"


def require_same_logprobs(
    computed: list[Tensor], expected: list[Tensor], names: tuple[str, str], look: str
) -> None:
    """Raises Broken at the token at which two computations differ most.

    computed, expected: one tensor of log-probs per row.
    names: how messages call the two computations.
    look: the place in the method's code to look at.
    """
    for row, (left, right) in enumerate(zip(computed, expected, strict=True)):
        if left.shape != right.shape:
            raise Broken(
                f"row {row}: {tuple(left.shape)} log-probs {names[0]}, {tuple(right.shape)}"
                f" {names[1]}",
                "one log-prob per response token",
                look,
            )
        gaps = (left - right).abs()
        if not bool((gaps <= TOLERANCE).all()):  # NaN is not within the tolerance either
            token = int(torch.nan_to_num(gaps, nan=torch.inf).argmax())
            raise Broken(
                f"row {row}, response token {token}: {left[token]:.5f} {names[0]},"
                f" {right[token]:.5f} {names[1]}",
                f"the same within {TOLERANCE:g}",
                look,
            )
