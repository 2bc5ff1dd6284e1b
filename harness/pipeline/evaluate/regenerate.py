"""The run's examples once more, with other prompts or other thoughts: texts and likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from harness.metrics.likelihood import TokenLogprobs
from harness.metrics.scoring import Scored
from harness.pipeline.evaluate.reference_likelihood import by_slice, token_logprobs
from harness.pipeline.evaluate.texts import score_metrics
from harness.pipeline.generate import Generator
from harness.pipeline.job import Trained
from harness.pipeline.plan import EncodedPrompt, Plan
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


@torch.inference_mode()
def generate_texts(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, str]:
    """id → the method's text for each prompt, with the seeds of the run's first sample."""
    plan, generator = trained.plan, _generator(trained)
    return _by_batch(
        trained, "texts", prompts,
        lambda batch: [plan.rules.read(text.ids).text for text in generator.tokens_or_split(batch)],
    )  # fmt: skip


def generate_nlls(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, SliceNll]:
    """id → NLL of the reference after each prompt and the preface that the method generates."""
    return by_slice(trained.plan, generate_logprobs(trained, prompts))


def generate_logprobs(
    trained: Trained, prompts: Sequence[EncodedPrompt]
) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference after each prompt and its generated preface."""
    generator = _generator(trained)
    found = _by_batch(trained, "prefaces", prompts, lambda batch: generator.prefaces(batch, 0))
    return token_logprobs(trained, prompts, {key: tuple(ids) for key, ids in found.items()})


def _generator(trained: Trained) -> Generator:
    """It generates in batches as the run's own texts were generated."""
    return Generator(trained.plan, trained.lm, rows=trained.plan.settings.decode.batch_size)


def _by_batch(
    trained: Trained,
    kind: str,
    prompts: Sequence[EncodedPrompt],
    compute: Callable[[Sequence[EncodedPrompt]], Sequence[T]],
) -> dict[str, T]:
    """id → what `compute` returns for its batch; kept until the run ends.

    trained: the run and its model.
    kind: of the values.
    prompts: of the examples.
    compute: the values of a batch.
    """
    found: dict[str, T] = {}
    for batch in _generator(trained).batches(prompts):
        items = [(each.example.id, each.prompt, each.views) for each in batch]
        values = trained.kept.batch(
            [kind, trained.variant, items],
            lambda batch=batch: compute(batch),  # type: ignore[misc]
        )
        found.update(zip((each.example.id for each in batch), values, strict=True))
    return found
