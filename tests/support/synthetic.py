"""Synthetic records with a known effect of each method, in the form that runs write."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.metrics.bleu import Bleu
from harness.record import (
    PREDICTIONS,
    AuthorRank,
    Authors,
    AuthorScores,
    Breakdown,
    CodeInfo,
    Controls,
    Counts,
    Curve,
    DataInfo,
    DeviceInfo,
    Difference,
    Drift,
    ExampleAuthors,
    ExampleLift,
    ExampleRank,
    ExampleValues,
    Forced,
    ForcedMetric,
    Group,
    Inference,
    Lift,
    LiftPair,
    Likelihood,
    MetricScore,
    MinusOwn,
    ModelInfo,
    NllDifference,
    NllSlice,
    Record,
    RelativeLikelihood,
    SliceEstimate,
    SliceNll,
    SplitInfo,
    Thoughts,
    Training,
    append_lines,
    write_record,
)
from harness.settings import build_settings
from harness.types import Prediction

METHODS = ("nonpers", "rag", "sft", "cot", "coconut", "flythinker")
TASKS = ("product_review", "abstract_generation", "topic_writing")
EFFECTS = {"nonpers": 0.0, "rag": 2.0, "sft": 6.0, "cot": 6.2, "coconut": 6.1, "flythinker": 9.0}
"""Points above nonpers on every score of a text."""
METRICS = ("bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "meteor")
SLICES = ("0-100", "100-200", "200-300", "300+")
POSITIONS = (49.5, 149.5, 249.5, 339.5)
"""Mean token of each slice in a reference of 380 tokens."""
WORDS = [
    "the",
    "this",
    "lamp",
    "is",
    "fine",
    "and",
    "bright",
    "I",
    "like",
    "it",
    "but",
    "not",
    "so",
    "much",
    "when",
    "it",
    "rains",
]


def write_runs(
    out: Path,
    methods: Sequence[str] = METHODS,
    tasks: Sequence[str] = TASKS,
    seeds: Sequence[int] = (0,),
    examples: int = 40,
    words: int = 60,
    following: bool = False,
    assignments: Mapping[str, Sequence[str]] | None = None,
    changes: Mapping[str, Any] | None = None,
    full: bool = False,
    effect: float | None = None,
) -> list[Path]:
    """Write one run for each method, task and seed below `out`.

    assignments: method → --set. full: with every view (see `everything`). changes: fields replaced
    in every record at the end. effect: replaces the methods' own effects.
    """
    folders = []
    for task in tasks:
        for method in methods:
            for seed in seeds:
                own = (assignments or {}).get(method, ())
                record = made_up(task, method, seed, examples, following, own, effect)
                record = everything(record) if full else record
                record = dataclasses.replace(record, **(changes or {}))
                folder = out / task / method / record.run_id
                write_record(record, folder)
                append_lines(folder / PREDICTIONS, texts(record, words))
                folders.append(folder)
    return folders


def made_up(
    task: str,
    method: str,
    seed: int = 0,
    examples: int = 40,
    following: bool = False,
    assignments: Sequence[str] = (),
    effect: float | None = None,
) -> Record:
    """One record. Examples differ from one another, methods by `EFFECTS`, seeds by little."""
    effect = EFFECTS.get(method, 5.0) if effect is None else effect
    settings = build_settings("mini", ["train.lr=0.001", *assignments],
                              {"task": task, "seed": seed})  # fmt: skip
    digest = hashlib.sha256(f"{method}{task}{assignments}".encode()).hexdigest()[:12]
    common = np.random.default_rng([examples, TASKS.index(task)])
    own = np.random.default_rng([seed, METHODS.index(method) if method in METHODS else 99])
    hard = common.normal(0, 4, examples)
    level = 20 + effect + hard + own.normal(0, 1) * 0.3
    noise = own.normal(0, 2, (examples, len(METRICS)))
    rows: dict[str, ExampleValues] = {}
    for at in range(examples):
        values = np.clip(level[at] + noise[at], 0, 100)
        counts = _bleu_counts(values[0], own)
        nll = np.array([2.4, 2.2, 2.3, 2.5]) * 100 - 2 * effect + noise[at, 0]
        scores = dict(zip(METRICS, map(float, values), strict=True))
        rows[f"{task}-{at:04d}"] = ExampleValues(
            user=f"{at:012x}",
            scores={**scores, **({"following": float(values[1])} if following else {})},
            rows={"bleu": (counts,)},
            likelihood=SliceNll(
                nll=tuple(map(float, nll)),
                slice_tokens=(100, 100, 100, 80),
                model_tokens=(120, 120, 120, 96),
                positions=POSITIONS,
            ),
        )
    return Record(
        run_id=f"s{seed}-{digest}",
        method=method,
        task=task,
        status="complete",
        command=f"harness run --method {method} --task {task} --seed {seed}",
        started="2026-01-01T00:00:00+00:00",
        settings=settings.model_dump(mode="json"),
        seed=seed,
        code=CodeInfo(version="0.1.0", commit="0" * 40, clean=True),
        packages={"python": "3.11.7", "torch": "2.13.0"},
        device=DeviceInfo(device="cpu", dtype="float32", threads=2, processor="made up", cores=2,
                          system="Linux x86_64"),
        data=DataInfo(source="mini", setting="user", kind="mini", revision="seed 0", splits={
            "test": SplitInfo(fingerprint=hashlib.sha256(task.encode()).hexdigest(),
                              examples=examples, users=examples)}),
        backbone=ModelInfo(name="mini", fingerprint="f" * 16, method_parameters=1_000_000),
        n=Counts(planned=examples, scored=examples),
        phases={"training": 100.0, "writing": 20.0},
        training=None if method in ("nonpers", "rag") else _training(method),
        inference=_inference(method),
        metrics=_metrics(rows),
        slices={name: tuple(_slice(at, 20 - at) for at in range(4))
                for name in (*METRICS, *(["following"] if following else []))},
        likelihood=_likelihood(rows),
        breakdowns={"following": _following(rows)} if following else {},
        examples=rows,
    )  # fmt: skip


def texts(record: Record, words: int) -> list[Prediction]:
    """A text of made-up words for each example."""
    draw = np.random.default_rng([record.seed, len(record.method)])
    return [
        Prediction(key, key, " ".join(draw.choice(WORDS, words)), words, "f")
        for key in record.examples
    ]


def _bleu_counts(level: float, draw: np.random.Generator) -> tuple[int, ...]:
    """Counts of a text of 100 words against one of 100, more of them matched at a higher level."""
    share = min(max(level, 1) / 100, 1.0)
    totals = [100, 99, 98, 97]
    matched = [int(total * share ** (0.25 * (at + 1))) for at, total in enumerate(totals)]
    return (100, 100, *(int(max(one - draw.integers(3), 0)) for one in matched), *totals)


def _metrics(rows: Mapping[str, ExampleValues]) -> dict[str, MetricScore]:
    found = {}
    first = next(iter(rows.values())).scores
    for name in (*(["following"] if "following" in first else []), *METRICS):
        value = float(np.mean([row.scores[name] for row in rows.values()]))
        if name == "bleu":
            value = float(Bleu().value(np.sum([row.rows["bleu"][0] for row in rows.values()], 0)))
        found[name] = MetricScore(**_around(value, 1.0), signature=f"{name}|made up")
    return found


def _slice(at: int, value: float) -> SliceEstimate:
    place = {"slice": SLICES[at], "start": 100 * at, "examples": 40}
    return SliceEstimate(**place, **_around(float(value), 0.1 * abs(float(value))))


def _likelihood(rows: Mapping[str, ExampleValues]) -> Likelihood:
    nll = np.mean([row.likelihood.nll for row in rows.values()], axis=0) / [100, 100, 100, 80]
    slices = [_slice(at, value) for at, value in enumerate(nll)]
    value = float(np.mean([row.likelihood.mean for row in rows.values()]))
    shown = {**_around(value, 0.1), "drift": _drift(_slope(nll), 0.03, len(rows))}
    relative = tuple(_slice(at, value - 3) for at, value in enumerate(nll))
    beside = RelativeLikelihood(**shown, backbone="mini", fingerprint="f" * 16, slices=relative)
    return Likelihood(
        **shown, per_model_token=value, signature="nll", relative=beside,
        slices=tuple(NllSlice(**vars(each), per_model_token=each.value) for each in slices),
    )  # fmt: skip


def _drift(value: float, half: float, examples: int) -> Drift:
    return Drift(**_around(value, half), examples=examples)


def _following(rows: Mapping[str, ExampleValues]) -> Breakdown:
    value = float(np.mean([row.scores["following"] for row in rows.values()]))
    rate = {**_around(value, 2.0), "chance": 29.0, "places": 400}
    groups = {"held_out": {"all": Group(**rate)}}
    return Breakdown(**rate, floor=24.5, ceiling=100.0, groups=groups)


def _training(method: str) -> Training:
    slow = {"sft": 1.0, "cot": 4.0, "coconut": 3.0, "flythinker": 1.4}.get(method, 1.0)
    seconds = {"targets": 60.0 if method == "cot" else 0.1, "steps": 100 * slow, "evaluation": 5.0}
    return Training(seconds=seconds, seconds_total=sum(seconds.values()), steps=40, epochs=1.0,
                    peak_memory_mib=900 * slow, examples=320, target_cut=0, tokens=400_000,
                    response_tokens=100_000, tokens_per_s=4000 / slow, lr=0.001,
                    trainable_parameters=1_000_000, curve=())  # fmt: skip


def _inference(method: str) -> Inference:
    slow = 1.2 if method == "flythinker" else 1.0
    return Inference(time_to_first_token_s=0.2 * slow, time_per_step_s=0.01 * slow,
                     seconds_per_example=0.3 * slow, tokens_per_s=1000 / slow, decode_s=12 * slow,
                     batches_timed=2, examples_timed=40, batch_size=32, peak_memory_mib=800 * slow,
                     visible_tokens=12_000, hidden_tokens=0, preface_timed=0, latent_s=0.0,
                     preface_s=5.0 if method == "cot" else 0.0,
                     preface_tokens=800 if method == "cot" else 0,
                     latent_thoughts_per_text=4 if method == "coconut" else 0)  # fmt: skip


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
        AuthorRank(**_around(float(np.mean(values)), 9.0), ceiling=80.0, chance=12.5)
        for values in ([one.top1 for one in ranks], [one.mrr for one in ranks])
    )
    way = AuthorScores(top1=top1, mrr=mrr)
    shift = 0.02 * record.seed
    return dataclasses.replace(
        record,
        lift=_lift([row.lift for row in rows]),
        forced=forced,
        authors=Authors(others=7, users=len(rows), characters=way, function_words=way),
        controls=_controls(shift) if record.method == "flythinker" else None,
        examples=examples,
    )


def _around(value: float, half: float) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half}


def _forced(rows: Sequence[ExampleValues], name: str) -> dict[str, Any]:
    """A record's continuation view, with windows of 100, 100, 100 and 80 tokens."""
    means = np.mean([row.forced[name] for row in rows], axis=0)
    slices = tuple(
        dataclasses.replace(_slice(at, value), **_around(float(value), 1.0))
        for at, value in enumerate(means)
    )
    slope = _drift(_slope(means), 0.3, len(rows))
    return {**_around(float(means.mean()), 1.0), "slices": slices, "drift": slope}


def _slope(means: Any) -> float:
    """Least squares through the four slices' means, per 100 tokens."""
    return float(100 * np.polyfit(POSITIONS, means, 1)[0])


def _lifts(effect: float) -> ExampleLift:
    """One example's lift; over no profile it is half as large again as over another's."""

    def all_kinds(gains: Mapping[str, float]) -> dict[str, Any]:
        more = {name: 1.5 * gain for name, gain in gains.items()}
        return {"random": gains, "topic": gains, "empty": more}

    likely = {name: 0.04 * effect * (1 - 0.15 * at) for at, name in enumerate(("all", *SLICES))}
    written = {"rougeL": 0.3 * effect, "bleu": 0.2 * effect}
    return ExampleLift(likelihood=all_kinds(likely), texts=all_kinds(written))


def _lift(rows: Sequence[ExampleLift]) -> Lift:
    """A record's lift, computed from its examples' lifts."""

    def pairs(gains: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
        def mean(kind: str, name: str) -> MetricScore:
            value = float(np.mean([each[kind][name] for each in gains]))
            return MetricScore(**_around(value, 0.1), signature="made up")

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
        slices = tuple(_slice(at, 2.0 + apart) for at in range(4))
        rouge = Difference(**_around(-10 * apart, 0.5), **judged)
        return Thoughts(
            likelihood=Curve(**_around(2.0 + apart, 0.1), slices=slices,
                             drift=_drift(0.2, 0.02, 40)),
            metrics={"rougeL": MetricScore(**_around(25 - 10 * apart, 1.0), signature="made up")},
            minus_own=MinusOwn(
                likelihood=NllDifference(**_around(apart, 0.05), **judged, slices=slices),
                metrics={"rougeL": rouge},
            ) if apart else None,
        )  # fmt: skip

    other = dict.fromkeys(("zero", "noise", "shuffled", "other-profile"), thought(0.1 + shift))
    return Controls(donors="random", family=8, thoughts={"own": thought(0.0), **other})


def column(table, head):
    """What a reader sees in the column with this head, row by row."""
    at = [one.head for one in table.columns].index(head)
    return [str(row[at]) for row in table.shown()]
