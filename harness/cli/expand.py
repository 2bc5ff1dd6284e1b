"""Values of settings → every combination of them, each with its settings; equal runs once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from harness.cli.jobs import Failure, Job
from harness.method import Factory
from harness.record import Outcome
from harness.settings import RunSettings, validate

Made = Outcome | Failure


@dataclass(frozen=True)
class Combination:
    """One value of each setting.

    changes: the assignments that change the settings.
    settings: of the run.
    """

    changes: tuple[str, ...]
    settings: RunSettings


def combinations(
    axes: Sequence[Sequence[str]],
    settings: Callable[[Sequence[str]], RunSettings],
    factory: Factory,
) -> Iterator[Combination]:
    """Every combination of assignments, in the order given.

    axes: for each setting, an assignment for each of its values, e.g. `method.lam=0.5`.
    settings: assignments → settings of the run.
    factory: of the method.

    A value equal to the default does not change the settings, so its run is the one that
    `harness run` makes without it. It stays where it matters beside the other values: a reasoner
    left out is a copy of whichever backbone is given.
    """
    plain = effective(settings(()), factory)
    changing = {
        text: effective(settings((text,)), factory) != plain for axis in axes for text in axis
    }
    for given in product(*axes):
        changes, whole = tuple(given), effective(settings(given), factory)
        for text in given:
            fewer = tuple(each for each in changes if each != text)
            if not changing[text] and effective(settings(fewer), factory) == whole:
                changes = fewer
        yield Combination(changes, settings(changes))


def effective(settings: RunSettings, factory: Factory) -> Mapping[str, Any]:
    """The settings that a run would use, with defaults of the method's options and the reasoner."""
    filled = settings.model_dump(mode="json")
    options = getattr(factory, "Options", None)
    if options is not None:
        method = validate(options, settings.method, "options of the method")
        filled["method"] = method.model_dump(mode="json")
    filled["model"]["reasoner"] = settings.model.reasoner or settings.model.backbone
    return filled


class Once:
    """Makes runs in this process, in the order of the calls, and each run once."""

    def __init__(self, make: Callable[[Job], Made]) -> None:
        self._make = make
        self._made: dict[tuple[str, str], Made] = {}

    def __call__(self, job: Job) -> Made:
        """What the run gave; with --fresh, a run that several values share is redone once."""
        key = job.key
        if key not in self._made:
            self._made[key] = self._make(job)
        return self._made[key]
