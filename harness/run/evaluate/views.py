"""Evaluation of a trained model and its texts: each view's part of the record, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.engine.clock import Phases
from harness.engine.lm import PersonalLM
from harness.progress import Bars
from harness.record import Record
from harness.run.evaluate.author_identification import author_identification
from harness.run.evaluate.base_model import relative_to_base_model
from harness.run.evaluate.continuation import evaluate_continuation
from harness.run.evaluate.profile_swap import evaluate_profile_swap
from harness.run.evaluate.reference_likelihood import reference_likelihood
from harness.run.evaluate.texts import samples_of, score_texts
from harness.run.evaluate.thought_replacement import evaluate_thought_replacement
from harness.run.plan import Plan
from harness.run.training import Hardware
from harness.settings import EvalSettings
from harness.types import Prediction, SplitData


def evaluate(
    record: Record,
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    hardware: Hardware,
    phases: Phases,
    bars: Bars,
) -> Record:
    """`record` with every view that the settings ask for, and with the examples' values.

    record: without views, or with those of an earlier evaluation.
    plan: the run.
    lm: the trained model, on its devices.
    predictions: the run's texts.
    hardware: where the model is.
    phases: takes the times.
    bars: progress.
    """
    options = plan.settings.eval
    samples = samples_of(predictions)
    with phases("scoring"):
        record = evaluate_texts(record, plan.test, samples, options)
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
                beside, base = relative_to_base_model(plan, nll, known, hardware)
                likelihood = replace(likelihood, relative=beside)
                for key, each in base.items():
                    examples[key] = replace(examples[key], base_nll=each.nll)
        record = replace(record, likelihood=likelihood)
    if options.lift:
        with phases("lift"):
            lift, gains = evaluate_profile_swap(plan, lm, predictions, nll, hardware, bars)
            record = replace(record, lift=lift)
            for key, gain in gains.items():
                examples[key] = replace(examples[key], lift=gain)
    if options.forced:
        with phases("forced"):
            forced, continued, rows = evaluate_continuation(
                plan, lm, predictions, record.metrics, bars
            )
            record = replace(record, forced=forced)
            for key, windows in continued.items():
                examples[key] = replace(examples[key], forced=windows, forced_rows=rows[key])
    if options.controls:
        with phases("controls"):
            controls = evaluate_thought_replacement(plan, lm, samples[0], nll, hardware, bars)
            record = replace(record, controls=controls)
    record = replace(record, examples=examples)
    if options.authors:
        with phases("authors"):
            record = evaluate_authors(record, plan.test, samples, options)
    return record


def evaluate_texts(
    record: Record,
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    options: EvalSettings,
) -> Record:
    """`record` with the scores of texts against references.

    record: with or without scores of an earlier evaluation.
    test: the split.
    samples: for each sample, texts by example id.
    options: metrics and slices.
    """
    scores = score_texts(test, samples, options)
    return replace(
        record,
        metrics=scores.metrics,
        quality=scores.quality,
        slices=scores.slices,
        breakdowns=scores.breakdowns,
        examples={
            key: replace(
                record.examples.get(key, found),
                user=found.user,
                rows=found.rows,
                scores=found.scores,
                quality=found.quality,
            )
            for key, found in scores.examples.items()
        },
    )


def evaluate_authors(
    record: Record,
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    options: EvalSettings,
) -> Record:
    """`record` with author identification; arguments as in `evaluate_texts`."""
    authors, ranks = author_identification(test, samples, options.resamples)
    examples = dict(record.examples)
    for key, rank in ranks.items():
        examples[key] = replace(examples[key], authors=rank)
    return replace(record, authors=authors, examples=examples)
