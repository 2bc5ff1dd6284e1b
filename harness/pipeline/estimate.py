"""How long runs will take, said before they start: from earlier runs, else from usual rates.

Imports no torch and reads no example, so that the answer is there at once. It is rough: within a
factor of two on the built-in benchmark.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from harness.data.sizes import sizes_of
from harness.engine.schedule import examples_taken
from harness.errors import HarnessError
from harness.inputs.model_size import parameters_of
from harness.inputs.provenance import processor
from harness.inputs.stale import runs_of_request
from harness.pipeline.method_training import trains
from harness.record import RECORD, Record, read_record
from harness.settings import RunSettings
from harness.settings.flat import flat

USUAL = {"parameters": 135e6, "train": 180.0, "generate": 50.0}
"""SmolLM2-135M on 2 CPU cores: prompt and text tokens a second in training, and text tokens a
second in generation in batches of 8. Other models: in proportion to their parameters."""
USUAL_CORES = 2
SPEED: Mapping[str, tuple[float, float]] = {
    "cot": (0.95, 0.5), "coconut": (0.85, 0.95), "flythinker": (0.5, 0.5),
    "flythinker-shared": (0.4, 0.7),
}  # fmt: skip
"""Speed of training and of generation relative to sft's; other methods have sft's. A reasoner is as
large as the generator here."""
REASONS = ("flythinker",)
"""Methods with a second model, which `model.reasoner` names."""
START_S, SCORE_S = 12.0, 0.06
"""Seconds to import and load, and to score one text."""
FORWARD = 0.35
"""Time of a forward pass over that of a training step on the same tokens."""
ANALYSIS_TOKENS = 60
"""Tokens of one of CoT's analyses."""
MOST_READ = 3
"""Earlier records that are read; one takes some 20 ms."""


@dataclass(frozen=True)
class Rates:
    """Tokens a second; tokens of a training example and of a text where earlier runs say so."""

    train: float
    generate: float
    row: float | None = None
    text: float | None = None
    runs: int = 0


@dataclass(frozen=True)
class Estimate:
    """Seconds of all runs; None, with the reason as `basis`, where nothing is known."""

    seconds: float | None
    basis: str

    @property
    def shown(self) -> str:
        """`about 3 min (basis)`."""
        if self.seconds is None:
            return f"no estimate of the time: {self.basis}"
        return f"about {rough(self.seconds)} ({self.basis})"


def estimate(
    runs: Sequence[tuple[str, RunSettings]], results: Path, passes: float | None = None
) -> Estimate:
    """The time of runs, each a method's name and its settings. Complete ones take none.

    passes: as in `phase_seconds`.
    """
    open_runs = [(name, each) for name, each in runs if not _is_complete(name, each, results)]
    done = len(runs) - len(open_runs)
    if not open_runs:
        return Estimate(START_S / 4, "complete, unless inputs changed")
    seconds, bases = 0.0, []
    for name, settings in open_runs:
        rates, basis = rates_for(name, settings, results)
        if rates is None:
            return Estimate(None, basis)
        try:
            seconds += START_S + run_seconds(name, settings, rates, passes)
        except UnknownSizeError as error:
            return Estimate(None, str(error))
        bases.append(basis)
    more = f"; {done} of {len(runs)} complete" if done else ""
    return Estimate(seconds, max(set(bases), key=bases.count) + more)


class UnknownSizeError(Exception):
    """How many examples there are is known only after the data are read."""


def run_seconds(
    method: str, settings: RunSettings, rates: Rates, passes: float | None = None
) -> float:
    """Seconds of one run at these rates, without its start.

    Raises UnknownSizeError.
    """
    return sum(phase_seconds(method, settings, rates, passes).values())


def phase_seconds(
    method: str, settings: RunSettings, rates: Rates, passes: float | None = None
) -> dict[str, float]:
    """Seconds of `training`, `generation` and `evaluation` of one run at these rates.

    passes: over the training examples, where the method was asked; by default `train.epochs`.

    Raises UnknownSizeError.
    """
    sizes, budget, options = sizes_of(settings), settings.budget, settings.eval
    test, train, val = (sizes[name] for name in ("test", "train", "val"))
    trained = trains(method, settings)
    if test is None or (trained and (train is None or val is None)):
        raise UnknownSizeError("the number of examples is known only after the data are read")
    # 1. Tokens of an example and of a text: measured, else the most that the budgets allow.
    row = rates.row or budget.profile + budget.input + budget.target
    text = min(rates.text or settings.decode.max_new_tokens, settings.decode.max_new_tokens)
    texts = test * settings.decode.samples * text / rates.generate
    reading = test * row * FORWARD / rates.train
    # 2. Training, with the search of a rate.
    training = 0.0
    if trained:
        train, val, own = train or 0, val or 0, settings.train
        passes = own.epochs if passes is None else passes
        trials = own.trials(settings.seed)
        searched = trials - own.best_trial_trains(passes, settings.seed)
        taken = examples_taken(train, passes)
        taken += searched * examples_taken(train, own.lr_trial_epochs)
        evaluated = val * (1 + trials)
        training = (taken + evaluated * FORWARD) * row / rates.train
        if method.startswith("cot"):
            training += (train + val) * ANALYSIS_TOKENS / rates.generate
    # 3. Views.
    swaps = 2 * options.donors + 1
    views = SCORE_S * test * settings.decode.samples
    views += reading * (1 + options.relative) * options.likelihood
    views += swaps * (reading * ("likelihood" in options.lift) + texts * ("texts" in options.lift))
    views += 2 * texts * options.forced
    replaced = set(options.controls) - {"own"}  # a method without thoughts is refused
    views += len(replaced) * (texts + reading)
    return {"training": training, "generation": texts, "evaluation": views}


def rates_for(method: str, settings: RunSettings, results: Path) -> tuple[Rates | None, str]:
    """Rates and what they are based on; None, with the reason, where nothing is known."""
    trained = trains(method, settings)
    found = [
        rates
        for record in _earlier(method, settings, results)
        if (rates := measured_rates(record, method, trained)) is not None
    ]
    if found:
        many = "1 earlier run" if len(found) == 1 else f"{len(found)} earlier runs"
        rows = [each.row for each in found if each.row]
        texts = [each.text for each in found if each.text]
        rates = Rates(
            median(each.train for each in found), median(each.generate for each in found),
            median(rows) if rows else None, median(texts) if texts else None, len(found),
        )  # fmt: skip
        return rates, f"from the speed of {many} here"
    if settings.model.api:
        return None, "the server's speed is known after the first run"
    if _has_gpu(settings):
        return None, "no earlier run on this GPU"
    parameters = parameters_of(settings.model.backbone, settings.model.revision)
    if parameters is None:
        return None, f"the size of {settings.model.backbone} is not known yet"
    cores = min(os.cpu_count() or 1, 16)
    scale = USUAL["parameters"] / parameters * cores / USUAL_CORES
    if (reasoner := settings.model.reasoner) and method in REASONS:
        other = parameters_of(reasoner)
        if other is None:
            return None, f"the size of {reasoner} is not known yet"
        scale *= 2 * parameters / (parameters + other)
    train, generate = SPEED.get(method, (1.0, 1.0))
    small = Rates(USUAL["train"] * scale * train, USUAL["generate"] * scale * generate)
    return small, f"from usual rates of {cores} CPU cores; no earlier run of this model here"


def measured_rates(record: Record, method: str, trained: bool = True) -> Rates | None:
    """The rates of a record, as this method would have them; None if it has not both.

    trained: whether the method is.
    """
    training, inference = record.training, record.inference
    if inference is None or not inference.tokens_per_s:
        return None
    theirs, ours = (SPEED.get(name, (1.0, 1.0)) for name in (record.method, method))
    if training and (training.reused_from or training.machine):  # not timed here
        training = None
    train = training and training.tokens_per_s
    if train is None and trained:
        return None
    row = None
    if training and train:
        row = training.tokens / examples_taken(training.examples, training.epochs)
    at_a_time = record.backbone.api.concurrent if record.backbone.api else 1
    texts = max(record.n.scored, 1) * record.samples
    return Rates(
        (train or 2 * inference.tokens_per_s) * ours[0] / theirs[0],
        at_a_time * inference.tokens_per_s * ours[1] / theirs[1],
        row,
        inference.visible_tokens / texts if inference.visible_tokens else None,
    )


def _earlier(method: str, settings: RunSettings, results: Path) -> Iterable[Record]:
    """Complete runs of the same model on this machine, the same method's first and newest first.

    If the method has any, only those.
    """
    if not results.is_dir():
        return []
    files = sorted(results.glob(f"*/*/*/{RECORD}"), key=lambda file: -file.stat().st_mtime)
    own = [file for file in files if file.parent.parent.name == method]
    others = [file for file in files if file not in own and not file.parts[-3].startswith("floor")]
    for group in (own, others):
        found = [record for file in group[:MOST_READ] if (record := _fits(file, settings))]
        if found:
            return found
    return []


def _fits(file: Path, settings: RunSettings) -> Record | None:
    """The record, if it is of a complete run of the same model on this machine."""
    try:
        record = read_record(file.parent)
    except HarnessError:
        return None
    device = record.device
    here = (device.processor, device.cores) == (processor(), os.cpu_count())
    here = here or record.backbone.api is not None
    wanted = (settings.model.backbone, settings.model.reasoner)
    same = (_setting(record, "model.backbone"), _setting(record, "model.reasoner")) == wanted
    finished = record.status == "complete" and record.kind == "run"
    return record if here and same and finished else None


def _setting(record: Record, key: str) -> Any:
    """A setting by its full name; None if the record has none."""
    return dict(flat(record.settings)).get(key)


def _is_complete(method: str, settings: RunSettings, results: Path) -> bool:
    """Whether the run is there and complete; whether its inputs changed is not looked at."""
    try:
        runs = [*runs_of_request(settings, method, results)]
        return any(read_record(folder).status == "complete" for folder in runs)
    except HarnessError:
        return False


def _has_gpu(settings: RunSettings) -> bool:
    """Whether the run will use a GPU, as far as that is known without torch."""
    if settings.model.device == "cpu":
        return False
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def rough(seconds: float) -> str:
    """A time without false precision: 20 s, 3 min, 2 h."""
    if seconds < 90:
        return f"{max(round(seconds / 10) * 10, 5)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{hours:,.0f} h"
