"""`--over lam=0,0.5,1` → the settings of every value of an ablation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

from harness.errors import UsageError
from harness.settings import RunSettings, validate

SHORT = {"history": "retrieval.k", "reasoner": "model.reasoner", "backbone": "model.backbone"}
"""Short names of settings; the method's options have theirs too (lam, n_thoughts).

history is `retrieval.k`, a number of profile entries; `history=none` means as many as fit. To vary
tokens instead, use `budget.profile=128,256`.
"""
OWN = ("method.", "model.reasoner")
"""Settings of the ablated method only; they do not change its reference."""
Build = Callable[[Sequence[str]], RunSettings]
"""Assignments such as "retrieval.k=2" → the settings of a run."""


@dataclass(frozen=True)
class Over:
    """One setting and its values. name: as the user gave it; key: its full name."""

    name: str
    key: str
    values: tuple[str, ...]

    def assignment(self, value: str) -> str:
        return f"{self.key}={value}"


@dataclass(frozen=True)
class Point:
    """One value of each setting, with the settings of the method and of its reference, if any."""

    values: tuple[str, ...]
    settings: RunSettings
    reference: RunSettings | None


def parse_over(text: str, method: str, factory: Any) -> Over:
    """Parse NAME=VALUE,VALUE,…; raises UsageError if it is not one, or the setting cannot vary."""
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
    return Over(name, key, values)


def full_key(name: str, method: str, factory: Any) -> str:
    """`lam` → `method.lam`, `history` → `retrieval.k`; section.key stays as it is."""
    options = list(getattr(factory, "Options", RunSettings).model_fields)
    if name == "seed":
        raise UsageError("--over seed=…: a seed is not a setting to compare; use --seeds 0,1,2")
    if "." in name:
        return name
    if name in options:
        return f"method.{name}"
    if name in SHORT:
        return SHORT[name]
    known = sorted([*SHORT, *options])
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"--over {name}=…: no setting {name!r} of method {method!r}.{hint} Known short names:"
        f" {', '.join(known)}; any other as section.key, e.g. train.epochs"
    )


def points(overs: Sequence[Over], factory: Any, own: Build, reference: Build | None) -> list[Point]:
    """Every combination of values, in the order given.

    A value equal to the default does not change the settings, so its run is the one that
    `harness run` makes and ablations share. Raises UsageError for a wrong value, and for two values
    that give the same settings.
    """
    plain = effective(own([]), factory)
    found: list[Point] = []
    for values in product(*(over.values for over in overs)):
        assignments = [
            over.assignment(value)
            for over, value in zip(overs, values, strict=True)
            if effective(own([over.assignment(value)]), factory) != plain
        ]
        shared = [text for text in assignments if not text.startswith(OWN)]
        settings = own(assignments)
        for one in found:
            if one.settings == settings:
                raise UsageError(
                    f"--over: {', '.join(one.values)} and {', '.join(values)} are the same"
                    " settings; expected each once"
                )
        found.append(Point(values, settings, reference(shared) if reference else None))
    return found


def effective(settings: RunSettings, factory: Any) -> Mapping[str, Any]:
    """The settings that a run would use, with defaults of the method's options and the reasoner."""
    filled = settings.model_dump(mode="json")
    options = getattr(factory, "Options", None)
    if options is not None:
        method = validate(options, settings.method, "options of the method")
        filled["method"] = method.model_dump(mode="json")
    filled["model"]["reasoner"] = settings.model.reasoner or settings.model.backbone
    return filled


def parse_seeds(text: str) -> list[int]:
    """`0,1,2` → [0, 1, 2]. Raises UsageError for anything else, or a seed given twice."""
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds {text}; expected different whole numbers from 0, e.g. 0,1,2")
    return seeds
