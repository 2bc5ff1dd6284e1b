"""The views that a synthetic record may have: profile swap, continuation, authors, thoughts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.record import (
    AuthorRank,
    Authors,
    AuthorScores,
    Controls,
    Curve,
    Difference,
    ExampleAuthors,
    ExampleLift,
    ExampleRank,
    ExampleValues,
    Forced,
    ForcedMetric,
    Lift,
    LiftPair,
    MetricScore,
    MinusOwn,
    NllDifference,
    Record,
    Thoughts,
)
from tests.support.synthetic_parts import (
    EFFECTS,
    METHODS,
    SLICES,
    around,
    drift_of,
    slice_of,
    slope_of,
)


def everything(record: Record) -> Record:
    """The record with every view: profile swap, continuation, authors, thought replacement.

    Values grow with the method's effect. All but thought replacement are stored by example too, and
    the record's numbers are computed from them.
    """
    effect = EFFECTS.get(record.method, 5.0)
    draw = np.random.default_rng([record.seed, len(record.method), 7])
    place = METHODS.index(record.method) if record.method in METHODS else 99
    own = np.random.default_rng([record.seed, place, 8])
    examples = {}
    for key, values in record.examples.items():
        level = 21 + effect - 2.0 * np.arange(4) + draw.normal(0, 3, 4)
        top = float(draw.random() < 0.2 + effect / 20)
        who = ExampleRank(top1=100 * top, mrr=100.0 if top else 100 / float(draw.integers(2, 8)))
        examples[key] = dataclasses.replace(
            values,
            base_nll=tuple(3.0 * tokens for tokens in values.likelihood.slice_tokens),
            forced={"rougeL": tuple(map(float, level)),
                    "following": tuple(map(float, level + 20))},
            authors=ExampleAuthors(characters=who, function_words=who),
            lift=_lifts(effect + float(own.normal(0, 1))),
        )  # fmt: skip
    rows = list(examples.values())
    forced = Forced(
        window=100,
        windows=4 * len(rows),
        ended=3,
        metrics={
            name: ForcedMetric(**_forced(rows, name), signature="made up")
            for name in (*(["following"] if record.breakdowns else []), "rougeL")
        },
    )  # fmt: skip
    ranks = [row.authors.characters for row in rows]
    top1, mrr = (
        AuthorRank(**around(float(np.mean(values)), 9.0), ceiling=80.0, chance=12.5)
        for values in ([one.top1 for one in ranks], [one.mrr for one in ranks])
    )
    way = AuthorScores(top1=top1, mrr=mrr)
    shift = 0.02 * record.seed
    return dataclasses.replace(
        record,
        lift=lift_of([row.lift for row in rows]),
        forced=forced,
        authors=Authors(others=7, users=len(rows), characters=way, function_words=way),
        controls=_controls(shift) if record.method == "flythinker" else None,
        examples=examples,
    )


def _forced(rows: Sequence[ExampleValues], name: str) -> dict[str, Any]:
    """A record's continuation view, with windows of 100, 100, 100 and 80 tokens."""
    means = np.mean([row.forced[name] for row in rows], axis=0)
    slices = tuple(
        dataclasses.replace(slice_of(at, value), **around(float(value), 1.0))
        for at, value in enumerate(means)
    )
    slope = drift_of(slope_of(means), 0.3, len(rows))
    return {**around(float(means.mean()), 1.0), "slices": slices, "drift": slope}


def _lifts(effect: float) -> ExampleLift:
    """One example's lift; over no profile it is half as large again as over another's."""

    def all_kinds(gains: Mapping[str, float]) -> dict[str, Any]:
        more = {name: 1.5 * gain for name, gain in gains.items()}
        return {"random": gains, "topic": gains, "empty": more}

    likely = {name: 0.04 * effect * (1 - 0.15 * at) for at, name in enumerate(("all", *SLICES))}
    written = {"rougeL": 0.3 * effect, "bleu": 0.2 * effect}
    return ExampleLift(likelihood=all_kinds(likely), texts=all_kinds(written))


def lift_of(rows: Sequence[ExampleLift]) -> Lift:
    """A record's lift, computed from its examples' lifts."""

    def pairs(gains: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
        def mean(kind: str, name: str) -> MetricScore:
            value = float(np.mean([each[kind][name] for each in gains]))
            return MetricScore(**around(value, 0.1), signature="made up")

        return {
            kind: {
                name: LiftPair(own_other=mean(kind, name), own_empty=mean("empty", name))
                for name in gains[0][kind]
            }
            for kind in ("random", "topic")
        }

    likelihood, texts = ([row.likelihood for row in rows], [row.texts for row in rows])
    return Lift(donors=4, likelihood=pairs(likelihood), texts=pairs(texts))


def _controls(shift: float) -> Controls:
    """Thought replacement: NLL rises by 0.1 and `shift`, ROUGE-L falls by 1 and `shift`."""
    judged = {"p_value": 0.001, "p_holm": 0.01 + shift, "smallest_detectable": 0.05, "users": 40,
              "verdict": "higher"}  # fmt: skip

    def thought(apart: float) -> Thoughts:
        slices = tuple(slice_of(at, 2.0 + apart) for at in range(4))
        rouge = Difference(**around(-10 * apart, 0.5), **judged)
        return Thoughts(
            likelihood=Curve(**around(2.0 + apart, 0.1), slices=slices,
                             drift=drift_of(0.2, 0.02, 40)),
            metrics={"rougeL": MetricScore(**around(25 - 10 * apart, 1.0), signature="made up")},
            minus_own=MinusOwn(
                likelihood=NllDifference(**around(apart, 0.05), **judged, slices=slices),
                metrics={"rougeL": rouge},
            ) if apart else None,
        )  # fmt: skip

    other = dict.fromkeys(("zero", "noise", "shuffled", "other-profile"), thought(0.1 + shift))
    return Controls(donors="random", family=8, thoughts={"own": thought(0.0), **other})
