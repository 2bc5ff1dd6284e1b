"""Replace a trained model's thoughts and compare with the unmodified model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from harness.engine.lm import PersonalLM
from harness.method import DONOR
from harness.metrics.donors import random_donors
from harness.metrics.likelihood import nll_summary, relative
from harness.metrics.scoring import Scored
from harness.progress import Bars
from harness.record import (
    Controls,
    Curve,
    Difference,
    MetricScore,
    MinusOwn,
    NllDifference,
    SliceNll,
    Thoughts,
    write_text,
)
from harness.run.evaluate.profile_swap import generate_texts
from harness.run.evaluate.reference_likelihood import slice_nlls
from harness.run.evaluate.texts import metrics_of, score_metrics
from harness.run.plan import EncodedPrompt, Plan
from harness.run.training import Hardware
from harness.statistics import (
    RATIO,
    Array,
    Comparison,
    compare,
    judge,
    resampling_rng,
)
from harness.types import Example

TEXTS = "controls.jsonl"
ALONE = "one user in the test split; thoughts of another user need at least two"


@dataclass(frozen=True)
class ThoughtResult:
    """Results with one kind of thoughts: texts by id with their scores, and NLL by id."""

    texts: Mapping[str, str]
    scores: Mapping[str, Scored]
    nll: Mapping[str, SliceNll] | None


def evaluate_thought_replacement(
    plan: Plan,
    lm: PersonalLM,
    texts: Mapping[str, str],
    nll: Mapping[str, SliceNll] | None,
    hardware: Hardware,
    bars: Bars,
) -> Controls:
    """The record's entry on thought replacement; texts go to `controls.jsonl` in the run's folder.

    plan: the run; `eval.controls` names the thoughts.
    lm: the trained model; nothing is trained again.
    texts: id → the run's first sample, with the model's own thoughts.
    nll: id → NLL with the model's own thoughts, if evaluated.
    hardware: where the model is.
    bars: progress.

    Texts are generated in the same batches with the same seeds.
    """
    names, update = plan.settings.eval.controls, bars.track("controls")
    own = ThoughtResult(texts, _scores(plan, texts), nll)
    results, missing = {"own": own}, dict[str, Thoughts]()
    # 1. generate and evaluate with each kind of thoughts
    for done, name in enumerate(names, 1):
        prompts = prompts_with_thoughts(plan, name)
        if name != "own" and prompts is None:
            missing[name] = Thoughts(missing=ALONE)
        elif name != "own" and prompts is not None:
            results[name] = _replaced(plan, lm, name, prompts, None if nll is None else hardware)
        update(done, len(names), name)
    _keep(plan.folder / TEXTS, results)
    # 2. compare each with the model's own thoughts; all comparisons are one family
    comparisons = {
        name: _compare(plan, result, own) for name, result in results.items() if result is not own
    }
    family = judge(each for compared in comparisons.values() for each in compared.values())
    judged = iter(family)
    # 3. the record's entry
    thoughts = {
        name: Thoughts(
            likelihood=None if result.nll is None else _nll(plan, result.nll),
            metrics={key: MetricScore.of(each.score) for key, each in result.scores.items()},
            minus_own=None
            if result is own
            else _minus_own(plan, result, own, {key: next(judged) for key in comparisons[name]}),
        )
        for name, result in results.items()
    }
    return Controls(donors="random", family=len(family), thoughts=thoughts | missing)


def _replaced(
    plan: Plan,
    lm: PersonalLM,
    name: str,
    prompts: Sequence[EncodedPrompt],
    hardware: Hardware | None,
) -> ThoughtResult:
    """Texts, scores and NLL of the trained model with other thoughts.

    plan, lm: the run and its model.
    name: which thoughts.
    prompts: the run's prompts, with the view "donor" where thoughts come from another prompt.
    hardware: where the model is; None: no NLL.
    """
    replaced = plan.method.controlled(lm, DONOR if DONOR in prompts[0].views else name)
    texts = generate_texts(plan, replaced, prompts)
    nll = None if hardware is None else slice_nlls(plan, replaced, prompts, {}, hardware)
    return ThoughtResult(texts, _scores(plan, texts), nll)


def prompts_with_thoughts(plan: Plan, name: str) -> list[EncodedPrompt] | None:
    """The run's prompts, with a view "donor" where thoughts come from another prompt.

    "shuffled": the prompt of an example of another user. "other-profile": the same input with the
    profile of a random user. Draws are seeded by the data's fingerprint. None where there is no
    other user.
    """
    prompts, test = plan.test_prompts, plan.test
    if name not in ("shuffled", "other-profile"):
        return prompts
    if len({example.user_id for example in test.examples}) < 2:
        return None
    donors = _shuffled(plan) if name == "shuffled" else plan.encode(_with_other_profiles(plan))
    return [
        replace(encoded, views={**encoded.views, DONOR: donor.prompt})
        for encoded, donor in zip(prompts, donors, strict=True)
    ]


def _shuffled(plan: Plan) -> list[EncodedPrompt]:
    rng = resampling_rng(f"shuffled {plan.test.fingerprint}")
    users = np.array([encoded.example.user_id for encoded in plan.test_prompts])
    return [plan.test_prompts[rng.choice(np.flatnonzero(users != user))] for user in users]


def _with_other_profiles(plan: Plan) -> list[Example]:
    examples = plan.test.examples
    profiles = {example.user_id: example.profile for example in examples}
    donors = random_donors(examples, plan.test.fingerprint, 1)
    return [
        replace(example, profile=profiles[donor])
        for example, (donor,) in zip(examples, donors, strict=True)
    ]


def _scores(plan: Plan, texts: Mapping[str, str]) -> dict[str, Scored]:
    return score_metrics(plan.test, [texts], plan.settings.eval)


def _nll(plan: Plan, nll: Mapping[str, SliceNll]) -> Curve:
    return nll_summary(list(nll.values()), plan.settings.eval.slices, plan.panel(nll))


def _compare(plan: Plan, result: ThoughtResult, own: ThoughtResult) -> dict[str, Comparison]:
    """Replaced − own: NLL per slice token first, where it was evaluated, then every metric."""
    panel = plan.panel(example.id for example in plan.test.examples)

    def ratios(nll: Mapping[str, SliceNll]) -> Array:
        each = (nll[example.id] for example in plan.test.examples)
        return np.array([[sum(part.nll), sum(part.slice_tokens)] for part in each], np.float64)

    found = {}
    if result.nll is not None and own.nll is not None:
        found["likelihood"] = compare(RATIO, ratios(result.nll), ratios(own.nll), panel)
    for metric in metrics_of(plan.test, plan.settings.eval):
        first, second = result.scores[metric.name].rows, own.scores[metric.name].rows
        if first is not None and second is not None:
            found[metric.name] = compare(metric.statistic, first[0], second[0], panel)
    return found


def _minus_own(
    plan: Plan, result: ThoughtResult, own: ThoughtResult, judged: Mapping[str, Comparison]
) -> MinusOwn:
    found = {name: _difference(each) for name, each in judged.items()}
    likelihood = found.pop("likelihood", None)
    if likelihood is None or result.nll is None or own.nll is None:
        return MinusOwn(likelihood=None, metrics=found)
    differences = relative(list(result.nll.values()), [own.nll[key] for key in result.nll])
    slices = _nll(plan, dict(zip(result.nll, differences, strict=True))).slices
    return MinusOwn(likelihood=NllDifference(**vars(likelihood), slices=slices), metrics=found)


def _difference(each: Comparison) -> Difference:
    fields = asdict(each)
    return Difference(value=fields.pop("difference"), **fields)


def _keep(path: Path, results: Mapping[str, ThoughtResult]) -> None:
    """Store the texts, one line each; those with own thoughts are in predictions.jsonl."""
    lines = [
        json.dumps({"control": name, "id": key, "output": text}, ensure_ascii=False) + "\n"
        for name, result in results.items()
        if name != "own"
        for key, text in result.texts.items()
    ]
    write_text(path, "".join(lines))
