"""Experiment trackers: the loss of each step and the scores at the end, sent to where one looks.

A tracker never ends a run: one that raises is reported once and left out from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from harness.errors import UsageError
from harness.record import Record, Step, read_word, write_text
from harness.record.tables import COSTS, NLL, Value
from harness.settings import TrackSettings

if TYPE_CHECKING:
    from harness.pipeline.plan import Plan

Values = Mapping[str, float]
PACKAGES = {"trackio": "trackio", "tensorboard": "tensorboard", "wandb": "wandb"}
"""Tracker → the package that it needs."""
ID, EVENTS = "tracker-id.txt", "tensorboard"
"""In a run's folder: by what trackers know the run, and TensorBoard's event files."""
SENT = ("training_s", "val_loss", "seconds_per_example", "tokens_per_s", "peak_memory_mib")
"""Costs that are sent with the scores."""


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker receives from a run.

    project, name: where it is shown. id: a resumed run keeps it, no other run has it.
    config: every setting. folder: the run's.
    """

    project: str
    name: str
    id: str
    config: Mapping[str, Any]
    folder: Path


class Tracker(Protocol):
    """One tracker, for one run."""

    def log(self, values: Values, step: int) -> None:
        """Numbers of one optimizer step."""

    def scores(self, values: Values, step: int) -> None:
        """Numbers of the whole run, at its end. step: the last one."""

    def finish(self) -> None:
        """The run is over, or was interrupted."""


class Wandb:
    """Weights & Biases. A resumed run goes on under its id."""

    def __init__(self, run: TrackedRun) -> None:
        self.run = import_module("wandb").init(
            project=run.project, name=run.name, id=run.id, resume="allow",
            config=dict(run.config), dir=str(run.folder),
        )  # fmt: skip

    def log(self, values: Values, step: int) -> None:
        self.run.log(dict(values), step=step)

    def scores(self, values: Values, step: int) -> None:
        self.run.summary.update(dict(values))

    def finish(self) -> None:
        self.run.finish()


class Trackio:
    """Trackio, local unless its own environment variables say otherwise.

    It knows a run by its name alone, so the id is a part of that.
    """

    def __init__(self, run: TrackedRun) -> None:
        self.module = import_module("trackio")
        self.module.init(
            project=run.project, name=f"{run.name}-{run.id}", config=dict(run.config),
            resume="allow",
        )  # fmt: skip

    def log(self, values: Values, step: int) -> None:
        self.module.log(dict(values), step=step)

    def scores(self, values: Values, step: int) -> None:
        self.module.log(dict(values), step=step)

    def finish(self) -> None:
        self.module.finish()


class TensorBoard:
    """TensorBoard's event files, in a folder of the run's."""

    def __init__(self, run: TrackedRun) -> None:
        writer = import_module("torch.utils.tensorboard").SummaryWriter
        self.writer = writer(log_dir=str(run.folder / EVENTS))

    def log(self, values: Values, step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def scores(self, values: Values, step: int) -> None:
        self.log(values, step)

    def finish(self) -> None:
        self.writer.close()


TRACKERS: Mapping[str, Callable[[TrackedRun], Tracker]] = {
    "trackio": Trackio,
    "tensorboard": TensorBoard,
    "wandb": Wandb,
}


@dataclass
class Trackers:
    """The trackers of a run that have not failed. `say` takes the message about one that fails."""

    say: Callable[[str], None] = lambda text: None
    active: dict[str, Tracker] = field(default_factory=dict)

    def start(self, plan: Plan) -> None:
        """Start the trackers that the settings name."""
        settings = plan.settings
        config = {**settings.model_dump(mode="json"), "method_name": plan.method.name}
        shown = f"{plan.method.name}-{settings.task}-{plan.run_id}"
        for name in settings.track.to:
            with self._guarded(name):
                known = _id(plan.folder)
                run = TrackedRun(settings.track.project, shown, known, config, plan.folder)
                self.active[name] = TRACKERS[name](run)

    def step(self, step: Step) -> None:
        """One optimizer step."""
        values = {"train/loss": step.loss, "train/lr": step.lr, "train/grad_norm": step.grad_norm}
        self._each(lambda tracker: tracker.log(values, step.step))

    def scores(self, record: Record) -> None:
        """Every metric, the NLL and the costs of a finished run."""
        named: dict[str, Value] = {
            f"scores/{name}": score.value for name, score in record.metrics.items()
        }
        if record.likelihood:
            named[f"scores/{NLL}"] = record.likelihood.value
        named |= {f"costs/{name}": COSTS[name](record) for name in SENT}
        values = {key: value for key, value in named.items() if isinstance(value, int | float)}
        steps = record.training.steps if record.training else 0
        self._each(lambda tracker: tracker.scores(values, steps))

    def finish(self) -> None:
        """End all trackers."""
        self._each(lambda tracker: tracker.finish())

    def _each(self, send: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self.active.items()):
            with self._guarded(name):
                send(tracker)

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Report an error of a tracker, and leave that tracker out from then on."""
        try:
            yield
        except Exception as error:
            self.active.pop(name, None)
            self.say(f"tracker {name}: {type(error).__name__}: {error}. The run goes on without it")


def _id(folder: Path) -> str:
    """By what trackers know a run: random, and kept in its folder.

    Its name does not do: another try at the same settings, e.g. with other code, has it too.
    """
    known = read_word(folder / ID)
    if not known:
        known = uuid4().hex[:12]  # not of a generator with a seed: each run would draw the same
        write_text(folder / ID, known)
    return known


def refuse_missing(settings: TrackSettings) -> None:
    """Raises UsageError, before anything is done, for a tracker whose package is not installed."""
    for name in settings.to:
        package = PACKAGES[name]
        if not find_spec(package):
            raise UsageError(
                f"track.to = {name}: {package} is not installed; expected a package that can be"
                f" imported. pip install {package}, or leave --track out"
            )


@contextmanager
def tracking(say: Callable[[str], None]) -> Iterator[Trackers]:
    """The trackers of a run, none started yet, ended in every case."""
    trackers = Trackers(say)
    try:
        yield trackers
    finally:
        trackers.finish()
