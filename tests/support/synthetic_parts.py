"""Parts of a synthetic record: scores, likelihood, costs, with a known effect of each method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.metrics.bleu import Bleu
from harness.record import (
    Breakdown,
    Drift,
    ExampleValues,
    Group,
    Inference,
    Likelihood,
    MetricScore,
    NllSlice,
    RelativeLikelihood,
    SliceEstimate,
    Training,
)

METHODS = ("nonpers", "rag", "sft", "cot", "coconut", "flythinker")
TASKS = ("product_review", "abstract_generation", "topic_writing")
EFFECTS = {"nonpers": 0.0, "rag": 2.0, "sft": 6.0, "cot": 6.2, "coconut": 6.1, "flythinker": 9.0}
"""Points above nonpers on every score of a text."""
METRICS = ("bleu", "rouge1", "rouge2", "rougeL", "rougeLsum", "meteor")
SLICES = ("0-100", "100-200", "200-300", "300+")
POSITIONS = (49.5, 149.5, 249.5, 339.5)
"""Mean token of each slice in a reference of 380 tokens."""


def bleu_counts(level: float, draw: np.random.Generator) -> tuple[int, ...]:
    """Counts of a text of 100 words against one of 100, more of them matched at a higher level."""
    share = min(max(level, 1) / 100, 1.0)
    totals = [100, 99, 98, 97]
    matched = [int(total * share ** (0.25 * (at + 1))) for at, total in enumerate(totals)]
    return (100, 100, *(int(max(one - draw.integers(3), 0)) for one in matched), *totals)


def metrics_of(rows: Mapping[str, ExampleValues]) -> dict[str, MetricScore]:
    found = {}
    first = next(iter(rows.values())).scores
    for name in (*(["following"] if "following" in first else []), *METRICS):
        value = float(np.mean([row.scores[name] for row in rows.values()]))
        if name == "bleu":
            value = float(Bleu().value(np.sum([row.rows["bleu"][0] for row in rows.values()], 0)))
        found[name] = MetricScore(**around(value, 1.0), signature=f"{name}|made up")
    return found


def slice_of(at: int, value: float) -> SliceEstimate:
    place = {"slice": SLICES[at], "start": 100 * at, "examples": 40}
    return SliceEstimate(**place, **around(float(value), 0.1 * abs(float(value))))


def likelihood_of(rows: Mapping[str, ExampleValues]) -> Likelihood:
    each = [row.likelihood for row in rows.values()]
    tokens = np.sum([one.slice_tokens for one in each], axis=0)
    nll = np.sum([one.nll for one in each], axis=0) / np.maximum(tokens, 1)
    slices = [slice_of(at, value) for at, value in enumerate(nll)]
    value = sum(sum(one.nll) for one in each) / sum(sum(one.slice_tokens) for one in each)
    shown = {**around(value, 0.1), "drift": drift_of(slope_of(nll), 0.03, len(rows))}
    relative = tuple(slice_of(at, value - 3) for at, value in enumerate(nll))
    beside = RelativeLikelihood(
        **around(value - 3, 0.1), drift=shown["drift"], backbone="mini", fingerprint="f" * 16,
        slices=relative,
    )  # fmt: skip
    return Likelihood(
        **shown, per_model_token=value, signature="nll", relative=beside,
        slices=tuple(NllSlice(**vars(each), per_model_token=each.value) for each in slices),
    )  # fmt: skip


def drift_of(value: float, half: float, examples: int) -> Drift:
    return Drift(**around(value, half), examples=examples)


def following_of(rows: Mapping[str, ExampleValues]) -> Breakdown:
    value = float(np.mean([row.scores["following"] for row in rows.values()]))
    rate = {**around(value, 2.0), "chance": 29.0, "places": 400}
    groups = {"held_out": {"all": Group(**rate)}}
    return Breakdown(**rate, floor=24.5, ceiling=100.0, groups=groups)


def training_of(method: str) -> Training:
    slow = {"sft": 1.0, "cot": 4.0, "coconut": 3.0, "flythinker": 1.4}.get(method, 1.0)
    seconds = {"targets": 60.0 if method == "cot" else 0.1, "steps": 100 * slow, "evaluation": 5.0}
    return Training(seconds=seconds, seconds_total=sum(seconds.values()), steps=40, epochs=1.0,
                    peak_memory_mib=900 * slow, examples=320, target_cut=0, tokens=400_000,
                    response_tokens=100_000, tokens_per_s=4000 / slow, lr=0.001,
                    trainable_parameters=1_000_000, curve=())  # fmt: skip


def inference_of(method: str) -> Inference:
    slow = 1.2 if method == "flythinker" else 1.0
    return Inference(time_to_first_token_s=0.2 * slow, time_per_step_s=0.01 * slow,
                     seconds_per_example=0.3 * slow, tokens_per_s=1000 / slow, decode_s=12 * slow,
                     batches_timed=2, examples_timed=40, batch_size=32, peak_memory_mib=800 * slow,
                     visible_tokens=12_000, hidden_tokens=0, preface_timed=0, latent_s=0.0,
                     preface_s=5.0 if method == "cot" else 0.0,
                     preface_tokens=800 if method == "cot" else 0,
                     latent_thoughts_per_text=4 if method == "coconut" else 0)  # fmt: skip


def around(value: float, half: float) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half}


def slope_of(means: Any) -> float:
    """Least squares through the four slices' means, per 100 tokens."""
    return float(100 * np.polyfit(POSITIONS, means, 1)[0])
