"""Lift of a run: the same model with the own profile, other users' profiles, and none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from harness.engine.lm import PersonalLM
from harness.metrics.donors import random_donors, topic_donors
from harness.metrics.lift import Lift as Lifted
from harness.metrics.lift import lift, lift_by_slice
from harness.metrics.likelihood import likelihood_scores
from harness.progress import Bars
from harness.record import ExampleLift, Gains, Lift, LiftPair, MetricScore, SliceNll, ends_of
from harness.registry import find
from harness.run.evaluate.reference_likelihood import slice_nlls
from harness.run.evaluate.texts import metrics_of, score_metrics
from harness.run.generate import plan_batches, write_batch, write_prefaces
from harness.run.generation_costs import Costs
from harness.run.plan import Plan, Reading
from harness.run.training import Hardware
from harness.types import Example, Prediction, Score

KINDS = ("random", "topic")
Lifts = Mapping[str, Mapping[str, Lifted]]
"""Kind of donor → slice or metric → lift."""
Pairs = Mapping[str, Mapping[str, LiftPair]]
"""The same as a record has it, without the examples' values."""


@dataclass(frozen=True)
class Own:
    """What the run measured with the own profile: texts by id, and NLL by id."""

    texts: Mapping[str, str]
    nll: Mapping[str, SliceNll] | None


def measure_lift(
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    nll: Mapping[str, SliceNll] | None,
    hardware: Hardware,
    bars: Bars,
) -> tuple[Lift, dict[str, ExampleLift]]:
    """What the record says of lift, and of every example's: the views that the settings ask for.

    Own − other is the mean over donors, drawn at random or nearest in topic, both from the
    data's fingerprint; own − empty is against a prompt without profile. Above 0 the own profile
    helps. A method that reads no profile has a lift of exactly 0.
    """
    wanted = plan.settings.eval.lift
    own = Own({text.id: text.output for text in predictions if text.sample == 0}, nll)
    swaps = donor_examples(plan)
    update, found = bars.track("lift"), dict[str, Pairs]()
    gained: dict[str, dict[str, Gains]] = {example.id: {} for example in plan.test.examples}
    total = len(wanted) * len(swaps)
    for part, name in enumerate(wanted):
        rows: dict[str, Any] = {}
        for at, (swap, examples) in enumerate(swaps.items()):
            readings = plan.read(examples)
            if name == "likelihood":
                prefaces = write_prefaces(plan, lm, readings)
                rows[swap] = slice_nlls(plan, lm, readings, prefaces, hardware)
            else:
                rows[swap] = written(plan, lm, readings)
            update(part * len(swaps) + at + 1, total, name)
        measure = _likelihood_lift if name == "likelihood" else _text_lift
        ids, gains = measure(plan, own, rows)
        found[name] = {
            kind: {what: _pair(one) for what, one in lifts.items()} for kind, lifts in gains.items()
        }
        for at, key in enumerate(ids):
            gained[key][name] = _of_example(gains, at)
    donors = sum(name.startswith(KINDS[0]) for name in swaps)
    summary = Lift(donors=donors, likelihood=found.get("likelihood"), texts=found.get("texts"))
    return summary, {
        key: ExampleLift(likelihood=views.get("likelihood"), texts=views.get("texts"))
        for key, views in gained.items()
    }


def donor_examples(plan: Plan) -> dict[str, list[Example]]:
    """The test examples with each donor's profile: "empty", "random 0", …, "topic 0", …

    A user alone in the split has no donors: "empty" only.
    """
    examples = plan.test.examples
    task, count = find("task", plan.settings.task), plan.settings.eval.donors
    profiles = {example.user_id: example.profile for example in examples}
    documents = {
        user: " ".join(task.retrieved(entry) for entry in profile)
        for user, profile in profiles.items()
    }
    users = [example.user_id for example in examples]
    fingerprint = plan.test.fingerprint
    swaps = {"empty": [replace(example, profile=()) for example in examples]}
    if len(profiles) < 2:
        return swaps
    donors = {
        "random": random_donors(users, list(profiles), fingerprint, count),
        "topic": topic_donors(
            users,
            [task.query(example.input) for example in examples],
            documents,
            fingerprint,
            count,
        ),
    }
    for kind in KINDS:
        for at in range(min(len(each) for each in donors[kind])):
            swaps[f"{kind} {at}"] = [
                replace(example, profile=profiles[chosen[at]])
                for example, chosen in zip(examples, donors[kind], strict=True)
            ]
    return swaps


@torch.inference_mode()
def written(plan: Plan, lm: PersonalLM, readings: Sequence[Reading]) -> dict[str, str]:
    """id → the text that the method writes after these prompts, drawn as the run's first sample."""
    found: dict[str, str] = {}
    for batch in plan_batches(readings, plan.settings.decode.batch_size):
        for reading, text in zip(batch, write_batch(plan, lm, batch, 0, Costs()), strict=True):
            found[reading.example.id] = plan.rules.read(text.ids).text
    return found


def _likelihood_lift(
    plan: Plan, own: Own, rows: Mapping[str, Mapping[str, SliceNll]]
) -> tuple[list[str], Lifts]:
    """Lift of NLL per slice token, overall and by slice; and the ids in the order of its values."""
    assert own.nll is not None
    starts, panel = plan.settings.eval.slices, plan.panel(own.nll)

    def scores(nll: Mapping[str, SliceNll]) -> dict[str, Score]:
        ordered = [nll[key] for key in own.nll or ()]
        return likelihood_scores(ordered, starts, panel)

    measured = {name: scores(nll) for name, nll in rows.items()}
    mine = scores(own.nll)
    return list(own.nll), {
        kind: lift_by_slice(
            mine,
            [each for name, each in measured.items() if name.startswith(kind)],
            measured["empty"],
            panel,
            better="lower",
        )
        for kind in KINDS
    }


def _text_lift(
    plan: Plan, own: Own, rows: Mapping[str, Mapping[str, str]]
) -> tuple[list[str], Lifts]:
    """Lift of every metric, per example."""
    test, options = plan.test, plan.settings.eval.model_copy(update={"resamples": 100})
    metrics = {metric.name: metric for metric in metrics_of(test, options)}

    def scores(texts: Mapping[str, str]) -> dict[str, Score]:
        return {name: one.score for name, one in score_metrics(test, [texts], options).items()}

    measured = {name: scores(texts) for name, texts in rows.items()}
    mine, ids = scores(own.texts), [example.id for example in test.examples]
    return ids, {
        kind: {
            name: lift(
                mine[name].each,
                [found[name].each for key, found in measured.items() if key.startswith(kind)],
                measured["empty"][name].each,
                plan.panel(ids),
                mine[name].signature,
                metric.better,
            )
            for name, metric in metrics.items()
        }
        for kind in KINDS
    }


def _of_example(gains: Lifts, at: int) -> Gains:
    """Gains of the example at this place; own − empty is the same for every kind of donor."""
    found = {
        kind: {name: one.own_other.each[at] for name, one in lifts.items()}
        for kind, lifts in gains.items()
    }
    empty = {name: one.own_empty.each[at] for name, one in gains[KINDS[0]].items()}
    return {**found, "empty": empty}


def _pair(found: Lifted) -> LiftPair:
    """Without the examples' values, which stand with the examples."""
    own_other, own_empty = (
        MetricScore(signature=score.signature, **ends_of(score))
        for score in (found.own_other, found.own_empty)
    )
    return LiftPair(own_other=own_other, own_empty=own_empty)
