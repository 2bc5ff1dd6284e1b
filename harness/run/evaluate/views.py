"""What is measured of a trained model and its texts: each view's part of the record, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.engine.clock import Phases
from harness.engine.lm import PersonalLM
from harness.progress import Bars
from harness.record import Record
from harness.run.evaluate.author_identification import author_identification
from harness.run.evaluate.base_model import beside_untrained
from harness.run.evaluate.continuation import measure_forced
from harness.run.evaluate.profile_swap import measure_lift
from harness.run.evaluate.reference_likelihood import reference_likelihood
from harness.run.evaluate.texts import samples_of, score_texts
from harness.run.evaluate.thought_replacement import measure_controls
from harness.run.plan import Plan
from harness.run.training import Hardware
from harness.types import Prediction


def measure(
    record: Record,
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    hardware: Hardware,
    phases: Phases,
    bars: Bars,
) -> Record:
    """`record` with every view that the settings ask for, and with its examples' values."""
    options = plan.settings.eval
    samples = samples_of(predictions)
    with phases("scoring"):
        record = measure_scores(record, plan, samples)
        examples = dict(record.examples)
    nll = None
    if options.likelihood:
        with phases("likelihood"):
            likelihood, nll = reference_likelihood(plan, lm, predictions, hardware)
            for key, each in nll.items():
                examples[key] = replace(examples[key], likelihood=each)
        if options.relative:
            with phases("untrained"):
                known = record.backbone.fingerprint
                beside, base = beside_untrained(plan, nll, known, hardware)
                likelihood = replace(likelihood, relative=beside)
                for key, each in base.items():
                    examples[key] = replace(examples[key], base_nll=each.nll)
        record = replace(record, likelihood=likelihood)
    if options.lift:
        with phases("lift"):
            lift, gains = measure_lift(plan, lm, predictions, nll, hardware, bars)
            record = replace(record, lift=lift)
            for key, gain in gains.items():
                examples[key] = replace(examples[key], lift=gain)
    if options.forced:
        with phases("forced"):
            forced, continued = measure_forced(plan, lm, predictions, record.metrics, bars)
            record = replace(record, forced=forced)
            for key, windows in continued.items():
                examples[key] = replace(examples[key], forced=windows)
    if options.controls:
        with phases("controls"):
            controls = measure_controls(plan, lm, samples[0], nll, hardware, bars)
            record = replace(record, controls=controls)
    if options.authors:
        with phases("authors"):
            authors, ranks = author_identification(plan.test, samples, options.resamples)
            record = replace(record, authors=authors)
            for key, rank in ranks.items():
                examples[key] = replace(examples[key], authors=rank)
    return replace(record, examples=examples)


def measure_scores(record: Record, plan: Plan, samples: Sequence[Mapping[str, str]]) -> Record:
    """`record` with the views that read nothing but texts and references.

    samples: texts by id, one a sample.
    """
    scores = score_texts(plan.test, samples, plan.settings.eval)
    views: dict[str, Any] = dict(scores.views)  # fields of the record, by name
    return replace(
        record,
        metrics=scores.metrics,
        slices=scores.slices,
        **views,
        examples={
            key: replace(
                record.examples.get(key, found),
                user=found.user,
                rows=found.rows,
                scores=found.scores,
            )
            for key, found in scores.examples.items()
        },
    )
