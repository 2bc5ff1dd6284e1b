"""What a method is: one base class, with a default for everything that a run asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness.errors import UsageError
from harness.record import Json
from harness.settings import RunSettings, Section, validate
from harness.types import Example, Prompt, Sampling, Target, TrainingPair

if TYPE_CHECKING:
    from harness.data.prompt import PromptWriter
    from harness.engine.backbone import Backbones
    from harness.engine.lm import PersonalLM
    from harness.engine.train import TrainRow
    from harness.engine.visible_text import TextRules
    from harness.progress import Update


DONOR = "donor"
"""The view of a prompt whose thoughts take the place of the own ones, as a control."""


class NoOptions(Section):
    """A method without options of its own."""


class Method:
    """One way of writing like a user; made by `factory(settings)`, usually the class itself.

    Defaults: the shared prompt with profile, a plain causal LM, the reference as target. A method
    overrides what differs. `Options` is its own settings section (`--set method.x=…`).
    `workspace` is the run's folder for what the method keeps between calls (None: keep nothing);
    `track(name)` gives a progress bar for what it does at length before training;
    `report` is what the method counted, for the record; `target_flops` what `targets` cost where
    a model writes them (harness.engine.flops). `controls` says that `controlled` is there.
    """

    name: str = ""
    trains: bool = False
    controls: bool = False
    Options: ClassVar[type[Section]] = NoOptions

    def __init__(self, settings: RunSettings) -> None:
        if settings.eval.controls and not self.controls:
            raise UsageError(
                f"eval.controls = {', '.join(settings.eval.controls)}: method {self.name!r} has no"
                " thoughts to replace; ask it of --method flythinker, or leave eval.controls out"
            )
        self.settings = settings
        self.options = validate(self.Options, settings.method, f"options of {self.name}")
        self.workspace: Path | None = None
        self.track: Callable[[str], Update] = lambda name: lambda done, total, note: None
        self.report: dict[str, Json] = {}
        self.target_flops = 0

    @cached_property
    def writer(self) -> PromptWriter:
        """Writes the benchmark's prompt within the run's budgets, the same for every method."""
        from harness.data import PromptWriter, token_offsets
        from harness.engine.backbone import Backbones
        from harness.registry import find

        return PromptWriter(
            find("task", self.settings.task),
            self.settings.retrieval,
            self.settings.budget,
            token_offsets(Backbones(self.settings.model).tokenizer),
        )

    @cached_property
    def rules(self) -> TextRules:
        """Where the method's texts end, and what of them is visible."""
        from harness.engine.visible_text import rules_of

        return rules_of(self.settings, trained=self.trains)

    def prompt(self, example: Example) -> Prompt:
        """What the method reads for an example. No method sees a reference here."""
        return self.writer.write(example)

    def build(self, backbones: Backbones) -> PersonalLM:
        """The untrained model, from `backbones.main` and, when asked for, `backbones.reasoner`."""
        from harness.engine.lm import CausalLM

        return CausalLM(backbones.main)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """What training imitates, one target a pair, in order. Its time is training time."""
        return [Target(pair.example.id, pair.reference.text) for pair in train]

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        """Targets for the loss on val, by the untrained model; made like training's."""
        return self.targets(lm, val)

    def preface(
        self, lm: PersonalLM, prompts: Sequence[Sequence[int]], sampling: Sequence[Sampling]
    ) -> list[list[int]]:
        """Hidden tokens that the method writes before each text at test time; [] for none."""
        return [[] for _ in prompts]

    def longest_preface(self, training: bool) -> int:
        """The most tokens that `preface` writes, or a target's preface holds; 0 for none.

        A run adds them to prompt and text to see whether they fit the model's context.
        """
        return 0

    def epochs(self, lm: PersonalLM, rows: Sequence[TrainRow]) -> float:
        """Passes over the training rows: `train.epochs`, unless another cost is to be equal."""
        return self.settings.train.epochs

    def controlled(self, lm: PersonalLM, thoughts: str) -> PersonalLM:
        """The trained `lm` with other thoughts beside its text, for methods with `controls`.

        thoughts: "zero", "noise", or DONOR: those of the prompt view of that name.
        """
        raise NotImplementedError(f"method {self.name!r} has no thoughts to replace")

    def preface_report(self, prefaces: Sequence[Sequence[int]]) -> Mapping[str, Json]:
        """What the record says of the prefaces of all texts, a function of their tokens alone."""
        return {}


BaseMethod = Method
"""The same class under the name that plugins of 0.1 know."""


def made(factory: Callable[[RunSettings], Method], settings: RunSettings) -> Method:
    """`factory(settings)`. Raises UsageError where that is no `Method`."""
    found = factory(settings)
    if not isinstance(found, Method):
        kind = type(found)
        raise UsageError(
            f"method {getattr(found, 'name', kind.__name__)!r}: {kind.__module__}.{kind.__name__}"
            " is no harness.method.Method; expected a class that inherits it, which gives every"
            f" default: class {kind.__name__}(Method)"
        )
    return found
