"""Evaluation of a trained model and its texts: each view's part of the record, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.engine.clock import Phases
from harness.pipeline.evaluate.base_model import relative_to_base_model
from harness.pipeline.evaluate.continuation import evaluate_continuation
from harness.pipeline.evaluate.profile_swap import evaluate_profile_swap
from harness.pipeline.evaluate.reference_likelihood import reference_likelihood
from harness.pipeline.evaluate.text_views import evaluate_authors, evaluate_texts
from harness.pipeline.evaluate.texts import samples_of
from harness.pipeline.evaluate.thought_replacement import evaluate_thought_replacement
from harness.pipeline.job import Trained
from harness.record import ExampleValues, Record
from harness.settings import EvalSettings


def evaluate(trained: Trained, record: Record, phases: Phases) -> Record:
    """`record` with every view that the settings ask for, and with the examples' values.

    trained: the model and its texts.
    record: without views, or with those of an earlier evaluation.
    phases: takes the times.
    """
    return _with_views(trained, _scored(trained, record, phases), phases, [*VIEWS])


def evaluate_model(trained: Trained, record: Record, phases: Phases) -> Record:
    """`record` with every view that needs the model; texts are scored later, where that can wait.

    trained: the model and its texts.
    record: without views.
    phases: takes the times.
    """
    if scores_early(trained.plan.settings.eval):
        record = _scored(trained, record, phases)
    else:
        known = {example.id: ExampleValues() for example in trained.plan.test.examples}
        record = replace(record, examples=known)
    return _with_views(trained, record, phases, [name for name in VIEWS if name != "authors"])


def _scored(trained: Trained, record: Record, phases: Phases) -> Record:
    with phases("scoring"), trained.job.bars.waiting("scoring"):
        samples, options = samples_of(trained.predictions), trained.plan.settings.eval
        return evaluate_texts(record, trained.plan.test, samples, options)


def _with_views(trained: Trained, record: Record, phases: Phases, names: Sequence[str]) -> Record:
    """`record` with those of the named views that the settings ask for."""
    for name in names:
        asked, view = VIEWS[name]
        if asked(trained.plan.settings.eval):
            with phases(name):
                record = view(trained, record)
    return record


def scores_early(options: EvalSettings) -> bool:
    """Whether views generate texts of their own, which are scored beside the run's."""
    return bool(options.forced or "texts" in options.lift or options.controls)


def _authors(trained: Trained, record: Record) -> Record:
    plan, samples = trained.plan, samples_of(trained.predictions)
    return evaluate_authors(record, plan.test, samples, plan.settings.eval)


View = Callable[[Trained, Record], Record]
"""Returns the record with the view's entry and its values of each example."""
VIEWS: Mapping[str, tuple[Callable[[EvalSettings], object], View]] = {
    "likelihood": (lambda asked: asked.likelihood, reference_likelihood),
    "untrained": (lambda asked: asked.likelihood and asked.relative, relative_to_base_model),
    "lift": (lambda asked: asked.lift, evaluate_profile_swap),
    "forced": (lambda asked: asked.forced, evaluate_continuation),
    "controls": (lambda asked: asked.controls, evaluate_thought_replacement),
    "authors": (lambda asked: asked.authors, _authors),
}
"""Phase in the record → whether the settings ask for the view, and the view. A later view may use
the values of an earlier one."""
