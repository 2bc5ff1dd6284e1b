"""Figures in tests: built, and rendered only where a test looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BLANK = {"svg": '<svg xmlns="http://www.w3.org/2000/svg"></svg>\n', "png": "no picture\n"}
"""Format → what a figure is that nobody looks at. Rendering takes seconds for each report."""
real: list[Callable[..., Any]] = []
"""matplotlib's own `savefig`, once it is replaced."""


def blank(drawing: Any, target: Any, *, format: str = "", **_: object) -> None:
    """In place of `Figure.savefig`."""
    if isinstance(target, Path):
        target.write_text(BLANK[format or target.suffix[1:]], encoding="utf-8")
    else:
        target.write(BLANK[format])


@pytest.fixture(scope="session", autouse=True)
def blank_figures() -> Iterator[None]:
    from matplotlib.figure import Figure

    real.append(Figure.savefig)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", blank)
        yield


@contextmanager
def rendering() -> Iterator[None]:
    """Within it figures are rendered."""
    from matplotlib.figure import Figure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", real[0])
        yield


@pytest.fixture
def rendered() -> Iterator[None]:
    """For a test that looks at what is drawn."""
    with rendering():
        yield
