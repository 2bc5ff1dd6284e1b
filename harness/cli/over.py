"""`--over lam=0,0.5,1` → the jobs of every value of an ablation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from harness.cli.expand import combinations
from harness.cli.jobs import Job, lacking, own_assignments, own_options, settings_for
from harness.cli.options import RunOptions
from harness.errors import UsageError, did_you_mean
from harness.method import Factory
from harness.settings.names import UNNAMED

if TYPE_CHECKING:
    from harness.reports.ablation.values import Axis

SHORT = {"history": "retrieval.k", "reasoner": "model.reasoner", "backbone": "model.backbone"}
"""Short names of settings; the method's options have theirs too (lam, n_thoughts).

history is `retrieval.k`, a number of profile entries; `history=none` means as many as fit. To vary
tokens instead, use `budget.profile=128,256`.
"""
OWN = ("method.", "model.reasoner")
"""Settings of the ablated method only; they do not change its reference."""


@dataclass(frozen=True)
class Point:
    """One value of each setting, with the run of the method and of its reference, if any."""

    values: tuple[str, ...]
    job: Job
    reference: Job | None


def parse_over(text: str, method: str, factory: Factory, sets: Sequence[str] | None = None) -> Axis:
    """Parse NAME=VALUE,VALUE,…; raises UsageError if it is not one, or the setting cannot vary.

    method, factory: whose setting it is. sets: other settings that are given.
    """
    from harness.reports.ablation.values import Axis
    from harness.reports.runs.comparable import UNPAIRED

    name, given, listed = text.partition("=")
    name, values = name.strip(), tuple(part.strip() for part in listed.split(","))
    if not given or not name or not all(values):
        raise UsageError(f"--over {text!r}; expected name=value,value,…, e.g. lam=0,0.5,1")
    for value in values:
        if values.count(value) > 1:
            raise UsageError(f"--over {text!r} names {value} twice; expected each value once")
    key = full_key(name, method, factory)
    if key in UNPAIRED:
        raise UsageError(
            f"--over {name}=…: runs that differ in {key} cannot be paired; give all of them one"
            f" value, --set {key}=…"
        )
    if key.startswith(UNNAMED):
        raise UsageError(
            f"--over {name}=…: the names of runs leave {key} out, so all values would be one run;"
            f" give all of them one value, --set {key}=…"
        )
    if not key.startswith("method.") and (reason := lacking(factory, key, own_assignments(sets))):
        raise UsageError(
            f"--over {name}=…: method {method!r} {reason}, so {key} changes nothing; expected a"
            " setting that the method has. Vary another one, or give another --method"
        )
    return Axis(name, key, values)


def full_key(name: str, method: str, factory: Factory) -> str:
    """`lam` → `method.lam`, `history` → `retrieval.k`; section.key stays as it is."""
    if name == "seed":
        raise UsageError("--over seed=…: a seed is not a setting to compare; use --seeds 0,1,2")
    if "." in name:
        return name
    known = {**SHORT, **{option: f"method.{option}" for option in own_options(factory)}}
    if name in known:
        return known[name]
    hint = did_you_mean(name, sorted(known))
    raise UsageError(
        f"--over {name}=…: no setting {name!r} of method {method!r}.{hint} Known short names:"
        f" {', '.join(sorted(known))}; any other as section.key, e.g. train.epochs"
    )


def points(
    axes: Sequence[Axis],
    options: RunOptions,
    method: tuple[str, Factory],
    reference: tuple[str, Factory] | None,
) -> list[Point]:
    """Every combination of values, in the order given, checked.

    axes: the settings that vary.
    options: the settings that all runs share.
    method, reference: name and factory of the method and of the one to compare with.

    A value equal to the default does not change the settings, so its run is the one that
    `harness run` makes and ablations share. Raises UsageError for a wrong value, and for two values
    that give the same settings.
    """
    name, factory = method
    shared = replace(
        options, lam=None, reasoner=None,
        set_=[text for text in options.set_ or () if not text.startswith(OWN)],
    )  # fmt: skip
    given = [[f"{axis.key}={value}" for value in axis.values] for axis in axes]
    values = product(*(axis.values for axis in axes))
    every = combinations(given, partial(settings_for, options, name, factory), factory)
    found: list[Point] = []
    for chosen, each in zip(values, every, strict=True):
        job = Job(name, factory, each.settings)
        for point in found:
            if point.job.settings == job.settings:
                raise UsageError(
                    f"--over: {', '.join(point.values)} and {', '.join(chosen)} are the same"
                    " settings; expected each once"
                )
        other = None
        if reference:
            common = [text for text in each.changes if not text.startswith(OWN)]
            other = Job(*reference, settings_for(shared, *reference, common)).checked()
        found.append(Point(chosen, job.checked(), other))
    return found
