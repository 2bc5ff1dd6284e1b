"""What is timed: a method with an untrained model, one writing of it, one optimizer step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from harness.engine.backbone import Backbones
from harness.engine.clock import DecodeClock, now
from harness.engine.decode import generate
from harness.engine.devices import cast, devices, number_type, place
from harness.engine.lm import PersonalLM
from harness.engine.train import TrainRow, train
from harness.errors import UsageError
from harness.run.plan import Plan
from harness.settings import RunSettings
from harness.types import Sampling, TrainingPair

STEPS = 3
"""Optimizer steps of one measurement; the first allocates, so the others are timed."""


@dataclass(frozen=True)
class Case:
    """How many texts are written together, and how many tokens each is long."""

    batch: int
    tokens: int


@dataclass(frozen=True)
class Writing:
    """Wall seconds of one batch: to the first visible token, one step (None for one), all of it.

    preface_s, latent_s: of hidden tokens and of thoughts before the text, both within first_s.
    hidden: how many of either.
    """

    preface_s: float
    first_s: float
    step_s: float | None
    total_s: float
    latent_s: float
    hidden: int


@dataclass(frozen=True)
class Subject:
    """A method, its prompts and its untrained model: weights do not matter to the clock."""

    plan: Plan
    lm: PersonalLM
    device: torch.device
    dtype: torch.dtype

    @property
    def parameters(self) -> int:
        return sum(part.numel() for part in self.lm.parameters())


def planned(settings: RunSettings, method: str, factory: Any, batch: int) -> Plan:
    """The method's plan. Raises UsageError where its test split cannot fill a batch."""
    plan = Plan(settings, method, Path(), factory)
    if len(plan.test.examples) < batch:
        raise UsageError(
            f"--batch {batch}: {settings.task} of {settings.data.source} has"
            f" {len(plan.test.examples)} test examples; choose a smaller batch"
        )
    return plan


def for_writing(plan: Plan) -> Subject:
    """The model as it writes: in the number type of the settings."""
    subject = for_training(plan)
    cast(subject.lm, subject.dtype)
    subject.lm.eval()
    return subject


def for_training(plan: Plan) -> Subject:
    """The model as training begins with it."""
    where = devices(plan.settings.model)
    lm = plan.method.build(Backbones(plan.settings.model))
    place(lm, where)
    return Subject(plan, lm, where[0], number_type(plan.settings.model, where[0]))


def write(subject: Subject, case: Case) -> Writing:
    """One batch of texts of exactly `case.tokens` tokens, prefaces included."""
    plan, lm, decode = subject.plan, subject.lm, subject.plan.settings.decode
    readings = plan.test_prompts[: case.batch]
    prompts = [list(reading.prompt) for reading in readings]
    sampling = [Sampling(seed=seed, **decode.drawing) for seed in range(case.batch)]
    begin, latent, clock = now(), lm.hidden_s, DecodeClock()
    prefaces = plan.method.preface(lm, prompts, sampling)
    preface_s = now() - begin
    generate(
        lm,
        [prompt + preface for prompt, preface in zip(prompts, prefaces, strict=True)],
        max_new_tokens=case.tokens,
        **decode.drawing,
        seeds=[each.seed for each in sampling],
        views=_views([reading.views for reading in readings]),
        clock=clock,
    )
    clock.waited(preface_s)
    return Writing(
        preface_s=preface_s,
        first_s=clock.first[0],
        step_s=clock.per_step[0] if clock.per_step else None,
        total_s=now() - begin,
        latent_s=lm.hidden_s - latent,
        hidden=sum(map(len, prefaces)) + case.batch * lm.hidden_per_example,
    )


def _views(rows: Sequence[Mapping[str, tuple[int, ...]]]) -> dict[str, list[tuple[int, ...]]]:
    return {name: [views[name] for views in rows] for name in rows[0]}


def first_pairs(plan: Plan) -> list[TrainingPair]:
    """The training examples of one optimizer step, the same for every method."""
    return plan.splits["train"].pairs()[: plan.settings.train.batch_size]


def training_rows(subject: Subject, pairs: Sequence[TrainingPair]) -> tuple[list[TrainRow], float]:
    """The rows of one optimizer step, and the seconds that writing their targets took."""
    begin = now()
    targets = subject.plan.method.targets(subject.lm, pairs)
    seconds = now() - begin
    return subject.plan.rows(pairs, targets)[0], seconds


def step_seconds(subject: Subject, rows: Sequence[TrainRow]) -> float:
    """Mean seconds of an optimizer step on these rows; at learning rate 0 no weight changes."""
    settings = subject.plan.settings.train.model_copy(
        update={"epochs": float(STEPS), "batch_size": len(rows)}
    )
    log = train(
        subject.lm, rows, settings, lr=0.0, seed=0, device=subject.device, dtype=subject.dtype
    )
    return fmean(step.seconds for step in log.curve[1:])
