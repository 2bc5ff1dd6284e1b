"""Every outside input of a run by its content, and what follows from a change of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pydantic import ConfigDict

Then = Literal["rerun", "rescore", "name"]
"""What a change asks for: the whole run, its scores alone, or a line on the screen."""


MODELS = ("backbone", "reasoner", "dense_model")
"""Fields of Inputs whose files lie in a model's folder."""


def _input(then: Then) -> Any:
    return field(default_factory=dict, metadata={"then": then})


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Outside inputs of a run: name → digest. The settings are in the run's name."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    data: Mapping[str, str] = _input("rerun")
    """Split → fingerprint of its texts."""
    backbone: Mapping[str, str] = _input("rerun")
    """File of the backbone's folder (weights, config, tokenizer, template, …) → sha256."""
    reasoner: Mapping[str, str] = _input("rerun")
    """The same of `model.reasoner`."""
    dense_model: Mapping[str, str] = _input("rerun")
    """The same of the encoder of `retrieval.ranking = dense`."""
    plugins: Mapping[str, str] = _input("rerun")
    """Module of a method or task that is not built in, or of what it imports beside it → sha256."""
    metrics: Mapping[str, str] = _input("rescore")
    """Metric → sha256 of its script, or the tools that compute it with their versions."""
    code: Mapping[str, str] = _input("name")
    """Module of the harness that the run goes through → twelve hex of its sha256."""

    def digest(self, *names: str) -> str:
        """Sixteen hex of the inputs of these fields."""
        parts = [[name, dict(getattr(self, name))] for name in names]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Change:
    """One input that is not what it was. kind: a field of Inputs; None: it is not there."""

    kind: str
    name: str
    before: str | None
    now: str | None
    then: Then

    def __str__(self) -> str:
        what = f"{self.kind.replace('_', ' ')} {self.name}"
        if self.before is None:
            return f"{what} is new"
        if self.now is None:
            return f"{what} is gone"
        if " " in self.before and " " in self.now:  # versions, which say something
            return f"{what}: {self.before} → {self.now}"
        return f"{what} changed"


def changes(before: Inputs, now: Inputs) -> Iterator[Change]:
    """What differs, in the order of the fields and then of names."""
    for each in fields(Inputs):
        old, new = getattr(before, each.name), getattr(now, each.name)
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield Change(each.name, name, old.get(name), new.get(name), each.metadata["then"])
