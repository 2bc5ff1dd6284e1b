"""A planted method: its thoughts carry the user, because nothing else can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor, nn

from harness.data import PromptWriter
from harness.engine.backbone import Backbones
from harness.engine.batch import Batch, Rows, Views, pad
from harness.engine.lm import (
    PersonalLM,
    embed,
    encode,
    gather_columns,
    head,
    joined,
    token_logprobs,
)
from harness.engine.passes import State, extend, start
from harness.method import DONOR, Method
from harness.registry import find
from harness.settings import BudgetSettings
from harness.types import Example, Prompt

BARE = "no_profile"
ITS_PROFILE = BudgetSettings().profile
"""Tokens of the profile that the reasoner reads, whatever the run's own budget is."""


@dataclass
class CarrierState:
    """The states of generator and reasoner."""

    generator: State
    reasoner: State


class CarrierLM(PersonalLM):
    """A generator that never reads the profile; each thought is a hidden state of a reasoner that
    does, and the next token is predicted from the mean of both models' last hidden states.

    view: the prompt that the reasoner reads: "main", or another user's. None: no thoughts.
    """

    def __init__(self, generator: nn.Module, reasoner: nn.Module, view: str | None = "main"):
        super().__init__()
        self.generator, self.reasoner, self.view = generator, reasoner, view

    def logprobs(self, batch: Batch) -> Tensor:
        hidden = self._states(self.generator, batch.view(BARE))
        if self.view is not None:
            read = batch if self.view == "main" else batch.view(self.view)
            hidden = (hidden + self._states(self.reasoner, read)) / 2
        return token_logprobs(self.generator, hidden, batch)

    def _states(self, model: nn.Module, batch: Batch) -> Tensor:
        seq = batch.sequences()
        return gather_columns(encode(model, embed(model, seq.tokens), seq.real), seq.before)

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, CarrierState]:
        views = {"main": prompts, **(views or {})}
        hidden, states = [], []
        for model, view in ((self.generator, BARE), (self.reasoner, self.view or "main")):
            tokens, real = pad(joined(views[view], prefixes), "left")
            found, state = start(model, embed(model, tokens), real)
            hidden.append(found[:, -1])
            states.append(state)
        return self._logits(*hidden), CarrierState(*states)

    def step(self, tokens: Tensor, state: CarrierState) -> tuple[Tensor, CarrierState]:
        column = tokens[:, None]
        own = extend(self.generator, embed(self.generator, column), state.generator)
        thought = extend(self.reasoner, embed(self.reasoner, column), state.reasoner)
        return self._logits(own[:, -1], thought[:, -1]), state

    def _logits(self, own: Tensor, thought: Tensor) -> Tensor:
        return head(self.generator, own if self.view is None else (own + thought) / 2)


class Carrier(Method):
    """The run's profile budget limits the other methods; the reasoner reads a whole profile."""

    name = "planted-carrier"
    trains = True
    controls = True
    has_reasoner = True

    @cached_property
    def whole(self) -> PromptWriter:
        """Writes the prompt that the reasoner reads."""
        budget = self.settings.budget.model_copy(update={"profile": ITS_PROFILE})
        offsets = Backbones(self.settings.model).offsets
        return PromptWriter(
            find("task", self.settings.task), self.settings.retrieval, budget, offsets
        )

    def prompt(self, example: Example) -> Prompt:
        full = self.whole.write(example)
        bare = self.whole.write(example, profile=False)
        return replace(full, views={**full.views, BARE: bare.views["main"]})

    def build(self, backbones: Backbones) -> CarrierLM:
        return CarrierLM(backbones.main, backbones.reasoner)

    def controlled(self, lm: PersonalLM, thoughts: str) -> CarrierLM:
        assert isinstance(lm, CarrierLM)
        return CarrierLM(lm.generator, lm.reasoner, {"zero": None, DONOR: DONOR}[thoughts])
