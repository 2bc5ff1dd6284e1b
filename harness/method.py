"""What a method is: a base class with a default for everything that a run needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import DataError, UsageError
from harness.plugins import Expected, check_returns
from harness.record import Json
from harness.settings import RunSettings, Section, validate
from harness.types import Example, Prompt, Sampling, Target, TrainingPair, UserWork

if TYPE_CHECKING:
    from harness.data.prompt import PromptWriter
    from harness.engine.backbone import Backbones
    from harness.engine.lm import PersonalLM
    from harness.engine.micro_batches import TrainRow
    from harness.engine.visible_text import TextRules
    from harness.progress import Update


Rounds = Callable[[Callable[..., Any], "PersonalLM", Sequence[Any]], Iterator[list[Any]]]
DONOR = "donor"
"""The view of a prompt that provides the thoughts in thought replacement."""


class NoOptions(Section):
    """Options of a method that has none."""


class Method:
    """A way of writing like a user, created by `factory(settings)`, usually the class itself.

    Defaults: the shared prompt with profile, a plain causal LM, the reference as target. A method
    overrides what differs.

    name: under which it is registered.
    trains: whether it is trained.
    controls: whether it has thoughts to replace, by `controlled`.
    has_reasoner: whether `build` takes `backbones.reasoner`, so that `model.reasoner` can vary.
    Options: its settings section (`--set method.x=…`).
    workspace: the run's folder, for what the method stores between calls; None: store nothing.
        While an old run is in that folder it is another one, which then takes its place. It
        outlives edits of the code, so a file's name covers all that its content depends on, the
        source too (harness.inputs.provenance.method_sha256).
    track: `track(name)` is a progress bar for long work before training.
    rounds: in a run of several processes, divides work of the untrained model among them:
        `rounds(work, lm, parts)` yields lists of what `work(method, lm, part)` returns for each
        part, in order. work: a function of a module. None in a run of one process.
    rows_of: in a training, `rows_of(other)` gives the rows that another method has on its data:
        that method's prompts, with the references as targets.
    report: counts for the record.
    target_flops: FLOPs of `targets`, if a model generates them (harness.engine.flops).
    """

    name: str = ""
    trains: bool = False
    controls: bool = False
    has_reasoner: bool = False
    Options: ClassVar[type[Section]] = NoOptions

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__dict__.get("Options", NoOptions)
        if not (isinstance(own, type) and issubclass(own, Section)):
            raise UsageError(
                f"{cls.__qualname__}.Options is {own!r:.60}; expected a class that derives from"
                " harness.settings.Section"
            )
        check_returns(cls, RETURNS)

    def __init__(self, settings: RunSettings) -> None:
        if settings.eval.controls and not self.controls:
            raise UsageError(
                f"eval.controls = {', '.join(settings.eval.controls)}: method {self.name!r} has no"
                " thoughts to replace; use it with --method flythinker, or leave eval.controls out"
            )
        self.settings = settings
        self.options = validate(self.Options, settings.method, f"options of {self.name}")
        self.workspace: Path | None = None
        self.track: Callable[[str], Update] = lambda name: lambda done, total, note: None
        self.rounds: Rounds | None = None
        self.rows_of: Callable[[Method], Sequence[TrainRow]] | None = None
        self.report: dict[str, Json] = {}
        self.target_flops = 0

    @cached_property
    def writer(self) -> PromptWriter:
        """Makes the benchmark's prompt within the budgets, the same for every method."""
        from harness.data import PromptWriter
        from harness.engine.backbone import Backbones
        from harness.registry import find

        return PromptWriter(
            find("task", self.settings.task),
            self.settings.retrieval,
            self.settings.budget,
            Backbones(self.settings.model).offsets,
        )

    @cached_property
    def rules(self) -> TextRules:
        """Rules for where texts end and which parts are visible."""
        from harness.engine.visible_text import rules_of

        return rules_of(self.settings, trained=self.trains)

    def prepare(self, examples: Sequence[Example]) -> None:
        """Called before the prompts of these examples are made, in a run with a workspace.

        For what a prompt needs that a model generates, e.g. a summary of the user: here it can be
        generated in batches, and kept in the workspace. A prompt must not depend on the other
        examples: a run with `--limit` has fewer.
        """

    def prompt(self, example: Example) -> Prompt:
        """The prompt for an example. No method sees a reference here."""
        return self.writer.write(example)

    def build(self, backbones: Backbones) -> PersonalLM:
        """The model before training, from `backbones.main` and, if used, `backbones.reasoner`."""
        from harness.engine.lm import CausalLM

        return CausalLM(backbones.main)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """What training imitates: a target for each pair, in order. Counts as training time."""
        return reference_targets(train)

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        """Targets for the loss on val, made before training like those of `targets`."""
        return self.targets(lm, val)

    def adapt(self, lm: PersonalLM, examples: Sequence[Example]) -> None:
        """Called with the trained model and the test examples, before the first text.

        For what is trained once for each test user, on the profile alone, e.g. an adapter; the
        other users must not change it. What is kept in the workspace need not be trained again in a
        resumed run, nor where a finished run's model is loaded again: with the same examples it
        must become the same model.
        """

    def user_work(self, examples: Sequence[Example]) -> UserWork:
        """What `prepare` and `adapt` spent on the users of these examples, for the record."""
        return UserWork()

    def preface(
        self, lm: PersonalLM, prompts: Sequence[Sequence[int]], sampling: Sequence[Sampling]
    ) -> list[list[int]]:
        """Hidden tokens that the method generates before each test text; [] for none."""
        return [[] for _ in prompts]

    def longest_preface(self, training: bool) -> int:
        """Maximum length of a preface in generation, or in training targets; 0 for none.

        A run checks that prompt, preface and text fit the model's context, and refuses a longer
        preface.
        """
        return 0

    def epochs(self, lm: PersonalLM, rows: Sequence[TrainRow]) -> float:
        """Passes over the training rows: `train.epochs`, unless a method matches another's cost."""
        return self.settings.train.epochs

    @property
    def own_passes(self) -> bool:
        """Whether `epochs` may differ from `train.epochs`, so that only a run's rows tell it."""
        return type(self).epochs is not Method.epochs

    def controlled(self, lm: PersonalLM, thoughts: str) -> PersonalLM:
        """The trained `lm` with its thoughts replaced, for methods with `controls`.

        thoughts: "zero", "noise", or DONOR for those of the prompt view with that name.
        """
        raise NotImplementedError(f"method {self.name!r} has no thoughts to replace")

    def preface_report(self, prefaces: Sequence[Sequence[int]]) -> Mapping[str, Json]:
        """The record's entry on the prefaces of all texts, computed from their tokens alone."""
        return {}


def _no_prompt(found: object, example: Example) -> str | None:
    views: object = getattr(found, "views", None) if isinstance(found, Prompt) else None
    if isinstance(views, Mapping) and all(isinstance(text, str) for text in views.values()):
        return None
    return 'harness.types.Prompt(example.id, {"main": text, ...})'


def _no_model(found: object, *_: object) -> str | None:
    from harness.engine.lm import PersonalLM

    return None if isinstance(found, PersonalLM) else "a harness.engine.PersonalLM"


def _no_targets(found: object, lm: object, pairs: Sequence[TrainingPair]) -> str | None:
    listed = isinstance(found, Sequence) and all(isinstance(one, Target) for one in found)
    return None if listed else "a list of harness.types.Target, one for each pair"


def _no_prefaces(found: object, *_: object) -> str | None:
    listed = isinstance(found, Sequence) and all(
        isinstance(row, Sequence) and all(isinstance(token, int) for token in row) for row in found
    )
    return None if listed else "a list of token ids for each prompt, [] for none"


def _no_number(found: object, *_: object) -> str | None:
    number = isinstance(found, int | float) and 0 <= found < inf
    return None if number else "a number, 0 or more"


def _no_user_work(found: object, *_: object) -> str | None:
    return None if isinstance(found, UserWork) else "a harness.types.UserWork"


def _no_report(found: object, *_: object) -> str | None:
    return None if isinstance(found, Mapping) else "a mapping of JSON values"


RETURNS: Mapping[str, Expected] = {
    "prompt": _no_prompt,
    "build": _no_model,
    "controlled": _no_model,
    "targets": _no_targets,
    "val_targets": _no_targets,
    "user_work": _no_user_work,
    "preface": _no_prefaces,
    "longest_preface": _no_number,
    "epochs": _no_number,
    "preface_report": _no_report,
}
"""Method of a plugin → what is wrong with what it returns."""


def refuse_long_preface(
    method: Method, preface: Sequence[int], example_id: str, *, training: bool
) -> None:
    """Raises DataError for a preface with more tokens than `longest_preface`, for which the run
    has checked that all fits the model."""
    most = method.longest_preface(training)
    if len(preface) > most:
        raise DataError(
            f"method {method.name!r}, example {example_id}: a preface of {len(preface)} tokens;"
            f" expected at most {most}, which longest_preface({training=}) gave. Override it with"
            " the most tokens that a preface can have, or cut the preface"
        )


Factory = Callable[[RunSettings], Method]
"""Makes a method from a run's settings; usually the method's class."""


def reference_targets(pairs: Sequence[TrainingPair]) -> list[Target]:
    """The references as what training imitates, one for each pair, in order."""
    return [Target(pair.example.id, pair.reference.text) for pair in pairs]


def made(factory: Factory, settings: RunSettings) -> Method:
    """`factory(settings)`. Raises UsageError if that is not a `Method`."""
    found = factory(settings)
    if not isinstance(found, Method):
        kind = type(found)
        raise UsageError(
            f"method {getattr(found, 'name', kind.__name__)!r}: {kind.__module__}.{kind.__name__}"
            " is no harness.method.Method; expected a class that inherits it, which gives every"
            f" default: class {kind.__name__}(Method)"
        )
    return found
