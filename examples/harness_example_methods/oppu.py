"""OPPU: one small adapter for each user, trained on the user's own history (arXiv 2402.04401).

The paper: a base model is first adapted to the task on users other than the test users, and that
adapter is merged into it. Then every test user gets an adapter (LoRA) of their own, trained on
their history: each past text is a target after the input that it answers. The user's adapter alone
holds what is personal; retrieval into the prompt can be added (`method.read_profile=true`).

Numbers of the published code (repository TamSiuhin/OPPU at d2128d7): rank 8, alpha 8, dropout
0.05, `q_proj` and `v_proj`, 2 passes, rate 1e-4 with 10 % warm-up and linear decay, batch 16,
weight decay 0.01, clipping at 0.3. There the list of training texts is not emptied between users,
so a later user's adapter also reads earlier users' histories; here it reads its own, as the paper
says.

Our choices: the task stage is the run's training, on prompts without profiles; as in the paper it
trains an adapter with `--set model.adapter=lora`, by default it trains the backbone, like sft. The
input of a past text is the task's `request`. An adapter belongs to a profile, so an example with
another user's profile is written with that user's adapter, and one without profile by the task
model. Val has no adapters: its loss is the task model's.

Costs: adapters of test users are trained after the task stage, before the first text. Their seconds
and FLOPs are in the record's `user_work_*`, not in the training. They lie in the run's folder, one
file for each user, so an interrupted run goes on at the next user. They see profiles alone: no
reference of the test split is given to `adapt`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Batch, Rows, Views
from harness.engine.flops import NoEstimateError, forward_flops
from harness.engine.lean_models import choose_step
from harness.engine.lm import CausalLM, PersonalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.text import encode_prompt, encode_response
from harness.engine.train import to_batch
from harness.errors import DataError, UsageError
from harness.method import Method
from harness.record.digest import json_sha256
from harness.settings import Section
from harness.types import Example, Prompt, UserWork
from harness_example_methods.low_rank import Adapter, Change, LowRankLinear, insert, layers_called
from harness_example_methods.user_adapters import KeptAdapters, Recipe, UserFit, fit

HISTORY = "history"
"""The view that names a profile. The model looks it up; it is not read."""


class OppuOptions(Section):
    rank: int = Field(8, ge=1)
    """Rank of a user's adapter."""
    alpha: float = Field(8.0, gt=0)
    """An adapter's change is scaled by alpha / rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout before an adapter, in its training."""
    layers: tuple[str, ...] = ("q_proj", "v_proj")
    """Names of the linear layers that a user's adapter changes."""
    user_epochs: float = Field(2.0, gt=0)
    """Passes over a user's history."""
    user_lr: float = Field(1e-4, gt=0)
    """Peak learning rate of a user's adapter. The published number is for models of 7 B."""
    user_batch: int = Field(16, ge=1)
    """Past texts in a step."""
    read_profile: bool = False
    """Whether retrieved entries also stand in the prompt, as in the paper's OPPU with retrieval."""


@dataclass
class UserState:
    """A state of the model, and the changes of its rows in each layer; None: none has any."""

    changes: list[Change] | None
    state: Any


class OppuLM(CausalLM):
    """A causal LM in which each row is written with the adapter of the profile that it names.

    A row with an unknown profile, or without one, is written by the task model.
    """

    lookups = frozenset({HISTORY})

    def __init__(self, model: nn.Module, options: OppuOptions | None = None) -> None:
        super().__init__(model)
        self.options = options or OppuOptions()
        layers_called(model, self.options.layers)  # refused before the task stage
        self.users: dict[tuple[int, ...], int] = {}
        self._stacks: list[Change] = []
        self._layers: list[LowRankLinear] = []

    def open_layers(self) -> list[LowRankLinear]:
        """The layers that adapters change, made on the first call; the model's weights freeze.

        From then on it decodes through transformers: the lean step knows no adapters.
        """
        if not self._layers:
            options = self.options
            self._layers = insert(
                self.model, options.layers, options.alpha / options.rank, options.dropout
            )
            self.requires_grad_(False)
            choose_step([self.model], "transformers")
        return self._layers

    def keep_users(self, adapters: Mapping[tuple[int, ...], Adapter]) -> None:
        """Remember each user's adapter by the row of the view that names the profile."""
        self.users = {row: number for number, row in enumerate(adapters, 1)}
        every = [each.changes for each in adapters.values()]
        self._stacks = []
        for changes in zip(*every, strict=True):
            down, up = (
                torch.cat([torch.zeros_like(parts[0]), *parts]).detach()  # number 0: no adapter
                for parts in zip(*changes, strict=True)
            )
            self._stacks.append((down, up))

    @contextmanager
    def changed(self, changes: Sequence[Change] | None) -> Iterator[None]:
        """Passes within have these changes, one for each layer."""
        given: Sequence[Change | None] = changes or [None] * len(self._layers)
        for layer, change in zip(self._layers, given, strict=True):
            layer.change = change
        try:
            yield
        finally:
            for layer in self._layers:
                layer.change = None

    def changes_of(self, views: Views | None) -> list[Change] | None:
        """The changes of the rows that `views` names; None if no row has an adapter."""
        numbers = self.numbers_of(views)
        if not bool(numbers.any()):
            return None
        return [(down[numbers], up[numbers]) for down, up in self._stacks]

    def numbers_of(self, views: Views | None) -> Tensor:
        """The number [B] of each row's adapter, 0 for none. Raises ValueError without the view."""
        if not views or HISTORY not in views:
            raise ValueError(f"oppu got views {sorted(views or ())}; expected {HISTORY}")
        numbers = [self.users.get(tuple(row), 0) for row in views[HISTORY]]
        return torch.tensor(numbers, device=self.device)

    def logprobs(self, batch: Batch) -> Tensor:
        with self.changed(self.changes_of(batch.views)):
            return super().logprobs(batch)

    def prefill(  # type: ignore[override]  # its state holds the rows' adapters as well
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, UserState]:
        changes = self.changes_of(views)
        with self.changed(changes):
            logits, state = super().prefill(prompts, prefixes)
        return logits, UserState(changes, state)

    def step(self, tokens: Tensor, state: UserState) -> tuple[Tensor, UserState]:  # type: ignore[override]
        with self.changed(state.changes):
            logits, state.state = super().step(tokens, state.state)
        return logits, state


class Oppu(Method):
    """A task model, then an adapter for each test user, trained on the profile."""

    name = "oppu"
    trains = True
    Options: ClassVar[type[Section]] = OppuOptions
    options: OppuOptions
    Model: ClassVar[type[OppuLM]] = OppuLM

    def prompt(self, example: Example) -> Prompt:
        """The input, with the profile if asked for, and the name of the profile as a view."""
        shared = self.writer.write(example, profile=self.options.read_profile)
        views = {**shared.views, HISTORY: key_of(example)}
        return Prompt(example.id, views, shared.cut, shared.tied)

    def build(self, backbones: Backbones) -> OppuLM:
        """The task model. Raises UsageError for a task or a backbone without what adapters need."""
        self._request()
        return self.Model(backbones.main, self.options)

    def adapt(self, lm: PersonalLM, examples: Sequence[Example]) -> None:
        """Train an adapter for each profile of the examples, or load those that are there."""
        assert isinstance(lm, OppuLM)
        profiles = {key_of(each): each for each in examples if each.profile}
        if not profiles:
            return
        kept = KeptAdapters.of(self, lm)
        layers = lm.open_layers()
        update = self.track("users")
        adapters: dict[tuple[int, ...], Adapter] = {}
        for done, (key, example) in enumerate(profiles.items(), 1):
            adapter = Adapter(layers, self.options.rank, kept.seed(key))
            train = partial(self.train_user, lm, adapter, example)
            self.fits[key] = kept.loaded_or(key, adapter, train)
            row = tuple(encode_prompt(self.rules.tokenizer, key))
            if row in adapters:
                raise DataError(
                    f"profiles {key} and another have the same tokens; expected a tokenizer that"
                    " encodes hex digits"
                )
            adapters[row] = adapter
            update(done, len(profiles), "")
        lm.keep_users(adapters)
        lm.eval()

    def train_user(self, lm: OppuLM, adapter: Adapter, example: Example, seed: int) -> UserFit:
        """Train one adapter on one user's history, in place."""

        task_lm, options, rows = CausalLM(lm.model), self.options, self.history(example)

        def loss(chosen: Sequence[TrainRow]) -> Tensor:
            with lm.changed(adapter.changes):
                return task_lm.loss(to_batch(chosen))

        recipe = Recipe(options.user_lr, options.user_epochs, options.user_batch)
        found = fit(lm, adapter, rows, loss, recipe, seed, self.settings)
        return replace(found, flops=flops_of(task_lm, rows, options.user_epochs))

    def history(self, example: Example) -> list[TrainRow]:
        """The user's past texts: the prompt of each and the text, in tokens.

        With `read_profile`, a prompt has the entries before it: never its own text.
        """
        task, tokenizer, request = self.writer.task, self.rules.tokenizer, self._request()
        end, most, rows = self.rules.ends.trained, self.settings.budget.target, []
        for index, entry in enumerate(example.profile):
            past = Example(
                example.id,
                example.user_id,
                example.task,
                request.format_map(entry),
                example.profile[:index],
            )
            ids = encode_response(tokenizer, entry[task.body]).ids
            text = (*ids, *end) if len(ids) + len(end) <= most else ids[:most]
            if ids:
                prompt = encode_prompt(tokenizer, self.prompt(past).views["main"])
                rows.append(TrainRow(f"{example.id} {index}", tuple(prompt), text))
        return rows

    def _request(self) -> str:
        """The template of an entry's input. Raises UsageError for a task without one."""
        task = self.writer.task
        if task.request is None:
            raise UsageError(
                f"task {task.name!r} has no `request`; expected a template of an entry's input, for"
                f" {self.name} trains on profiles"
            )
        return task.request

    @cached_property
    def fits(self) -> dict[str, UserFit]:
        """What each adapter cost, by key of its profile."""
        return {}

    def user_work(self, examples: Sequence[Example]) -> UserWork:
        """What the adapters of these examples' users cost."""
        keys = dict.fromkeys(map(key_of, examples))
        return sum((self.fits[key].work for key in keys if key in self.fits), UserWork())


def key_of(example: Example) -> str:
    """Twelve hex digits for the content of the example's profile."""
    return json_sha256([dict(entry) for entry in example.profile])[:12]


def flops_of(lm: CausalLM, rows: Sequence[TrainRow], epochs: float) -> int | None:
    """Estimated FLOPs of training an adapter: forward, and as much back through frozen weights."""
    try:
        return round(2 * epochs * forward_flops(lm, rows))
    except NoEstimateError:
        return None
