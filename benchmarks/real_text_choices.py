"""Passes and rate of the study on real text: read from the records of the trials, never typed."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.mini_choices import table
from benchmarks.real_text_study import Cell, Study
from harness.errors import UsageError

CELLS: tuple[Cell, ...] = (
    (2, 1e-4), (4, 1e-4), (2, 3e-4), (4, 3e-4), (8, 1e-4), (8, 3e-4), (2, 3e-5), (4, 3e-5),
    (1, 1e-4), (2, 1e-3),
)  # fmt: skip
"""Passes and rate that are tried; the likeliest first, for a sweep that is stopped early."""


def losses(study: Study, name: str) -> dict[Cell, float]:
    """Cell → loss on val, of the trials of a system that have finished with one."""
    found = {}
    for cell in CELLS:
        trial = study.trial(name, cell)
        training = trial and trial.training
        if training and training.val_loss is not None:
            found[cell] = training.val_loss
    return found


def chosen(study: Study, name: str) -> Cell:
    """The cell with a system's lowest loss on val. Raises UsageError where none has finished."""
    return _best(study, name, losses(study, name))


def _best(study: Study, name: str, found: Mapping[Cell, float]) -> Cell:
    if not found:
        raise UsageError(
            f"{study.choices}: no trial of {name} on {study.task} has finished with these"
            " settings and data; expected at least one, whose loss on val gives passes and rate"
            f"\n  mend      --parts choices --methods {name}, with the same --set"
        )
    return min(found, key=lambda cell: found[cell])


def report(study: Study, name: str) -> None:
    """Print the losses of a system, what is missing, and the choice."""
    found = losses(study, name)
    passes, rate = _best(study, name, found)
    cells: Mapping[Cell, float | None] = {cell: found.get(cell) for cell in CELLS}
    missing = [f"{cell[0]:g} passes, {cell[1]:g}" for cell in CELLS if cell not in found]
    print(*table({name: dict(cells)}, CELLS), sep="\n")
    print(f"{name}: {passes:g} passes, rate {rate:g}", flush=True)
    if missing:
        print(f"{name}: not tried: {'; '.join(missing)}", flush=True)
