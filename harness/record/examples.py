"""Values of each example in a record, from which its numbers can be computed; no text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.record.estimates import View

Gains = Mapping[str, Mapping[str, float | None]]
"""Kind of donor or `empty` → slice or metric → gain of the user's own profile."""


def user_digest(user_id: str) -> str:
    """What stands for a user where data must not be published: 12 hex digits of the id's sha256."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class SliceNll(View):
    """NLL of one reference in each slice, with the number of tokens of both kinds."""

    nll: tuple[float, ...] | None
    """Nats in each slice; null where the text failed with whose preface the reference is read."""
    slice_tokens: tuple[int, ...]
    """Words and punctuation marks in each slice; comparable across tokenizers."""
    model_tokens: tuple[int, ...]
    """Tokens of the backbone in each slice."""
    positions: tuple[float, ...]
    """Mean position of each slice's tokens."""

    @property
    def known(self) -> bool:
        """Whether the reference was read."""
        return self.nll is not None

    @property
    def mean(self) -> float | None:
        """NLL per slice token; None where the reference has none, or no NLL."""
        tokens = sum(self.slice_tokens)
        return sum(self.nll) / tokens if tokens and self.nll is not None else None

    def reaches_all(self) -> bool:
        """Whether the reference has a token in every slice."""
        return all(self.slice_tokens)


@dataclass(frozen=True, kw_only=True)
class ExampleRank(View):
    """Author identification of one text, 0–100; null where its author's profile has no words."""

    top1: float | None
    """100 where its author's profile is the nearest, shared where profiles tie."""
    mrr: float | None
    """100 over the rank of its author's profile."""


@dataclass(frozen=True, kw_only=True)
class ExampleAuthors(View):
    """Author identification of one text by each kind of features."""

    characters: ExampleRank
    """By character n-grams."""
    function_words: ExampleRank
    """By function words."""


@dataclass(frozen=True, kw_only=True)
class ExampleLift(View):
    """Gains of the user's own profile in one example; null where it has no value."""

    likelihood: Gains | None = None
    """`random`, `topic` or `empty` → `all` or slice → gain."""
    texts: Gains | None = None
    """`random`, `topic` or `empty` → metric → gain."""


@dataclass(frozen=True, kw_only=True)
class ExampleValues(View):
    """One test example."""

    user: str | None = None
    """Twelve hex digits of the sha256 of the user's id; texts of one user share it."""
    scores: Mapping[str, float | None] = field(default_factory=dict)
    """Metric → value of this example, the mean over its samples with a value; null without any."""
    rows: Mapping[str, tuple[tuple[int | float, ...], ...]] = field(default_factory=dict)
    """Metric that is not a mean over examples → this example's row for each sample. BLEU: length, reference length, 4 × matched and 4 × all n-grams."""  # noqa: E501
    quality: Mapping[str, float | None] = field(default_factory=dict)
    """Measure of text quality → value of this example, the mean over its samples with a value."""
    likelihood: SliceNll | None = None
    """NLL of the reference by slice."""
    base_nll: tuple[float, ...] | None = None
    """Nats of the base model in each slice."""
    lift: ExampleLift | None = None
    """Gains of the user's own profile."""
    forced: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Metric → score of the continuation in each slice; null where the reference has none."""
    forced_rows: Mapping[str, tuple[tuple[int | float, ...] | None, ...]] = field(
        default_factory=dict
    )
    """Metric that is not a mean over examples → row of the continuation in each slice; null where
    the reference has none.
    """
    authors: ExampleAuthors | None = None
    """Author identification."""
    thoughts: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """Thought replacement: thoughts → `nll` or metric → value of this example with them; `own` are
    the model's.
    """

    @property
    def numbers(self) -> Mapping[str, float | None]:
        """Every single number of the example by name: its scores, and its mean NLL."""
        nll = {} if self.likelihood is None else {"nll": self.likelihood.mean}
        return {**self.scores, **nll}
