"""The run's examples once more, with other prompts or other thoughts: texts and likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.metrics.scoring import Scored
from harness.pipeline.evaluate.reference_likelihood import slice_nlls
from harness.pipeline.evaluate.texts import score_metrics
from harness.pipeline.generate import Generator, plan_batches
from harness.pipeline.job import Trained
from harness.pipeline.plan import EncodedPrompt, Plan
from harness.record import SliceNll


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
    plan, texts = trained.plan, dict[str, str]()
    generator = Generator(plan, trained.lm)
    for batch in plan_batches(prompts, plan.settings.decode.batch_size):
        for encoded, text in zip(batch, generator.tokens(batch, 0), strict=True):
            texts[encoded.example.id] = plan.rules.read(text.ids).text
    return texts


def generate_nlls(trained: Trained, prompts: Sequence[EncodedPrompt]) -> dict[str, SliceNll]:
    """id → NLL of the reference after each prompt and the preface that the method generates."""
    plan, prefaces = trained.plan, dict[str, tuple[int, ...]]()
    generator = Generator(plan, trained.lm)
    for batch in plan_batches(prompts, plan.settings.decode.batch_size):
        for encoded, ids in zip(batch, generator.prefaces(batch, 0), strict=True):
            prefaces[encoded.example.id] = tuple(ids)
    return slice_nlls(trained, prompts, prefaces)
