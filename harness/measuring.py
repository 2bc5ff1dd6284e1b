"""What is measured of a trained model and its texts: each view's part of the record, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.authors import author_identification
from harness.controls import measure_controls
from harness.engine.lm import PersonalLM
from harness.engine.timing import Phases
from harness.forcing import measure_forced
from harness.lifting import measure_lift
from harness.likelihood import reference_likelihood
from harness.plan import Plan
from harness.progress import Bars
from harness.scoring import pairing, samples_of, score_texts
from harness.training import Hardware
from harness.types import Prediction
from harness.untrained import beside_untrained


@dataclass(frozen=True)
class Measured:
    """`fields` of the record by name; `examples`: id → what the views say of it."""

    fields: Mapping[str, Any]
    examples: Mapping[str, Mapping[str, Any]]


def measure(
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    backbone: str | None,
    hardware: Hardware,
    phases: Phases,
    bars: Bars,
) -> Measured:
    """Every view that the settings ask for; `backbone` is its weights' fingerprint, if known."""
    options = plan.settings.eval
    fields: dict[str, Any] = {}
    examples: dict[str, dict[str, Any]] = {example.id: {} for example in plan.test.examples}

    def add(values: Mapping[str, Mapping[str, Any]]) -> None:
        for key, each in values.items():
            examples[key].update(each)

    def add_named(name: str, values: Mapping[str, Any]) -> None:
        add({key: {name: each} for key, each in values.items()})

    samples = samples_of(predictions)
    with phases("scoring"):
        scores = measure_scores(plan, samples)
        fields |= scores.fields
        add(scores.examples)
    nll = None
    if options.likelihood:
        with phases("likelihood"):
            likelihood = reference_likelihood(plan, lm, predictions, hardware)
            nll, summary = likelihood.slices, {**likelihood.summary, "relative": None}
            add(likelihood.examples)
        if options.relative:
            with phases("untrained"):
                summary["relative"], base = beside_untrained(plan, nll, backbone, hardware)
                add_named("untrained_nll_slices", {key: one.nll for key, one in base.items()})
        fields["likelihood"] = summary
    if options.lift:
        with phases("lift"):
            lifted = measure_lift(plan, lm, predictions, nll, hardware, bars)
            fields["lift"] = lifted.summary
            add_named("lift", lifted.examples)
    if options.forced:
        with phases("forced"):
            forced = measure_forced(plan, lm, predictions, fields["metrics"], bars)
            fields["forced"] = forced.summary
            add_named("forced", forced.examples)
    if options.controls:
        with phases("controls"):
            fields["controls"] = measure_controls(plan, lm, samples[0], nll, hardware, bars)
    if options.authors:
        with phases("authors"):
            authors = author_identification(plan.test, samples, options.resamples)
            fields["authors"] = authors.summary
            add_named("authors", authors.examples)
    return Measured(fields, examples)


def measure_scores(plan: Plan, samples: Sequence[Mapping[str, str]]) -> Measured:
    """The views that read nothing but texts and references. samples: texts by id, one a sample."""
    scores = score_texts(plan.test, samples, plan.settings.eval, plan.settings.data)
    examples: dict[str, dict[str, Any]] = {example.id: {} for example in plan.test.examples}
    pairs = pairing(plan.test, samples, plan.settings.eval.bleu_tokenizer)
    for values in (scores.examples, pairs):
        for key, each in values.items():
            examples[key].update(each)
    fields = {"metrics": scores.metrics, "slices": scores.slices, "following": scores.following}
    return Measured(fields, examples)
