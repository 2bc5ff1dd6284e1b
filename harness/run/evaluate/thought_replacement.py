"""Controls of a run: the trained model with other thoughts than its own, beside its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from harness.engine.lm import PersonalLM
from harness.method import DONOR
from harness.metrics.donors import random_donors
from harness.metrics.likelihood import nll_summary, relative
from harness.metrics.scores import Scored
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
)
from harness.run.evaluate.profile_swap import written
from harness.run.evaluate.reference_likelihood import slice_nlls
from harness.run.evaluate.texts import metrics_of, score_metrics
from harness.run.plan import Plan, Reading
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
ALONE = "one user in the test split; another one's thoughts need at least two"


@dataclass(frozen=True)
class Seen:
    """What one choice of thoughts gave: texts by id with their scores, and NLL by id."""

    texts: Mapping[str, str]
    scores: Mapping[str, Scored]
    nll: Mapping[str, SliceNll] | None


def measure_controls(
    plan: Plan,
    lm: PersonalLM,
    texts: Mapping[str, str],
    nll: Mapping[str, SliceNll] | None,
    hardware: Hardware,
    bars: Bars,
) -> Controls:
    """What the record says of controls; their texts go to `controls.jsonl` in the run's folder.

    texts, nll: what the run measured with the own thoughts, the first sample. Nothing is trained
    again; the same batches are written with the same draws.
    """
    wanted, update = plan.settings.eval.controls, bars.track("controls")
    own = Seen(texts, _scores(plan, texts), nll)
    seen, missing = {"own": own}, dict[str, Thoughts]()
    for done, name in enumerate(wanted, 1):
        readings = thought_readings(plan, name)
        if name != "own" and readings is None:
            missing[name] = Thoughts(missing=ALONE)
        elif name != "own" and readings is not None:
            inner = plan.method.controlled(lm, DONOR if DONOR in readings[0].views else name)
            found = written(plan, inner, readings)
            measured = None if nll is None else slice_nlls(plan, inner, readings, {}, hardware)
            seen[name] = Seen(found, _scores(plan, found), measured)
        update(done, len(wanted), name)
    _keep(plan.folder / TEXTS, seen)
    compared = {name: _compare(plan, one, own) for name, one in seen.items() if one is not own}
    family = judge(each for found in compared.values() for each in found.values())
    judged = iter(family)
    thoughts = {
        name: Thoughts(
            likelihood=None if one.nll is None else _nll(plan, one.nll),
            metrics={key: MetricScore.of(each.score) for key, each in one.scores.items()},
            minus_own=None
            if one is own
            else _minus_own(plan, one, own, {key: next(judged) for key in compared[name]}),
        )
        for name, one in seen.items()
    }
    return Controls(donors="random", family=len(family), thoughts=thoughts | missing)


def thought_readings(plan: Plan, name: str) -> list[Reading] | None:
    """The run's prompts, with a view "donor" where thoughts come from another prompt.

    shuffled: another test example's, of another user. other-profile: the own input with the
    profile of a user drawn at random. Draws come from the data's fingerprint. None where there
    is no other user.
    """
    readings, test = plan.test_readings, plan.test
    if name not in ("shuffled", "other-profile"):
        return readings
    if len({example.user_id for example in test.examples}) < 2:
        return None
    donors = _shuffled(plan) if name == "shuffled" else plan.read(_with_other_profiles(plan))
    return [
        replace(reading, views={**reading.views, DONOR: donor.prompt})
        for reading, donor in zip(readings, donors, strict=True)
    ]


def _shuffled(plan: Plan) -> list[Reading]:
    rng = resampling_rng(f"shuffled {plan.test.fingerprint}")
    users = np.array([reading.example.user_id for reading in plan.test_readings])
    return [plan.test_readings[rng.choice(np.flatnonzero(users != user))] for user in users]


def _with_other_profiles(plan: Plan) -> list[Example]:
    examples = plan.test.examples
    profiles = {example.user_id: example.profile for example in examples}
    users = [example.user_id for example in examples]
    donors = random_donors(users, list(profiles), plan.test.fingerprint, 1)
    return [
        replace(example, profile=profiles[donor])
        for example, (donor,) in zip(examples, donors, strict=True)
    ]


def _scores(plan: Plan, texts: Mapping[str, str]) -> dict[str, Scored]:
    return score_metrics(plan.test, [texts], plan.settings.eval)


def _nll(plan: Plan, nll: Mapping[str, SliceNll]) -> Curve:
    return nll_summary(list(nll.values()), plan.settings.eval.slices, plan.panel(nll))


def _compare(plan: Plan, one: Seen, own: Seen) -> dict[str, Comparison]:
    """Other − own: NLL per slice token first, where it was measured, then every metric."""
    panel = plan.panel(example.id for example in plan.test.examples)

    def ratios(nll: Mapping[str, SliceNll]) -> Array:
        each = (nll[example.id] for example in plan.test.examples)
        return np.array([[sum(part.nll), sum(part.slice_tokens)] for part in each], np.float64)

    found = {}
    if one.nll is not None and own.nll is not None:
        found["likelihood"] = compare(RATIO, ratios(one.nll), ratios(own.nll), panel)
    for metric in metrics_of(plan.test, plan.settings.eval):
        first, second = one.scores[metric.name].rows, own.scores[metric.name].rows
        if first is not None and second is not None:
            found[metric.name] = compare(metric.statistic, first[0], second[0], panel)
    return found


def _minus_own(plan: Plan, one: Seen, own: Seen, judged: Mapping[str, Comparison]) -> MinusOwn:
    found = {name: _difference(each) for name, each in judged.items()}
    likelihood = found.pop("likelihood", None)
    if likelihood is None or one.nll is None or own.nll is None:
        return MinusOwn(likelihood=None, metrics=found)
    apart = relative(list(one.nll.values()), [own.nll[key] for key in one.nll])
    slices = _nll(plan, dict(zip(one.nll, apart, strict=True))).slices
    return MinusOwn(likelihood=NllDifference(**vars(likelihood), slices=slices), metrics=found)


def _difference(each: Comparison) -> Difference:
    fields = asdict(each)
    return Difference(value=fields.pop("difference"), **fields)


def _keep(path: Path, seen: Mapping[str, Seen]) -> None:
    """The controls' texts, one line each; the own ones stand in predictions.jsonl."""
    lines = [
        json.dumps({"control": name, "id": key, "output": text}, ensure_ascii=False) + "\n"
        for name, one in seen.items()
        if name != "own"
        for key, text in one.texts.items()
    ]
    draft = path.with_suffix(".part")
    draft.write_text("".join(lines), encoding="utf-8")
    draft.replace(path)
