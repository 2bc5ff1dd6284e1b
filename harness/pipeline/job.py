"""A run at work: its plan, its devices, its messages, and its model before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from harness.engine.adapter_folders import ORIGIN
from harness.engine.adapters import ready_to_generate, store_base
from harness.engine.backbone import Backbones, describe, weights_fingerprint
from harness.engine.clock import Phases
from harness.engine.devices import devices, place
from harness.engine.four_bits import numbers
from harness.engine.lean_models import choose_step
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.number_types import NumberTypes, number_types
from harness.engine.token_bound import set_bound
from harness.engine.weight_files import WEIGHTS, load_weights
from harness.errors import DivergedError
from harness.inputs import provenance
from harness.interruption import StoppedTogether
from harness.pipeline.evaluate.kept_values import KeptValues
from harness.pipeline.plan import Plan
from harness.pipeline.team import Team
from harness.pipeline.trackers import Trackers
from harness.progress import Bars
from harness.record import DeviceInfo, ModelInfo, Record, record_there
from harness.settings import ModelSettings
from harness.types import Prediction

T = TypeVar("T")
Part = TypeVar("Part")
MAIN = "main"
"""Name of the method's model among those of a team."""
PHASES = "phases.json"
"""Seconds that an unfinished run has spent so far, by phase."""
SERVER = DeviceInfo(device="api", dtype="unknown", threads=0)
"""The machine of a model behind an API."""


@dataclass(frozen=True)
class Hardware:
    """Devices (the generator's first) and number types.

    dtype: of activations in training and likelihoods. generation: of the weights that generate.
    processes: how many there are, each with devices of its own.
    """

    devices: list[torch.device]
    dtype: torch.dtype
    generation: torch.dtype
    processes: int = 1

    @property
    def types(self) -> NumberTypes:
        return NumberTypes(self.dtype, self.generation)

    def machine(self) -> DeviceInfo:
        """The machine, which wall times depend on."""
        found = provenance.machine(",".join(map(str, self.devices)), *self.types.names)
        return replace(found, processes=self.processes)


@dataclass(frozen=True)
class Job:
    """A plan that is carried out; `bars` takes progress and messages, `trackers` its numbers.

    team: the processes that do it, and what this one keeps for them.
    """

    plan: Plan
    bars: Bars
    trackers: Trackers = field(default_factory=Trackers)
    team: Team = field(default_factory=Team)

    def everywhere(self, work: Callable[..., T], *args: Any, **here: Any) -> T:
        """What `work(job, *args)` returns here; every process of the run does it with its own job.

        work: a function of a module, of `together` or one like them.
        args: what it gets everywhere. here: what it gets in this process alone.
        """
        self.team.ask(work, args)
        try:
            found = work(self, *args, **here)
        except (DivergedError, StoppedTogether):  # in every process
            self.team.done()
            raise
        self.team.done()
        return found

    def rounds(
        self,
        work: Callable[[Job, PersonalLM, Part], T],
        parts: Sequence[Part],
        name: str,
        lm: PersonalLM,
    ) -> Iterator[list[T]]:
        """What `work(job, lm, part)` returns for each part, in order: a round of parts at a time,
        one in each process.

        work: a function of a module.
        parts: of the work.
        name: of the model in the other processes. lm: the model here.
        """
        count = self.team.ranks.count
        for start in range(0, len(parts), count):
            yield self.everywhere(_round, work, parts[start : start + count], name, lm=lm)

    @cached_property
    def hardware(self) -> Hardware:
        """Where the model goes. A run that began keeps the number types of its record."""
        ranks = self.team.ranks
        where = devices(self.plan.settings.model, ranks)
        types = (
            self.team.types
            or self._recorded_types(where[0])
            or number_types(self.plan.settings, where[0], self.bars.say)
        )
        return Hardware(where, types.training, types.generation, ranks.count)

    def _recorded_types(self, device: torch.device) -> NumberTypes | None:
        """Those of the run's record; None where it has none, or was made on another device."""
        record = record_there(self.plan.folder, lambda message: None)
        if self.plan.settings.model.dtype != "auto" or record is None:
            return None
        made_on = record.device
        if torch.device(made_on.device.partition(",")[0]).type != device.type:
            return None
        training, generation = (
            {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
            for name in (made_on.dtype, made_on.generation_dtype or made_on.dtype)
        )
        return NumberTypes(training, generation)

    @property
    def machine(self) -> DeviceInfo:
        """The machine for the record; of a model behind an API nothing is known."""
        return SERVER if self.plan.settings.model.api else self.hardware.machine()

    def build(self) -> tuple[PersonalLM, ModelInfo]:
        """The method's model before training, and what the record says of its backbones."""
        self.share_number_type()
        torch.manual_seed(self.plan.settings.seed)  # for what a method adds to its backbones
        backbones = WatchedBackbones(self.plan.settings.model)
        lm = self.plan.build(backbones)
        choose_step([model for _, model in causal_lms(lm)], self.plan.settings.decode.step)
        parameters = numbers(lm)
        info = replace(backbones.info, text=self.plan.about_text, method_parameters=parameters)
        return lm, info

    def share_number_type(self) -> None:
        """Give the method the run's number type, for what it generates or trains by itself.

        Before any prompt is made and in every process, also a resumed one: `number_type` and what a
        method keeps under it then agree.
        """
        method, model = self.plan.method, self.plan.method.settings.model
        if self.hardware.dtype is torch.bfloat16 and model.dtype == "auto":
            same = model.model_copy(update={"dtype": "bfloat16"})
            method.settings = method.settings.model_copy(update={"model": same})

    def ready_to_train(self, lm: PersonalLM) -> None:
        """Put a model on its devices; frozen weights below adapters get the number type of
        activations, where all others stay in float32."""
        place(lm, self.hardware.devices)
        store_base(lm, self.hardware.dtype)

    def load_trained(self, lm: PersonalLM, record: Record, folder: Path) -> bool:
        """Load the weights of a finished run, adapted to its users and ready for generation.

        Returns whether they are the record's.

        lm: the run's model, untrained.
        record, folder: of the run; the folder is the method's workspace.
        """
        if self.plan.method.trains:
            load_weights(lm, folder / WEIGHTS)
        self.settle(lm)
        self.plan.method.adapt(lm, self.plan.test.examples)  # the record's model is the adapted one
        if record.inference and record.inference.tokens_at_once is not None:
            self.plan.tokens_at_once = record.inference.tokens_at_once
            set_bound(self.plan.tokens_at_once)
        return record.backbone.weights in (None, weights_fingerprint(lm))

    def settle(self, lm: PersonalLM) -> None:
        """Put a model on its devices, in the number type that generates.

        In float32 adapters become a part of the weights; in bfloat16 that would round them away.
        """
        place(lm, self.hardware.devices)
        ready_to_generate(lm, self.hardware.dtype, self.hardware.generation)


def _round(
    job: Job,
    work: Callable[[Job, PersonalLM, Part], T],
    parts: Sequence[Part],
    name: str,
    *,
    lm: PersonalLM | None = None,
) -> list[T]:
    """This process's part of a round; in the first process all of them, in order."""
    ranks = job.team.ranks
    model = job.team.models[name] if lm is None else lm
    own = [work(job, model, part) for part in parts[ranks.index :][:1]]
    return [made for of_one in ranks.gather(own) for made in of_one]


@dataclass(frozen=True)
class Trained:
    """What the views of a run evaluate: its model after training, and its texts.

    kept: what an interrupted evaluation had computed.
    variant: what was changed in the model, e.g. its thoughts.
    """

    job: Job
    lm: PersonalLM
    predictions: Sequence[Prediction] = ()
    kept: KeptValues = field(default_factory=KeptValues)
    variant: str = MAIN

    @property
    def plan(self) -> Plan:
        return self.job.plan

    @property
    def first(self) -> dict[str, Prediction]:
        """id → the text of the first sample."""
        return {text.id: text for text in self.predictions if text.sample == 0}

    def divided(
        self, work: Callable[[Job, PersonalLM, Part], T], parts: Sequence[Part]
    ) -> Iterator[T]:
        """What `work(job, lm, part)` returns for each part, in order; see `Job.rounds`."""
        for made in self.job.rounds(work, parts, self.variant, self.lm):
            yield from made


@dataclass(frozen=True)
class Generated:
    """A run's texts, its record with what they cost, and what evaluates them.

    texts: of the test split.
    record: without their scores.
    evaluate: adds the views to a record.
    evaluate_model: adds those that need the model alone.
    """

    texts: list[Prediction]
    record: Record
    evaluate: Callable[[Record, Phases], Record]
    evaluate_model: Callable[[Record, Phases], Record] | None = None


class WatchedBackbones(Backbones):
    """Backbones that note which of them a method uses, for the record."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.info = ModelInfo()

    @property
    def main(self) -> nn.Module:
        model = super().main
        described = describe(self.settings.backbone, model)
        setattr(model, ORIGIN, described)
        self.info = ModelInfo(**vars(described), reasoner=self.info.reasoner)
        return model

    @property
    def reasoner(self) -> nn.Module:
        model = super().reasoner
        described = describe(self.reasoner_name, model)
        setattr(model, ORIGIN, described)
        self.info = replace(self.info, reasoner=described)
        return model
