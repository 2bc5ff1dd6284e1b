"""A trial of metrics, as stored: what each metric prefers, on one test split. It holds no texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.record.estimates import Estimate, View

Outcome = Literal["passes", "fails", "too few users", "no value"]


@dataclass(frozen=True, kw_only=True)
class TriedMetric(View):
    """One metric on trial."""

    title: str
    """Its name in tables."""
    signature: str
    """How it was computed; the trial is about this signature alone."""
    better: Literal["higher", "lower"]
    """Which end wins."""
    outcome: Outcome
    """Whether it passes. It fails if own is not shown above other, or if a copy or padding is shown
    above own."""
    failed: tuple[str, ...] = ()
    """The duels that it fails, by name."""
    missing: str | None = None
    """Why it has no value, and what to do about it."""
    auc: Mapping[str, Estimate]
    """Duel → how often its first text scores higher, in %; a tie counts half. 50 is no
    preference."""
    agreement: Mapping[str, Estimate]
    """Other metric → Spearman's rank correlation over the texts of an example; mean."""


@dataclass(frozen=True, kw_only=True)
class Trial(View):
    """Every metric on trial on one test split."""

    schema_version: Literal[1] = 1
    version: int
    """Version of the planted texts."""
    task: str
    """The task's name."""
    split: str
    """The split whose examples are used."""
    source: str
    """Kind of the data's source."""
    setting: str
    """user or temporal."""
    fingerprint: str
    """Fingerprint of the split."""
    seed: int
    """Seed of the draws."""
    examples: int
    """Examples with planted texts."""
    users: int
    """Their users."""
    left_out: int
    """Examples without enough texts in the profile."""
    planted: Mapping[str, str]
    """Kind of planted text → what it is."""
    words: Mapping[str, float]
    """Kind of planted text → its mean number of words."""
    reference_words: float
    """The references' mean number of words."""
    metrics: Mapping[str, TriedMetric]
    """Name → the metric on trial."""
    controls: Mapping[str, TriedMetric]
    """The same for measures that are known to be bad."""
