"""A tiny world for one method: its inputs, plan, model and rows, made as in a real run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch import Tensor

from harness.conformance.tiny_inputs import write_backbone, write_data
from harness.engine.batch import Side
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.train import to_batch, train
from harness.errors import HarnessError
from harness.method import Factory, Method
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.generator import GeneratedTokens, Generator
from harness.pipeline.plan import Plan
from harness.settings import (
    BudgetSettings,
    DataSettings,
    DecodeSettings,
    ModelSettings,
    RunSettings,
    TrainSettings,
)
from harness.types import Example

RESPONSES = (1, 5, 9, 4, None)
"""Response tokens of the rows that checks feed step by step; None: all."""
SOME = slice(3, 0, -2)
"""Of the test examples: two with profiles, in reverse order."""
NEW_TOKENS = 12
LR = 1e-2
MOVE = 0.05
"""By which each trained weight moves: enough to open a gate, and little beside the others."""


@dataclass(frozen=True)
class Trained:
    """A trained model in eval mode, and the losses of its steps."""

    lm: PersonalLM
    losses: list[float]


class World:
    """Everything that checks of one method share, made once.

    `factory` makes the method; the backbone and the data are saved in `folder`. `lm` has moved
    weights, is adapted to the test users, and in eval mode.
    """

    def __init__(
        self, factory: Factory, folder: Path, options: Mapping[str, Any] | None = None
    ) -> None:
        self.factory, self.folder, self.options = factory, folder, dict(options or {})
        write_backbone(folder / "backbone")
        write_data(folder / "data")
        write_data(folder / "garbage", garbage_references=True)

    def plan(self, data: str = "data") -> Plan:
        """A new plan with a new method, of a small run on the data in subfolder `data`."""
        settings = RunSettings(
            preset="conformance",
            data=DataSettings(source=str(self.folder / data)),
            budget=BudgetSettings(profile=64, input=24, target=24),
            model=ModelSettings(backbone=str(self.folder / "backbone"), device="cpu"),
            train=TrainSettings(batch_size=3, weight_decay=0.0, epochs=4),
            decode=DecodeSettings(max_new_tokens=NEW_TOKENS, batch_size=3),
            method=self.options,
        )
        plan = Plan(settings, "", self.folder / "results", self.factory)
        plan.method.workspace = Path(mkdtemp(dir=self.folder))
        return plan

    @cached_property
    def shared(self) -> Plan:
        return self.plan()

    @property
    def method(self) -> Method:
        return self.shared.method

    @cached_property
    def lm(self) -> PersonalLM:
        return self.adapted(self.shared)

    def build(self, plan: Plan) -> PersonalLM:
        """The plan's untrained model; its random weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return plan.build().eval()

    @cached_property
    def trained(self) -> Trained:
        """The shared plan's model after a short training."""
        return self.train(self.build(self.shared))

    def train(self, lm: PersonalLM) -> Trained:
        """Train a model for a few steps on the training rows, always with the same seed."""
        log = train(lm, self.rows, self.shared.settings.train, lr=LR, seed=0)
        return Trained(lm.eval(), [step.loss for step in log.curve])

    def moved(self, plan: Plan) -> PersonalLM:
        """The plan's model as if it was trained: each trained weight moves up or down by MOVE.

        At the start, a gate or an adapter's B is 0 and hides all that is behind it.
        """
        lm, draw = self.build(plan), torch.Generator().manual_seed(0)
        trained = [part for part in lm.parameters() if part.requires_grad and plan.method.trains]
        with torch.no_grad():
            for part in trained:
                up = torch.rand(part.shape, generator=draw) < 0.5
                part.add_(torch.where(up, MOVE, -MOVE).to(part))
        return lm

    @torch.enable_grad()  # a method may train here, and a check may be without gradients
    def adapted(self, plan: Plan, examples: Sequence[Example] | None = None) -> PersonalLM:
        """The plan's moved model after it was adapted to the users of these examples.

        examples: by default all of test.
        """
        lm = self.moved(plan)
        plan.method.adapt(lm, plan.test.examples if examples is None else examples)
        return lm.eval()

    @cached_property
    def rows(self) -> list[TrainRow]:
        """Training rows, as a run makes them."""
        self.lm  # noqa: B018  (a method may need what build() keeps)
        pairs = self.shared.splits["test"].pairs()
        return self.shared.rows(pairs, self.method.targets(self.lm, pairs))[0]

    @cached_property
    def short_rows(self) -> list[TrainRow]:
        """The rows with RESPONSES tokens in their responses, and with id 0 as a real token.

        The zeros reveal a model that mistakes id 0 for padding.
        """
        return [
            replace(
                row,
                prompt=_with_zeros(row.prompt),
                views={
                    name: view if name in self.lm.lookups else _with_zeros(view)
                    for name, view in row.views.items()
                },
                response=(row.response[0], 0, *row.response[2:])[:tokens],
            )
            for row, tokens in zip(self.rows, RESPONSES, strict=True)
        ]

    @cached_property
    def single_logprobs(self) -> list[Tensor]:
        """The log-probs of each short row, computed alone."""
        return [logprobs(self.lm, [row])[0] for row in self.short_rows]

    def generate(
        self, prompts: Sequence[EncodedPrompt], temperature: float, plan: Plan | None = None
    ) -> dict[str, GeneratedTokens]:
        """Generate a text for each prompt, in one batch, as a run does; by example id.

        prompts: of the plan's examples.
        temperature: of the sampling; 0 is greedy.
        plan: replaces the shared plan; its model is built here.
        """
        lm = self.adapted(plan) if plan else self.lm
        drawn = copy(plan or self.shared)
        drawing = {"temperature": temperature, "top_p": 0.95}
        decode = drawn.settings.decode.model_copy(update=drawing)
        drawn.settings = drawn.settings.model_copy(update={"decode": decode})
        texts = Generator(drawn, lm).tokens(prompts, 0)
        for text in texts:
            if text.error:
                raise HarnessError(text.error)
        return {each.example.id: text for each, text in zip(prompts, texts, strict=True)}


@torch.no_grad()
def logprobs(lm: PersonalLM, rows: Sequence[TrainRow], side: Side = "right") -> list[Tensor]:
    """Log p of each row's response tokens, computed in one batch that is padded on one side."""
    padded = lm.logprobs(replace(to_batch(rows), side=side))
    return [each[: len(row.response)] for row, each in zip(rows, padded, strict=True)]


def _with_zeros(tokens: tuple[int, ...]) -> tuple[int, ...]:
    """The tokens with id 0 as the first, the middle and the last one."""
    middle = len(tokens) // 2
    return (0, *tokens[1:middle], 0, *tokens[middle + 1 : -1], 0) if len(tokens) > 3 else tokens
