"""The whole trial of one test split, ready to be stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from harness.data.source import source_of
from harness.data.words import words
from harness.metrics.base import Metric
from harness.metrics.trial.controls import CONTROLS
from harness.metrics.trial.duels import try_metrics
from harness.metrics.trial.planted import KINDS, VERSION, Plants
from harness.record.trials import Trial
from harness.settings import RunSettings
from harness.statistics import Panel
from harness.types import SplitData


def on_trial(
    plants: Plants, metrics: Sequence[Metric], split: SplitData, settings: RunSettings
) -> Trial:
    """Every metric, and every control, on trial.

    plants: the planted texts.
    metrics: each with the model that it needs.
    split: the examples' split.
    settings: of data and evaluation, and the seed of the plants.
    """
    users = tuple(example.user_id for example in plants.examples)
    controls = [control() for control in CONTROLS]
    panel = Panel(users, split.fingerprint, settings.eval.resamples)
    found = try_metrics(plants, [*metrics, *controls], panel)
    names = [control.name for control in controls]
    return Trial(
        version=VERSION,
        task=split.task,
        split=split.split,
        source=source_of(settings.data.source).kind,
        setting=settings.data.setting,
        fingerprint=split.fingerprint,
        seed=settings.seed,
        examples=len(users),
        users=len(set(users)),
        left_out=plants.left_out,
        planted=KINDS,
        words={
            kind: _words(text for each in plants.rounds for text in each.texts[kind])
            for kind in KINDS
        },
        reference_words=_words(each.reference for each in plants.rounds),
        metrics={name: one for name, one in found.items() if name not in names},
        controls={name: found[name] for name in names},
    )


def _words(texts: Iterable[str]) -> float:
    """Mean number of words."""
    return fmean(len(words(text)) for text in texts)
