"""A tiny world for one method: its inputs, plan, model and rows, made as in a real run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from harness.conformance.tiny_inputs import write_backbone, write_data
from harness.engine.batch import Batch, Side
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.engine.train import TrainRow
from harness.method import Method
from harness.run.plan import EncodedPrompt, Plan
from harness.settings import (
    BudgetSettings,
    DataSettings,
    DecodeSettings,
    ModelSettings,
    RunSettings,
    TrainSettings,
)
from harness.types import Sampling

RESPONSE = 9
"""Most response tokens in a row that checks feed step by step."""
NEW_TOKENS = 12


@dataclass(frozen=True)
class Text:
    """The token ids that a method generated for one example."""

    preface: tuple[int, ...]
    ids: tuple[int, ...]


class World:
    """Everything that checks of one method share, made once.

    `factory` makes the method; the backbone and the data are saved in `folder`. `lm` is untrained
    and in eval mode.
    """

    def __init__(
        self, factory: Any, folder: Path, options: Mapping[str, Any] | None = None
    ) -> None:
        self.factory, self.folder, self.options = factory, folder, dict(options or {})
        write_backbone(folder / "backbone")
        write_data(folder / "data")
        write_data(folder / "garbage", garbage_references=True)

    def settings(self, data: str = "data") -> RunSettings:
        """The settings of a small run on the data in subfolder `data`."""
        return RunSettings(
            preset="conformance",
            data=DataSettings(source=str(self.folder / data)),
            budget=BudgetSettings(profile=64, input=24, target=24),
            model=ModelSettings(backbone=str(self.folder / "backbone"), device="cpu"),
            train=TrainSettings(batch_size=3, weight_decay=0.0, epochs=4),
            decode=DecodeSettings(max_new_tokens=NEW_TOKENS, batch_size=3),
            method=self.options,
        )

    def plan(self, data: str = "data") -> Plan:
        """A new plan with a new method."""
        return Plan(self.settings(data), "", self.folder / "results", self.factory)

    @cached_property
    def shared(self) -> Plan:
        return self.plan()

    @property
    def method(self) -> Method:
        return self.shared.method

    @cached_property
    def lm(self) -> PersonalLM:
        return self.build(self.shared)

    def build(self, plan: Plan) -> PersonalLM:
        """The plan's untrained model; its random weights are the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return plan.method.build(plan.backbones).eval()

    @cached_property
    def rows(self) -> list[TrainRow]:
        """Training rows, as a run makes them."""
        self.lm  # noqa: B018  (a method may need what build() keeps)
        pairs = self.shared.splits["test"].pairs()
        return self.shared.rows(pairs, self.method.targets(self.lm, pairs))[0]

    @cached_property
    def short_rows(self) -> list[TrainRow]:
        """The rows with responses of 1 to RESPONSE tokens, and with id 0 as a real token.

        The zeros reveal a model that mistakes id 0 for padding.
        """
        return [
            replace(
                row,
                prompt=_with_zeros(row.prompt),
                views={name: _with_zeros(view) for name, view in row.views.items()},
                response=(row.response[0], 0, *row.response[2:])[: 1 + (4 * index) % RESPONSE],
            )
            for index, row in enumerate(self.rows)
        ]

    def generate(
        self,
        plan: Plan,
        lm: PersonalLM,
        readings: Sequence[EncodedPrompt],
        temperature: float = 0.8,
    ) -> dict[str, Text]:
        """Generate a text for each reading, in one batch, as a run does; by example id.

        plan: of the method.
        lm: the model to generate with.
        readings: the examples with their prompts in tokens.
        temperature: of the sampling; 0 is greedy.
        """
        seeds = [sum(map(ord, reading.example.id)) for reading in readings]
        prompts = [list(reading.prompt) for reading in readings]
        sampling = [Sampling(temperature, 0.95, seed) for seed in seeds]
        prefaces = plan.method.preface(lm, prompts, sampling)
        texts = generate(
            lm,
            [prompt + list(preface) for prompt, preface in zip(prompts, prefaces, strict=True)],
            max_new_tokens=NEW_TOKENS,
            temperature=temperature,
            top_p=0.95,
            **plan.rules.stopping,
            seeds=seeds,
            views={
                name: [reading.views[name] for reading in readings] for name in readings[0].views
            },
        )
        return {
            reading.example.id: Text(tuple(preface), tuple(ids))
            for reading, preface, ids in zip(readings, prefaces, texts, strict=True)
        }


def to_batch(rows: Sequence[TrainRow], side: Side = "right") -> Batch:
    """A batch of the rows and their views, padded on one side."""
    return Batch.from_rows(
        [row.prompt for row in rows],
        [row.response for row in rows],
        0,
        side=side,
        views=views_of(rows),
    )


def views_of(rows: Sequence[TrainRow]) -> dict[str, list[tuple[int, ...]]]:
    """View name → the tokens of each row."""
    return {name: [row.views[name] for row in rows] for name in rows[0].views}


def _with_zeros(tokens: tuple[int, ...]) -> tuple[int, ...]:
    """The tokens with id 0 as the first, the middle and the last one."""
    middle = len(tokens) // 2
    return (0, *tokens[1:middle], 0, *tokens[middle + 1 : -1], 0) if len(tokens) > 3 else tokens
