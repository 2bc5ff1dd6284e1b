"""What is timed: a method with an untrained model, generating a batch, and an optimizer step."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import torch

from harness.engine.adapters import ready_to_generate, store_base
from harness.engine.clock import now
from harness.engine.devices import devices, place
from harness.engine.ends import Ends
from harness.engine.lean_models import choose_step
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.micro_batches import TrainRow
from harness.engine.number_types import NumberTypes, number_types
from harness.engine.train import train
from harness.errors import HarnessError, UsageError
from harness.method import Factory
from harness.pipeline.generator import Generator
from harness.pipeline.plan import Plan
from harness.settings import RunSettings

STEPS = 3
"""Optimizer steps of one measurement; the first allocates, so the others are timed."""


@dataclass(frozen=True)
class Case:
    """Texts in a batch, and tokens per text."""

    batch: int
    tokens: int


@dataclass(frozen=True)
class Generation:
    """Wall-clock seconds of one batch.

    preface_s, latent_s: hidden tokens, and thoughts, before the text; both are part of first_s.
    first_s: to the first visible token. step_s: one step, None for texts of one token.
    total_s: the whole batch. hidden: number of hidden tokens and thoughts.
    """

    preface_s: float
    first_s: float
    step_s: float | None
    total_s: float
    latent_s: float
    hidden: int


@dataclass(frozen=True)
class Subject:
    """A method, its prompts and its untrained model; weights do not affect the times."""

    plan: Plan
    lm: PersonalLM
    device: torch.device
    types: NumberTypes

    @property
    def parameters(self) -> int:
        return sum(part.numel() for part in self.lm.parameters())


def planned(settings: RunSettings, method: str, factory: Factory, batch: int) -> Plan:
    """The method's plan. Raises UsageError if its test split cannot fill a batch."""
    plan = Plan(settings, method, Path(), factory)
    if len(plan.test.examples) < batch:
        raise UsageError(
            f"--batch {batch}: {settings.task} of {settings.data.source} has"
            f" {len(plan.test.examples)} test examples; choose a smaller batch"
        )
    return plan


def for_generation(plan: Plan) -> Subject:
    """The model for generation, in the dtype of the settings."""
    subject = for_training(plan)
    ready_to_generate(subject.lm, subject.types.training, subject.types.generation)
    subject.lm.eval()
    return subject


def for_training(plan: Plan) -> Subject:
    """The model at the start of training."""
    where = devices(plan.settings.model)
    lm = plan.build()
    choose_step([model for _, model in causal_lms(lm)], plan.settings.decode.step)
    place(lm, where)
    types = number_types(plan.settings, where[0])
    store_base(lm, types.training)
    return Subject(plan, lm, where[0], types)


def generate_batch(subject: Subject, case: Case) -> Generation:
    """Generate one batch as a run does, but texts of exactly `case.tokens` tokens."""
    plan, settings = copy(subject.plan), subject.plan.settings
    decode = settings.decode.model_copy(update={"max_new_tokens": case.tokens})
    plan.settings = settings.model_copy(update={"decode": decode})
    plan.rules = replace(plan.rules, ends=Ends((), frozenset()))  # nothing ends a text early
    generator = Generator(plan, subject.lm)
    for text in generator.tokens(subject.plan.test_prompts[: case.batch], sample=0):
        if text.error:
            raise HarnessError(text.error)
    costs = generator.costs
    return Generation(
        preface_s=costs.preface_s,
        first_s=costs.clock.first[0],
        step_s=costs.clock.per_step[0] if costs.clock.per_step else None,
        total_s=costs.batches[0],
        latent_s=costs.latent_s,
        hidden=costs.preface_tokens + case.batch * subject.lm.hidden_per_example,
    )


def training_rows(subject: Subject) -> tuple[list[TrainRow], float]:
    """The rows of one optimizer step, of the same examples for every method, and the seconds spent
    on generating their targets."""
    plan = subject.plan
    pairs = plan.splits["train"].pairs()[: plan.settings.train.batch_size]
    begin = now()
    targets = plan.method.targets(subject.lm, pairs)
    seconds = now() - begin
    return plan.rows(pairs, targets)[0], seconds


def step_seconds(subject: Subject, rows: Sequence[TrainRow]) -> float:
    """Mean seconds of an optimizer step on these rows; at learning rate 0 no weight changes."""
    settings = subject.plan.settings.train.model_copy(
        update={"epochs": float(STEPS), "batch_size": len(rows)}
    )
    log = train(subject.lm, rows, settings, lr=0.0, seed=0, dtype=subject.types.training)
    return fmean(step.seconds for step in log.curve[1:])
