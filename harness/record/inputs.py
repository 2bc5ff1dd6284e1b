"""Every outside input of a run by its content, and what a change of it requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pydantic import ConfigDict

from harness.record.digest import json_sha256

Then = Literal["rerun", "rescore", "name"]
"""What a change requires: the whole run, its scores alone, or just a message."""


MODELS = ("backbone", "reasoner", "dense_model")
"""Fields of Inputs that hold the files of a model."""


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
    """Module of a method or task that is not built in, or of a local module it imports → sha256."""
    metrics: Mapping[str, str] = _input("rescore")
    """Metric → sha256 of its script, or its tools with their versions."""
    code: Mapping[str, str] = _input("name")
    """Module of the harness that the run uses → twelve hex digits of its sha256."""

    def digest(self, *names: str) -> str:
        """Sixteen hex digits over the inputs in these fields."""
        parts = [[name, dict(getattr(self, name))] for name in names]
        return json_sha256(*parts, sort_keys=True)[:16]


@dataclass(frozen=True)
class Change:
    """One input that changed. kind: a field of Inputs; before or now is None if it is absent."""

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
        if " " in self.before and " " in self.now:  # versions rather than hashes: show them
            return f"{what}: {self.before} → {self.now}"
        return f"{what} changed"


def changes(before: Inputs, now: Inputs) -> Iterator[Change]:
    """All differences, in the order of fields and then of names."""
    for each in fields(Inputs):
        old, new = getattr(before, each.name), getattr(now, each.name)
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield Change(each.name, name, old.get(name), new.get(name), each.metadata["then"])
