"""The run's examples once more, with other prompts or other thoughts: texts and likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.engine.lm import PersonalLM
from harness.errors import counted
from harness.metrics.likelihood import TokenLogprobs, nll_by_slice
from harness.metrics.scoring import Scored
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.evaluate.reference_likelihood import by_slice, token_logprobs
from harness.pipeline.evaluate.texts import score_metrics
from harness.pipeline.generator import Generator, rows_in_model
from harness.pipeline.job import Job, Trained
from harness.pipeline.plan import Plan
from harness.pipeline.team import bare
from harness.record import SliceNll

T = TypeVar("T")
Made = tuple[T, str | None]
"""A value, and why it failed, if it did."""
FAILED = {"text": "counts as empty", "preface": "has no likelihood"}
"""What is generated → what an example is without it."""


@dataclass(frozen=True)
class Variant:
    """Texts and NLL of the test examples by id; `nll` is None or empty if it was not evaluated."""

    texts: dict[str, str]
    nll: dict[str, SliceNll] | None

    def scores(self, plan: Plan) -> dict[str, Scored]:
        """Metric → its score of the texts."""
        return score_metrics(plan.test, [self.texts], plan.settings.eval)


@dataclass(frozen=True)
class NoLogprobs(TokenLogprobs):
    """A reference without values: NaN for each of its tokens, and no token in any slice."""

    def by_slice(self, reference: str, starts: Sequence[int]) -> SliceNll:
        """As of a text without tokens, which counts in no slice."""
        return nll_by_slice("", (), (), starts)


def generate_texts(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, str]:
    """id → the method's text for each prompt, with the seeds of the run's first sample.

    A failed text is empty, as in the run; a message counts them.
    """
    found = _by_batch(trained, "text", prompts, texts_of)
    return {key: text or "" for key, text in found.items()}


@torch.inference_mode()
def texts_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> list[Made[str]]:
    """The texts of a batch."""
    found = generator_of(job, lm, batch).tokens_or_split(batch)
    return [(job.plan.rules.read(each.ids).text, each.error) for each in found]


@torch.inference_mode()
def prefaces_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> list[Made[list[int]]]:
    """The prefaces of a batch."""
    found = generator_of(job, lm, batch).prefaces_or_split(batch)
    return [(each.preface, each.error) for each in found]


def generate_nlls(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, SliceNll]:
    """id → NLL of the reference after each prompt and the preface that the method generates.

    Empty, with a message, if a preface failed: the NLL is compared over the same references.
    """
    found = generate_logprobs(trained, prompts)
    if any(isinstance(each, NoLogprobs) for each in found.values()):
        trained.job.bars.say(f"no likelihood with {trained.variant}: not every reference has one")
        return {}
    return by_slice(trained.plan, found)


def generate_logprobs(
    trained: Trained, prompts: Sequence[EncodedPrompt]
) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference after each prompt and its generated preface.

    `NoLogprobs` where the preface failed; a message counts them.
    """
    prefaces = _by_batch(trained, "preface", prompts, prefaces_of)
    found = token_logprobs(
        trained, prompts, {key: tuple(ids or ()) for key, ids in prefaces.items()}
    )
    return {
        key: each
        if prefaces[key] is not None
        else NoLogprobs([math.nan] * len(each.ends), each.ends)
        for key, each in found.items()
    }


def generator_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> Generator:
    """It generates a batch as the run's own texts were generated."""
    return Generator(job.plan, lm, rows=rows_in_model(job.plan, batch))


def _by_batch(
    trained: Trained,
    kind: str,
    prompts: Sequence[EncodedPrompt],
    compute: Callable[[Job, PersonalLM, Sequence[EncodedPrompt]], Sequence[Made[T]]],
) -> dict[str, T | None]:
    """id → what `compute` returns for its batch, None if it failed; kept until the run ends.

    trained: the run and its model.
    kind: of the values, as in `FAILED`.
    prompts: of the examples.
    compute: the values of a batch, a function of this module.
    """
    batches = Generator(trained.plan, trained.lm).batches(prompts)
    items = [
        [kind, trained.variant, [(each.example.id, each.prompt, each.views) for each in batch]]
        for batch in batches
    ]
    values = trained.kept.batches(
        items,
        lambda missing: trained.divided(compute, [bare(batches[at]) for at in missing]),
    )
    made = {
        each.example.id: value
        for batch, of_batch in zip(batches, values, strict=True)
        for each, value in zip(batch, of_batch, strict=True)
    }
    errors = {key: error for key, (_, error) in made.items() if error is not None}
    if errors:
        key, error = next(iter(errors.items()))
        trained.job.bars.say(
            f"{len(errors)} of {counted(len(made), kind)} with other prompts or thoughts"
            f" failed, and the example {FAILED[kind]} there, e.g. {key}: {error}"
        )
    return {key: None if key in errors else value for key, (value, _) in made.items()}
