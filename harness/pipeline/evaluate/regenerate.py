"""The run's examples once more, with other prompts or other thoughts: texts and likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.engine.lm import PersonalLM
from harness.metrics.likelihood import TokenLogprobs
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


@dataclass(frozen=True)
class Variant:
    """Texts and NLL of the test examples by id; `nll` is None if it was not evaluated."""

    texts: dict[str, str]
    nll: dict[str, SliceNll] | None

    def scores(self, plan: Plan) -> dict[str, Scored]:
        """Metric → its score of the texts."""
        return score_metrics(plan.test, [self.texts], plan.settings.eval)


def generate_texts(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, str]:
    """id → the method's text for each prompt, with the seeds of the run's first sample."""
    return _by_batch(trained, "texts", prompts, texts_of)


@torch.inference_mode()
def texts_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> list[str]:
    """The texts of a batch."""
    found = generator_of(job, lm, batch).tokens_or_split(batch)
    return [job.plan.rules.read(text.ids).text for text in found]


@torch.inference_mode()
def prefaces_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> list[list[int]]:
    """The prefaces of a batch."""
    return generator_of(job, lm, batch).prefaces_or_split(batch)


def generate_nlls(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, SliceNll]:
    """id → NLL of the reference after each prompt and the preface that the method generates."""
    return by_slice(trained.plan, generate_logprobs(trained, prompts))


def generate_logprobs(
    trained: Trained, prompts: Sequence[EncodedPrompt]
) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference after each prompt and its generated preface."""
    found = _by_batch(trained, "prefaces", prompts, prefaces_of)
    return token_logprobs(trained, prompts, {key: tuple(ids) for key, ids in found.items()})


def generator_of(job: Job, lm: PersonalLM, batch: Sequence[EncodedPrompt]) -> Generator:
    """It generates a batch as the run's own texts were generated."""
    return Generator(job.plan, lm, rows=rows_in_model(job.plan, batch))


def _by_batch(
    trained: Trained,
    kind: str,
    prompts: Sequence[EncodedPrompt],
    compute: Callable[[Job, PersonalLM, Sequence[EncodedPrompt]], Sequence[T]],
) -> dict[str, T]:
    """id → what `compute` returns for its batch; kept until the run ends.

    trained: the run and its model.
    kind: of the values.
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
    return {
        each.example.id: value
        for batch, of_batch in zip(batches, values, strict=True)
        for each, value in zip(batch, of_batch, strict=True)
    }
