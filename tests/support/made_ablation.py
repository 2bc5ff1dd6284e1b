"""Ablations made up from a known effect of each value: over λ, over the reasoner's size, a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from harness.record import BackboneInfo, ModelInfo, read_record
from harness.reports.ablation.values import Ablation, Axis, Tried, ablation
from harness.reports.runs.systems import Run
from tests.support.synthetic import write_runs

LAM = Axis("lam", "method.lam", ("0", "0.2", "0.5", "1", "2", "5"))
SIZE = Axis("reasoner", "model.reasoner", ("whole", "half", "sixth", "broken"))
HISTORY = Axis("history", "retrieval.k", ("1", "4"))
LAM_EFFECTS = {"0": 6.0, "0.2": 9.0, "0.5": 10.0, "1": 11.0, "2": None, "5": 2.0}
"""Points above nonpers; None for a value that fails. sft has 6."""
SIZES = {"whole": (10.0, 1_200_000), "half": (9.0, 600_000), "sixth": (5.0, 200_000)}
"""Reasoner → effect and parameters; the generator has 1,200,000."""


def lam_ablation(out: Path, seeds: Sequence[int] = (0,)) -> Ablation:
    """λ = 2 fails in every seed; 0.2 to 1 lie above sft, 5 below."""
    beside = _runs(out / "sft", "sft", seeds, 6.0)
    tried = [
        _tried(out, (value,), (f"method.lam={value}",), seeds, effect, beside)
        for value, effect in LAM_EFFECTS.items()
    ]
    return ablation("flythinker", [LAM], tried, "sft")


def size_ablation(out: Path, seeds: Sequence[int] = (0,)) -> Ablation:
    """The reasoner "broken" fails in every seed."""
    beside = _runs(out / "sft", "sft", seeds, 6.0)
    tried = []
    for name in SIZE.values:
        effect, parameters = SIZES.get(name, (None, None))
        reasoner = BackboneInfo(name=name, parameters=parameters)
        model = ModelInfo(
            name="mini", fingerprint="f" * 16, parameters=1_200_000, reasoner=reasoner
        )
        changes = {"backbone": model}
        settings = (f"model.reasoner={name}",)
        tried.append(_tried(out, (name,), settings, seeds, effect, beside, changes))
    return ablation("flythinker", [SIZE], tried, "sft")


def grid(out: Path, across: Sequence[str] = ("0", "0.5", "5")) -> Ablation:
    """Entries of the profile over λ; four entries at the last λ fail."""
    lam = Axis("lam", "method.lam", tuple(across))
    beside = _runs(out / "sft", "sft", (0,), 6.0)
    tried = []
    for history, value in product(HISTORY.values, across):
        effect = (LAM_EFFECTS[value] or 4.0) + float(history) / 2
        failed = history == HISTORY.values[-1] and value == across[-1]
        settings = (f"method.lam={value}", f"retrieval.k={history}")
        shown = None if failed else effect
        tried.append(_tried(out, (history, value), settings, (0,), shown, beside))
    return ablation("flythinker", [HISTORY, lam], tried, "sft")


def passes_and_lam(out: Path, failed: Sequence[tuple[str, str]] = ()) -> tuple[list[str], Ablation]:
    """λ, which sft does not have, over passes, which change it; and the passes of each cell with a
    reference. failed: values whose reference has no run."""
    lam, passes = Axis("lam", "method.lam", ("0", "1")), Axis("epochs", "train.epochs", ("2", "4"))
    beside = {
        value: _runs(out / value, "sft", (0,), 6.0, settings=(f"train.epochs={value}",))
        for value in passes.values
    }
    tried = [
        _tried(
            out, cell, (f"method.lam={cell[0]}", f"train.epochs={cell[1]}"), (0,), 9.0,
            () if cell in failed else beside[cell[1]],
        )
        for cell in product(lam.values, passes.values)
    ]  # fmt: skip
    shown = [f"epochs={one.values[1]}" for one in tried if one.reference]
    return shown, ablation("flythinker", [lam, passes], tried, "sft")


def _tried(
    out: Path,
    values: tuple[str, ...],
    settings: Sequence[str],
    seeds: Sequence[int],
    effect: float | None,
    beside: tuple[Run, ...],
    changes: Mapping[str, Any] | None = None,
) -> Tried:
    if effect is None:
        return Tried(values, (), beside, dict.fromkeys(seeds, "out of memory"))
    runs = _runs(out / "-".join(values), "flythinker", seeds, effect, changes, settings)
    return Tried(values, runs, beside, {})


def _runs(
    out: Path,
    method: str,
    seeds: Sequence[int],
    effect: float,
    changes: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
) -> tuple[Run, ...]:
    folders = write_runs(
        out, [method], ["product_review"], seeds, effect=effect, changes=changes,
        assignments={method: settings},
    )  # fmt: skip
    return tuple(Run(folder, read_record(folder)) for folder in folders)
