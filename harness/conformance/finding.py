"""What a check says when a method breaks its contract: got, expected, where to look."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-5
"""Log-probs that must agree, on fp32 models as tiny as the kit's."""


class Broken(Exception):  # noqa: N818  (a finding, not an error of the kit)
    """A contract that does not hold. `look` is a place in the method's code."""

    def __init__(self, got: str, expected: str, look: str) -> None:
        super().__init__(got)
        self.got, self.expected, self.look = got, expected, look


def place(owner: Any, name: str) -> str:
    """ "Class.name (file:line)" of a function of an object, the class being the one it is in."""
    home = next((each for each in type(owner).__mro__ if name in vars(each)), type(owner))
    try:
        function = inspect.unwrap(getattr(home, name, home))
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):
        return f"{home.__name__}.{name}"
    return f"{home.__name__}.{name} ({Path(file or '').name}:{line})"


def same_logprobs(
    given: list[Tensor], known: list[Tensor], names: tuple[str, str], look: str
) -> None:
    """Raises Broken at the place where two ways of computing differ most."""
    for row, (one, other) in enumerate(zip(given, known, strict=True)):
        if one.shape != other.shape:
            raise Broken(
                f"row {row}: {tuple(one.shape)} log-probs {names[0]}, {tuple(other.shape)}"
                f" {names[1]}",
                "one log-prob per response token",
                look,
            )
        gaps = (one - other).abs()
        if not bool((gaps <= TOLERANCE).all()):  # NaN is not within the tolerance either
            token = int(torch.nan_to_num(gaps, nan=torch.inf).argmax())
            raise Broken(
                f"row {row}, response token {token}: {one[token]:.5f} {names[0]},"
                f" {other[token]:.5f} {names[1]}",
                f"the same within {TOLERANCE:g}",
                look,
            )
