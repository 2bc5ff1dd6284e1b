"""The run's examples once more, with other prompts or other thoughts: texts and likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.engine.lm import PersonalLM
from harness.errors import counted
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
Made = tuple[T, str | None]
"""A value, and why it failed, if it did."""
FAILED = {"text": "counts as empty", "preface": "has no likelihood"}
"""What is generated → what an example is without it."""


@dataclass(frozen=True)
class Variant:
    """Texts and NLL of the test examples by id.

    nll: None if it was not evaluated, or not of every reference.
    failed: examples whose text or preface failed; None of the run's own.
    """

    texts: dict[str, str]
    nll: dict[str, SliceNll] | None
    failed: int | None = None

    def scores(self, plan: Plan) -> dict[str, Scored]:
        """Metric → its score of the texts."""
        return score_metrics(plan.test, [self.texts], plan.settings.eval)


def generate_texts(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, str | None]:
    """id → the method's text for each prompt, with the seeds of the run's first sample.

    None where it failed, which counts as empty, as in the run; a message counts them.
    """
    return _by_batch(trained, "text", prompts, texts_of)


def texts_or_empty(texts: Mapping[str, str | None]) -> dict[str, str]:
    """The texts as they are scored."""
    return {key: text or "" for key, text in texts.items()}


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
    """id → NLL of the reference after each prompt and the preface that the method generates."""
    return by_slice(trained.plan, generate_logprobs(trained, prompts))


def failed_examples(
    texts: Mapping[str, str | None], nlls: Mapping[str, SliceNll | TokenLogprobs]
) -> set[str]:
    """Ids of the examples without a text, or without a likelihood since their preface failed."""
    unread = {key for key, each in nlls.items() if not each.known}
    return {key for key, text in texts.items() if text is None} | unread


def generate_logprobs(
    trained: Trained, prompts: Sequence[EncodedPrompt]
) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference after each prompt and its generated preface.

    They are absent where the preface failed; a message counts them.
    """
    prefaces = _by_batch(trained, "preface", prompts, prefaces_of)
    found = token_logprobs(
        trained, prompts, {key: tuple(ids or ()) for key, ids in prefaces.items()}
    )
    return {key: each.absent if prefaces[key] is None else each for key, each in found.items()}


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
