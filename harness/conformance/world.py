"""One method in a tiny world: made, read and run through the same rooms as a real run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from harness.conformance.tiny import write_backbone, write_data
from harness.engine.batch import Batch, Side
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.engine.train import TrainRow
from harness.method import Method
from harness.plan import Plan, Reading
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
"""Longest response of the rows that checks step through."""
NEW_TOKENS = 12


@dataclass(frozen=True)
class Text:
    """What a method wrote for one example, in tokens."""

    preface: tuple[int, ...]
    ids: tuple[int, ...]


class World:
    """`factory` makes the method; `folder` takes the backbone and the data.

    What checks share is made once: `method`, `lm` (untrained, in eval mode) and `rows`.
    """

    def __init__(
        self, factory: Any, folder: Path, options: Mapping[str, Any] | None = None
    ) -> None:
        self.factory, self.folder, self.options = factory, folder, dict(options or {})
        write_backbone(folder / "backbone")
        write_data(folder / "data")
        write_data(folder / "garbage", garbage_references=True)

    def settings(self, data: str = "data") -> RunSettings:
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
        """A new plan, with a new method in it."""
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
        """The plan's untrained model; what it draws at random is the same every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return plan.method.build(plan.backbones).eval()

    @cached_property
    def rows(self) -> list[TrainRow]:
        """Training rows as in a run."""
        self.lm  # noqa: B018  (a method may need what build() keeps)
        pairs = self.shared.splits["test"].pairs()
        return self.shared.rows(pairs, self.method.targets(self.lm, pairs))[0]

    @cached_property
    def short_rows(self) -> list[TrainRow]:
        """The rows with responses of 1 to RESPONSE tokens, and id 0 among the real tokens.

        A model that takes id 0 for padding shows here.
        """
        return [
            replace(
                row,
                prompt=_with_zeros(row.prompt),
                views={name: _with_zeros(view) for name, view in row.views.items()},
                response=(row.response[0], 0, *row.response[2:])[: 1 + (4 * at) % RESPONSE],
            )
            for at, row in enumerate(self.rows)
        ]

    def write(
        self,
        plan: Plan,
        lm: PersonalLM,
        readings: Sequence[Reading],
        temperature: float = 0.8,
    ) -> dict[str, Text]:
        """What the method writes for one batch of readings, by example id, as a run does it."""
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
    """The rows padded on one side, with their views."""
    return Batch.from_rows(
        [row.prompt for row in rows],
        [row.response for row in rows],
        0,
        side=side,
        views=views_of(rows),
    )


def views_of(rows: Sequence[TrainRow]) -> dict[str, list[tuple[int, ...]]]:
    return {name: [row.views[name] for row in rows] for name in rows[0].views}


def _with_zeros(tokens: tuple[int, ...]) -> tuple[int, ...]:
    """Id 0 as first token, in the middle and as last token."""
    middle = len(tokens) // 2
    return (0, *tokens[1:middle], 0, *tokens[middle + 1 : -1], 0) if len(tokens) > 3 else tokens
