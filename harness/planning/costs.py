"""What one run will cost: examples, tokens, steps, seconds by phase, memory, disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from harness.data.sizes import sizes_of
from harness.engine.schedule import examples_taken
from harness.pipeline.estimate import (
    Rates,
    UnknownSizeError,
    phase_seconds,
    rates_for,
)
from harness.pipeline.method_training import has_own_passes, trains
from harness.planning.devices import Machine
from harness.planning.memory import CPU, GPU, Rows, disk_bytes, peak_bytes
from harness.planning.rates import device_rates, row_tokens
from harness.planning.shapes import shapes_of
from harness.settings import RunSettings

UNTESTED = {
    "lora": "adapters on a GPU",
    "qlora": "QLoRA",
    "full": "train.sharding=full on GPUs",
}
"""What no measurement on a GPU stands behind, by the setting's value."""

OWN_PASSES = "{} takes passes of its own, known after the data are read: harness run --dry-run"
"""Why a run's training is not known."""


@dataclass(frozen=True)
class RunCost:
    """The cost of one run; what is unknown is None, with the reason in `basis`.

    method, task: their names. examples: split → number. row: tokens of a training row.
    steps: optimizer steps. tokens: of training, without trials of a rate.
    seconds: phase → seconds, with texts as long as LongLaMP's where that is known.
    most: seconds of generation if every text reaches the cap.
    memory: bytes of the largest process. kept, checkpoint: bytes on disk, afterwards and meanwhile.
    basis: what the seconds come from. untested: what was never measured.
    """

    method: str
    task: str
    examples: Mapping[str, int | None]
    row: float
    steps: int | None
    tokens: float | None
    seconds: Mapping[str, float | None] | None
    most: float | None
    memory: float
    kept: float
    checkpoint: float
    basis: str
    untested: tuple[str, ...]


def run_cost(
    method: str, settings: RunSettings, results: Path, where: Machine, trained: bool = False
) -> RunCost:
    """The cost of a run.

    method: its name. settings: of the run.
    results: the folder whose runs tell this machine's speed.
    where: the machine. trained: whether another run trains the same weights.

    Raises UsageError where a model's config.json is not at hand.
    """
    trained_here = trains(method, settings)
    own_passes = trained_here and not trained and has_own_passes(method, settings)
    shapes, sizes = shapes_of(method, settings.model), sizes_of(settings)
    row, _ = row_tokens(settings)
    kind, rows = GPU if where.gpu else CPU, Rows.of_budgets(settings, row if trained_here else None)
    rates, basis = (None, "") if where.device else rates_for(method, settings, results)
    if rates is None and where.device is not None:
        rates, basis = device_rates(method, settings, shapes, where.device, where.processes)
    seconds: Mapping[str, float | None] | None = None
    most = None
    if rates is not None:
        try:
            seconds, most = _seconds(method, settings, rates)
        except UnknownSizeError as error:
            basis = str(error)
    if trained and seconds is not None:
        seconds = {**seconds, "training": 0.0}
    if own_passes:
        basis = f"{basis}; {OWN_PASSES.format(method)}"
        seconds = seconds and {**seconds, "training": None}
    trained_numbers = sum(shape.trained for shape in shapes) if trained_here else 0
    kept, checkpoint = disk_bytes(trained_numbers, settings)
    train = sizes["train"] or 0
    counts = train and trained_here and not trained
    taken = examples_taken(train, settings.train.epochs) if counts else 0
    used = rates.row if rates and rates.row else row
    return RunCost(
        method=method,
        task=settings.task,
        examples=sizes,
        row=used,
        steps=None if own_passes else ceil(taken / settings.train.batch_size),
        tokens=None if own_passes else taken * used,
        seconds=seconds,
        most=most,
        memory=peak_bytes(shapes, settings, kind, rows, where.processes),
        kept=kept,
        checkpoint=checkpoint,
        basis=basis,
        untested=_untested(settings, where),
    )


def _seconds(method: str, settings: RunSettings, rates: Rates) -> tuple[Mapping[str, float], float]:
    """Seconds by phase, and those of generation if every text reaches the cap."""
    capped = phase_seconds(method, settings, replace(rates, text=None))
    return phase_seconds(method, settings, rates), capped["generation"]


def _untested(settings: RunSettings, where: Machine) -> tuple[str, ...]:
    found = []
    if settings.model.adapter == "qlora" or (where.gpu and settings.model.adapter == "lora"):
        found.append(UNTESTED[settings.model.adapter])
    if where.gpu and where.processes > 1:
        found.append("several processes on GPUs")
        if settings.train.sharding == "full":
            found.append(UNTESTED["full"])
    return tuple(found)
