"""Models that metrics need, loaded once: an encoder, or a causal LM as likelihood or judge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
import torch

from harness.data.dense import Encoder
from harness.engine.backbone import Backbones
from harness.engine.batch import Batch
from harness.engine.decode import generate
from harness.engine.lm import CausalLM
from harness.engine.text import encode_prompt, encode_response
from harness.engine.token_bound import tokens_bounded
from harness.engine.visible_text import TextRules, rules_of
from harness.errors import HarnessError
from harness.inputs.models import model_sha256
from harness.metrics.base import Metric
from harness.settings import ModelSettings, RunSettings
from harness.statistics import Array

BATCH = 16
"""Texts in one forward pass."""


def hand_over(metric: Metric) -> None:
    """Give a metric the model that it needs, or the reason why there is none."""
    assert metric.needs is not None
    kind, name = metric.needs.kind, metric.needs.model
    try:
        if kind == "encoder":
            metric.encoder = encoder(name)
        else:
            metric.language_model = language_model(name)
    except HarnessError as error:
        metric.unavailable = f"it needs the {kind} {name}, which cannot be loaded: {error}"


@lru_cache(maxsize=2)
def encoder(name: str) -> Encoder:
    """The encoder called `name`. Raises UsageError if it cannot be loaded."""
    found = Encoder(name, "encoder of a metric")
    # hashed after loading, which may download its files, or newer ones
    found.fingerprint = model_sha256(name)[:12]
    return found


@lru_cache(maxsize=2)
def language_model(name: str) -> BackboneModel:
    """The causal LM called `name`. Raises UsageError if it cannot be loaded."""
    return BackboneModel(Backbones(ModelSettings(backbone=name)))


class BackboneModel:
    """A causal LM that gives likelihoods and greedy answers, on the CPU in fp32."""

    def __init__(self, backbones: Backbones) -> None:
        self.tokenizer = backbones.tokenizer
        self.lm = CausalLM(backbones.main)
        self.settings = backbones.settings

    @cached_property
    def rules(self) -> TextRules:
        """A run's rules for texts of this model. Raises UsageError if no end is known."""
        return rules_of(RunSettings(model=self.settings), trained=False)

    @torch.inference_mode()
    def nll(self, prompts: Sequence[str], texts: Sequence[str]) -> Array:
        """Negative log-likelihood [N] of each text after its prompt, in nats."""
        found: list[float] = []
        for start in range(0, len(prompts), BATCH):
            rows = [encode_prompt(self.tokenizer, each) for each in prompts[start : start + BATCH]]
            after = [
                encode_response(self.tokenizer, each).ids for each in texts[start : start + BATCH]
            ]
            logprobs = self.lm.logprobs(Batch.from_rows(rows, after, 0))
            found += (-logprobs.double().sum(dim=1)).tolist()
        return np.array(found)

    def answers(self, prompts: Sequence[str], max_new_tokens: int = 64) -> list[str]:
        """The greedy answer to each prompt, a user's turn through the chat template.

        Without reasoning blocks, as in a run's texts.
        """
        return [self.rules.read(each).text for each in self.answer_ids(prompts, max_new_tokens)]

    @torch.inference_mode()
    def answer_ids(self, prompts: Sequence[str], max_new_tokens: int) -> list[list[int]]:
        """The token ids of these answers; as many as `max_new_tokens` where one was cut off.

        In batches of BATCH, whatever bounds the run's own.
        """
        found: list[list[int]] = []
        for start in range(0, len(prompts), BATCH):
            rows = [encode_prompt(self.tokenizer, each) for each in prompts[start : start + BATCH]]
            stopping = self.rules.stopping
            with tokens_bounded(None):
                found += generate(self.lm, rows, max_new_tokens=max_new_tokens, **stopping)
        return found
