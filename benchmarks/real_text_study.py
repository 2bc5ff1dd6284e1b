"""What the study on real text runs: systems, their settings, and which of them are finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data import describe_source
from harness.errors import UsageError
from harness.record import Record, find_runs, read_record
from harness.settings import RunSettings, build_settings
from harness.settings.flat import nested
from harness.settings.names import named

PRESET = "smollm2"
PARTS = ("choices", "primary", "arms", "analysis")
SEEDS = (0, 1, 2)
COMMON = (
    "model.dtype=bfloat16",
    "budget.target=448",
    "decode.max_new_tokens=448",
    "data.val_limit=none",
)
"""Settings of every run besides the preset's."""
LOSS_ALONE = (
    "data.limit=1",
    "decode.max_new_tokens=1",
    "train.keep_weights=false",
    "eval.likelihood=false",
    "eval.authors=false",
    "eval.floors=false",
)
"""Settings of a run of which only the loss on val counts."""
LIFT = 'eval.lift=["likelihood"]'
Cell = tuple[float, float]
"""Passes and rate."""


@dataclass(frozen=True)
class System:
    """A method with its settings.

    passes, rate: the system whose choice gives them; None where nothing is trained.
    own: further settings.
    models: trained models whose weights a run keeps.
    thinks: whether it has latent thoughts.
    """

    name: str
    method: str
    part: str
    passes: str | None = None
    rate: str | None = None
    own: tuple[str, ...] = ()
    models: int = 1
    thinks: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """The systems whose choices it takes."""
        return tuple(dict.fromkeys(each for each in (self.passes, self.rate) if each))


def _trained(method: str, part: str, *own: str, name: str = "", **more: Any) -> System:
    name = name or method
    return System(name, method, part, name, name, (LIFT, *own), **more)


SYSTEMS = (
    _trained("flythinker", "primary", "eval.controls=all", models=2, thinks=True),
    _trained("sft", "primary"),
    System("rag", "rag", "primary", own=(LIFT,), models=0),
    System("nonpers", "nonpers", "primary", models=0),  # its lift is 0: it reads no profile
    System(
        "sft-flops", "sft", "arms", "flythinker", "sft", (LIFT, "method.flops_of=flythinker")
    ),  # as many FLOPs as flythinker's passes take, at sft's rate
    _trained(
        "flythinker",
        "arms",
        "method.reasoner_gate=true",
        name="flythinker-gate",
        models=2,
        thinks=True,
    ),  # its thoughts begin at zero, so training begins where sft's does
    _trained("coconut", "arms", thinks=True),
    _trained("cot", "arms"),
)


BY_NAME = {one.name: one for one in SYSTEMS}


@dataclass(frozen=True)
class Planned:
    """A run before it begins."""

    name: str
    method: str
    seed: int
    out: Path
    assignments: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """One task's study.

    data: the folder of data, as the records will name it.
    more: settings of all runs besides COMMON.
    """

    data: str
    task: str
    out: Path
    more: tuple[str, ...] = ()

    @property
    def choices(self) -> Path:
        """The folder of the choices."""
        return self.out.with_name(f"{self.out.name}-choices")

    def choice(self, name: str, cell: Cell) -> Planned:
        """The run that tries a cell for a system."""
        passes, rate = cell
        system = BY_NAME[name]
        of_method = tuple(each for each in system.own if each.startswith("method."))
        own = (*of_method, *LOSS_ALONE, *_training(passes, rate))
        assignments = (*COMMON, *self.more, *own)
        run = f"{name}, {passes:g} passes, {rate:g}"
        return Planned(run, system.method, SEEDS[0], self.choices, assignments)

    def trial(self, name: str, cell: Cell) -> Record | None:
        """The record of a finished run that tried a cell: of the loss alone, or evaluated too."""
        evaluated = self.full(BY_NAME[name], SEEDS[0], {name: cell})
        for planned in (self.choice(name, cell), evaluated):
            if found := self.finished(planned):
                return found[1]
        return None

    def full(self, system: System, seed: int, cells: Mapping[str, Cell]) -> Planned:
        """A run that is evaluated. cells: system → what was chosen for it."""
        training: tuple[str, ...] = ()
        if system.passes and system.rate:
            training = _training(cells[system.passes][0], cells[system.rate][1])
        assignments = (*COMMON, *system.own, *self.more, *training)
        return Planned(self.name(system, seed), system.method, seed, self.out, assignments)

    def name(self, system: System, seed: int) -> str:
        """What a run is called on the screen."""
        return f"{system.name}, seed {seed}"

    def arguments(self, planned: Planned) -> list[str]:
        """The words after `harness` that run it."""
        sets = [word for each in planned.assignments for word in ("--set", each)]
        where = ["--task", self.task, "--data", self.data, "--out", str(planned.out)]
        of = ["--method", planned.method, "--seed", str(planned.seed), "--preset", PRESET]
        return ["run", *of, *where, *sets]

    def settings(self, planned: Planned) -> RunSettings:
        """The settings that the command gives. Raises UsageError for a wrong one."""
        options = {"task": self.task, "seed": planned.seed, "data.source": self.data}
        return build_settings(PRESET, planned.assignments, nested(options))

    def check(self) -> None:
        """Raises UsageError for a wrong setting or task, and where the data are not there."""
        if not self.files:
            raise UsageError(f"{self.data}: no data of {self.task}; expected JSON Lines")

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Data file → its sha256."""
        return describe_source(self._usual).files or {}

    @cached_property
    def _usual(self) -> RunSettings:
        return self.settings(Planned("", "rag", 0, self.out, (*COMMON, *self.more)))

    @property
    def backbone(self) -> str:
        return self._usual.model.backbone

    def folder(self, planned: Planned) -> Path | None:
        """Where the run is finished: complete, with these settings and data; else None."""
        found = self.finished(planned)
        return found[0] if found else None

    def finished(self, planned: Planned) -> tuple[Path, Record] | None:
        """Its folder and record, where it is finished."""
        expected = _compared(self.settings(planned).model_dump(mode="json"))
        place = planned.out / self.task / planned.method
        for folder in find_runs([place]) if any(place.glob("*/record.json")) else []:
            if not folder.name.startswith(f"s{planned.seed}-"):
                continue
            record = read_record(folder)
            same = record.status == "complete" and record.data.files == self.files
            if same and _compared(record.settings) == expected:
                return folder, record
        return None


def _training(passes: float, rate: float) -> tuple[str, str]:
    return f"train.epochs={passes:g}", f"train.lr={rate:g}"


def _compared(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that make a run, without the place of its data."""
    found = named(settings)
    del found["data"]["source"]
    return found
