"""Profile swap: the same examples with other users' profiles, and with none. Gives the lift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from harness.engine.lm import PersonalLM
from harness.metrics.base import Better
from harness.metrics.donors import random_donors, topic_donors
from harness.metrics.lift import Lift as MetricLift
from harness.metrics.lift import lift
from harness.metrics.likelihood import likelihood_scores
from harness.progress import Bars
from harness.record import ExampleLift, Gains, Lift, LiftPair, MetricScore, SliceNll, ends_of
from harness.registry import find
from harness.run.evaluate.reference_likelihood import slice_nlls
from harness.run.evaluate.texts import metrics_of, score_metrics
from harness.run.generate import generate_batch, generate_prefaces, plan_batches
from harness.run.generation_costs import Costs
from harness.run.plan import EncodedPrompt, Plan
from harness.run.training import Hardware
from harness.statistics import Panel
from harness.types import Example, Prediction, Score

KINDS, OWN = ("random", "topic"), "own"
Lifts = Mapping[str, Mapping[str, MetricLift]]
"""Kind of donor → slice or metric → lift."""
Pairs = Mapping[str, Mapping[str, LiftPair]]
"""The same for the record, without the examples' values."""


@dataclass(frozen=True)
class OwnProfile:
    """Results with each user's own profile: texts by id, and NLL by id."""

    texts: Mapping[str, str]
    nll: Mapping[str, SliceNll] | None


def evaluate_profile_swap(
    plan: Plan,
    lm: PersonalLM,
    predictions: Sequence[Prediction],
    nll: Mapping[str, SliceNll] | None,
    hardware: Hardware,
    bars: Bars,
) -> tuple[Lift, dict[str, ExampleLift]]:
    """The record's entry on lift, and each example's gains.

    plan: the run; `eval.lift` says which views: likelihood, texts.
    lm: the trained model.
    predictions: the run's texts, with each user's own profile.
    nll: id → NLL with the user's profile; needed for the likelihood view.
    hardware: where the model is.
    bars: progress.

    Own − other is the mean over donors, drawn at random or nearest in topic, both seeded by the
    data's fingerprint; own − empty compares with a prompt without profile. Above 0 the user's own
    profile helps. A method that reads no profile has a lift of exactly 0.
    """
    views = plan.settings.eval.lift
    own = OwnProfile({text.id: text.output for text in predictions if text.sample == 0}, nll)
    donors = donor_examples(plan)
    swaps = donors.examples
    update, lift_pairs = bars.track("lift"), dict[str, Pairs]()
    by_example: dict[str, dict[str, Gains]] = {example.id: {} for example in plan.test.examples}
    total = len(views) * len(swaps)
    for part, view in enumerate(views):
        # 1. evaluate the same model with each swapped profile
        swapped: dict[str, Any] = {}
        for number, (swap, examples) in enumerate(swaps.items(), 1):
            prompts = plan.encode(examples)
            if view == "likelihood":
                prefaces = generate_prefaces(plan, lm, prompts)
                swapped[swap] = slice_nlls(plan, lm, prompts, prefaces, hardware)
            else:
                swapped[swap] = generate_texts(plan, lm, prompts)
            update(part * len(swaps) + number, total, view)
        # 2. what the user's profile gains over them
        gains_of = _likelihood_lift if view == "likelihood" else _text_lift
        ids, gains = gains_of(plan, own, swapped)
        lift_pairs[view] = {
            kind: {name: _pair(each) for name, each in lifts.items()}
            for kind, lifts in gains.items()
        }
        for index, key in enumerate(ids):
            by_example[key][view] = _of_example(gains, index)
    summary = Lift(
        donors=sum(name.startswith(KINDS[0]) for name in swaps),
        tied=donors.tied,
        likelihood=lift_pairs.get("likelihood"),
        texts=lift_pairs.get("texts"),
    )
    return summary, {
        key: ExampleLift(likelihood=gains.get("likelihood"), texts=gains.get("texts"))
        for key, gains in by_example.items()
    }


@dataclass(frozen=True)
class Swaps:
    """The test examples with each donor's profile.

    examples: "empty", "random 0", …, "topic 0", … → the examples. With a single user in the split
    there are no donors, only "empty".
    tied: examples whose topic-matched donors are random, because BM25 scores them alike.
    """

    examples: dict[str, list[Example]]
    tied: int = 0


def donor_examples(plan: Plan) -> Swaps:
    """The test examples with each donor's profile, and without any."""
    examples, fingerprint = plan.test.examples, plan.test.fingerprint
    task, count = find("task", plan.settings.task), plan.settings.eval.donors
    profiles = {example.user_id: example.profile for example in examples}
    swaps = {"empty": [replace(example, profile=()) for example in examples]}
    if len(profiles) < 2:
        return Swaps(swaps)
    topic = topic_donors(examples, task, fingerprint, count)
    donors = {"random": random_donors(examples, fingerprint, count), "topic": topic.users}
    for kind in KINDS:
        for number in range(min(len(each) for each in donors[kind])):
            swaps[f"{kind} {number}"] = [
                replace(example, profile=profiles[chosen[number]])
                for example, chosen in zip(examples, donors[kind], strict=True)
            ]
    return Swaps(swaps, topic.tied)


@torch.inference_mode()
def generate_texts(plan: Plan, lm: PersonalLM, prompts: Sequence[EncodedPrompt]) -> dict[str, str]:
    """id → the method's text for each prompt, with the seeds of the run's first sample."""
    texts: dict[str, str] = {}
    for batch in plan_batches(prompts, plan.settings.decode.batch_size):
        for encoded, text in zip(batch, generate_batch(plan, lm, batch, 0, Costs()), strict=True):
            texts[encoded.example.id] = plan.rules.read(text.ids).text
    return texts


def _likelihood_lift(
    plan: Plan, own: OwnProfile, swapped: Mapping[str, Mapping[str, SliceNll]]
) -> tuple[list[str], Lifts]:
    """Lift of NLL per slice token, overall and by slice, and the ids in the order of its values.

    swapped: swap → id → NLL.
    """
    assert own.nll is not None
    ids, panel = list(own.nll), plan.panel(own.nll)
    scores = {
        name: likelihood_scores([nll[key] for key in ids], plan.settings.eval.slices, panel)
        for name, nll in {OWN: own.nll, **swapped}.items()
    }
    return ids, _lifts(scores, panel, dict.fromkeys(scores[OWN], "lower"))


def _text_lift(
    plan: Plan, own: OwnProfile, swapped: Mapping[str, Mapping[str, str]]
) -> tuple[list[str], Lifts]:
    """Lift of every metric, and the ids in the order of its values.

    swapped: swap → id → text.
    """
    test, options = plan.test, plan.settings.eval.model_copy(update={"resamples": 100})
    ids = [example.id for example in test.examples]
    scores = {
        name: {key: each.score for key, each in score_metrics(test, [texts], options).items()}
        for name, texts in {OWN: own.texts, **swapped}.items()
    }
    directions = {metric.name: metric.better for metric in metrics_of(test, options)}
    return ids, _lifts(scores, plan.panel(ids), directions)


def _lifts(
    scores: Mapping[str, Mapping[str, Score]], panel: Panel, better: Mapping[str, Better]
) -> Lifts:
    """The lift of each slice or metric over each kind of donor.

    scores: own or swap → slice or metric → score.
    panel: the users.
    better: slice or metric → its direction.
    """
    return {
        kind: {
            name: lift(
                own,
                [other[name] for swap, other in scores.items() if swap.startswith(kind)],
                scores["empty"][name],
                panel,
                better[name],
            )
            for name, own in scores[OWN].items()
        }
        for kind in KINDS
    }


def _of_example(gains: Lifts, index: int) -> Gains:
    """Gains of the example at `index`; own − empty is the same for every kind of donor."""
    over_others = {
        kind: {name: lift.own_other.each[index] for name, lift in lifts.items()}
        for kind, lifts in gains.items()
    }
    over_empty = {name: lift.own_empty.each[index] for name, lift in gains[KINDS[0]].items()}
    return {**over_others, "empty": over_empty}


def _pair(gain: MetricLift) -> LiftPair:
    """For the record, without the examples' values, which are stored with the examples."""
    own_other, own_empty = (
        MetricScore(signature=score.signature, **ends_of(score))
        for score in (gain.own_other, gain.own_empty)
    )
    return LiftPair(own_other=own_other, own_empty=own_empty)
