"""The record of a run: everything that it stores besides its texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.record.costs import Inference, Training
from harness.record.estimates import Breakdown, Json, MetricScore, QualityScore, SliceEstimate, View
from harness.record.examples import ExampleValues, SliceNll
from harness.record.inputs import Inputs
from harness.record.sources import CodeInfo, Counts, DataInfo, DeviceInfo, ModelInfo
from harness.record.views import Views

SCHEMA_VERSION = 4
NO_METHOD = {
    "scored": "texts made elsewhere, which `harness score` recorded",
    "floor": "texts made from the data alone",
}
"""Kind of a record that is of no method → what it is of."""


@dataclass(frozen=True, kw_only=True)
class RunFacts(View):
    """What was run, what it cost, and the scores of its texts."""

    run_id: str
    """The seed and a hash of settings and data."""
    method: str
    """Name of the method, of a system whose texts were made elsewhere, or of a floor."""
    kind: Literal["run", "scored", "floor"] = "run"
    """What made the texts: a run of a method, something outside the harness, or the data alone."""
    task: str
    """Name of the task."""
    status: Literal["running", "complete", "failed"]
    """failed: generation failed on some example."""
    command: str
    """The command line."""
    started: str
    """UTC time, ISO 8601."""
    settings: Mapping[str, Json]
    """Every setting of the run, by section."""
    seed: int
    """Seed of training and sampling."""
    code: CodeInfo
    """The harness that made it."""
    packages: Mapping[str, str]
    """Package → version."""
    device: DeviceInfo
    """The machine."""
    scored_on: DeviceInfo | None = None
    """The machine that scored the texts (phases `scoring` and `authors`); null where it is
    `device`.
    """
    data: DataInfo
    """The examples."""
    backbone: ModelInfo
    """The model."""
    n: Counts
    """Counts of test examples."""
    inputs: Inputs | None = None
    """Every outside input by its content; null in old records."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Phase → wall seconds across resumed runs; phases do not overlap."""
    wall_s: float | None = None
    """Wall seconds of the whole run across resumed runs; the phases add up to it within 2 %. Null
    where times were lost with a damaged file, so that phases may be too low.
    """
    training: Training | None = None
    """Cost of training; null for a method that does not train."""
    inference: Inference | None = None
    """Cost of generating; null before texts are generated."""
    texts: str | None = None
    """sha256 of all texts with their ids; null before texts are generated, and in old records."""
    metrics: Mapping[str, MetricScore] = field(default_factory=dict)
    """Metric → its value."""
    quality: Mapping[str, QualityScore] = field(default_factory=dict)
    """Measure of text quality → its value; no verdict is made about these."""
    slices: Mapping[str, tuple[SliceEstimate, ...]] = field(default_factory=dict)
    """Metric → its value in each slice of the free text."""
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    """Metric that counts places in the texts → its value by group. The built-in benchmark's
    `following` groups the places that call for a preference by `kind` and `family` of preferences.
    """


@dataclass(frozen=True, kw_only=True)
class Record(Views, RunFacts):
    """One run. A view that was not asked for is null."""

    examples: Mapping[str, ExampleValues] = field(default_factory=dict)
    """Example id → its values."""
    schema_version: int = SCHEMA_VERSION
    """Version of this schema."""

    def with_values(self, **fields: Mapping[str, object]) -> Record:
        """The record with values of its examples: field of `ExampleValues` → example id → value."""
        examples = {}
        for key, known in self.examples.items():
            values: dict[str, Any] = {name: of[key] for name, of in fields.items() if key in of}
            examples[key] = replace(known, **values)
        return replace(self, examples=examples)

    def setting(self, key: str) -> Json:
        """The value of `section.name`; None if the record lacks it."""
        section, _, name = key.rpartition(".")
        values = self.settings.get(section) if section else self.settings
        return values.get(name) if isinstance(values, Mapping) else None

    @property
    def no_method(self) -> str:
        """What the record is of, if no method made its texts; "" for a run."""
        return NO_METHOD.get(self.kind, "")

    @property
    def samples(self) -> int:
        """Texts generated for each example; 1 where the record does not say."""
        found = self.setting("decode.samples")
        return found if isinstance(found, int) and found > 0 else 1

    @property
    def nlls(self) -> dict[str, SliceNll]:
        """Example id → NLL of its reference, where it was evaluated."""
        return {key: each.likelihood for key, each in self.examples.items() if each.likelihood}

    @property
    def shared_targets(self) -> dict[str, int]:
        """View → examples for which users were passed over; only views where there are any."""
        views = {"profile swap": self.lift, "author identification": self.authors}
        return {name: view.shared for name, view in views.items() if view and view.shared}

    @property
    def peak_memory_mib(self) -> float | None:
        """The higher of the peaks in training and generation; None if either is unknown."""
        peaks = [part.peak_memory_mib for part in (self.training, self.inference) if part]
        known = [each for each in peaks if each is not None]
        return max(known, default=None) if len(known) == len(peaks) else None

    @property
    def slice_starts(self) -> tuple[int, ...]:
        """Where the slices of the target begin (`eval.slices`)."""
        starts = self.setting("eval.slices")
        found = starts if isinstance(starts, list) else []
        return tuple(start for start in found if isinstance(start, int))
