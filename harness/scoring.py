"""Predictions against references: metrics with intervals, slices, preference following."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.metrics.summary import scored
from harness.plan import Plan
from harness.settings import EvalSettings, RunSettings
from harness.types import Prediction, Score, SplitData


@dataclass(frozen=True)
class Scores:
    """What the record keeps: corpus values with intervals, per example values, slices."""

    metrics: Mapping[str, Score]
    examples: Mapping[str, Mapping[str, Any]]
    slices: Mapping[str, Any] = field(default_factory=dict)
    following: Mapping[str, Any] | None = None


def score_predictions(plan: Plan, predictions: Sequence[Prediction]) -> Scores:
    """All metrics of the settings on a run's predictions; samples of a text are averaged."""
    samples: dict[int, dict[str, str]] = defaultdict(dict)
    for text in predictions:
        samples[text.sample][text.id] = text.output
    return score_texts(plan.test, list(samples.values()), plan.settings.eval, plan.settings)


def score_texts(
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    settings: EvalSettings,
    run: RunSettings | None = None,
) -> Scores:
    """Texts by example id, once a sample, against the references of `test`.

    Every example of `test` is scored, a missing text as empty. With `run` on the built-in
    benchmark, preference following is measured too.
    """
    from harness.metrics.slices import free_slices

    ids = [example.id for example in test.examples]
    users = [example.user_id for example in test.examples]
    references = [test.references[key].text for key in ids]
    texts = [[sample.get(key, "") for key in ids] for sample in samples]
    metrics = {
        name: scored(name, texts, references, users, test.fingerprint, settings.resamples)
        for name in settings.metrics
    }
    examples: dict[str, dict[str, Any]] = {
        key: {name: score.each[at] for name, score in metrics.items()} for at, key in enumerate(ids)
    }
    slices = free_slices(texts, references, settings.slices)
    following = None
    if run is not None and run.data.source == "mini":
        from harness.metrics.mini import mini_following

        following, each = mini_following(run, ids, users, texts, test.fingerprint)
        for key, value in zip(ids, each, strict=True):
            examples[key]["following"] = value
    return Scores(metrics, examples, slices, following)
