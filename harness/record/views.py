"""Views in a record: likelihood, lift, continuations, authors, thought replacement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.record.estimates import Curve, Estimate, MetricScore, SliceEstimate, View


@dataclass(frozen=True, kw_only=True)
class NllSlice(SliceEstimate):
    """NLL of the references in one slice."""

    per_model_token: float | None
    """The same in nats per token of the backbone; not comparable across tokenizers."""


@dataclass(frozen=True, kw_only=True)
class RelativeLikelihood(Curve):
    """NLL minus the base model's with the same prompt; below 0: the method finds it likelier."""

    backbone: str
    """Name of the base model."""
    fingerprint: str
    """Fingerprint of its weights."""


@dataclass(frozen=True, kw_only=True)
class Likelihood(Curve):
    """Negative log-likelihood (NLL) of the references, in nats per slice token."""

    slices: tuple[NllSlice, ...]
    """NLL in each slice."""
    per_model_token: float | None
    """NLL in nats per token of the backbone."""
    signature: str
    """How it was computed."""
    relative: RelativeLikelihood | None = None
    """The same minus the base model's."""


@dataclass(frozen=True, kw_only=True)
class LiftPair(View):
    """Gains of the user's own profile; above 0 it helps, for NLL too."""

    own_other: MetricScore
    """Over other users' profiles: the mean over donors."""
    own_empty: MetricScore
    """Over no profile."""


@dataclass(frozen=True, kw_only=True)
class Lift(View):
    """The same model with the user's own profile, other users' profiles, and none.

    Profiles of others are swapped in at random (`random`) or from users near in topic (`topic`).
    """

    donors: int
    """Number of other users whose profiles each example is evaluated with."""
    tied: int | None = None
    """Examples whose `topic` users are random, since BM25 scores all users alike: their input
    shares no word with any profile, or all profiles are alike. Null in older records."""
    shared: int | None = None
    """Examples for which a user was passed over because that user's profile contains the example's
    target. Null in older records."""
    failed: int | None = None
    """Examples for which a text or a preface failed with another profile or with none: there the
    text counts as empty, and the reference has no likelihood. Null in older records."""
    likelihood: Mapping[str, Mapping[str, LiftPair]] | None = None
    """Kind of donor → `all` or slice → gain in nats per slice token."""
    texts: Mapping[str, Mapping[str, LiftPair]] | None = None
    """Kind of donor → metric → gain of the generated texts."""
    tokens: str | None = None
    """sha256 of `tokens.parquet` beside the record, which holds the likelihood token by token; null
    if likelihood was not asked for, and in older records."""


@dataclass(frozen=True, kw_only=True)
class ForcedMetric(Curve):
    """A metric of the continuations."""

    signature: str
    """How it was computed."""


@dataclass(frozen=True, kw_only=True)
class Forced(View):
    """Continuations: the reference is given up to each slice, the next tokens are generated."""

    window: int
    """The most slice tokens that are generated and scored."""
    windows: int
    """Continuations generated."""
    ended: int
    """Those whose text ended before the reference's window."""
    failed: int | None = None
    """Those that failed, or whose example failed: they count as empty. Null in older records."""
    metrics: Mapping[str, ForcedMetric]
    """Metric → its score."""


@dataclass(frozen=True, kw_only=True)
class AuthorRank(Estimate):
    """A score of author identification, 0–100."""

    ceiling: float | None
    """The score of the references."""
    chance: float | None
    """The expected score of a random ranking."""


@dataclass(frozen=True, kw_only=True)
class AuthorScores(View):
    """Author identification by one kind of features."""

    top1: AuthorRank
    """Share of texts whose author's profile is the nearest."""
    mrr: AuthorRank
    """Mean reciprocal rank of the author's profile."""


@dataclass(frozen=True, kw_only=True)
class Authors(View):
    """Whose profile is nearest to each text, among users of the same topic."""

    others: int | None = None
    """Number of other users that each author is ranked among."""
    users: int | None = None
    """Users of the test split."""
    tied: int | None = None
    """Texts whose other users are random, since BM25 scores all users alike. Null in older
    records."""
    shared: int | None = None
    """Texts for which a user was passed over because that user's profile contains the text's
    reference, so that there may be fewer others. Null in older records."""
    characters: AuthorScores | None = None
    """By character n-grams."""
    function_words: AuthorScores | None = None
    """By function words."""
    missing: str | None = None
    """Why it was not evaluated: fewer than two users, or fewer than two with words in their
    profiles."""


@dataclass(frozen=True, kw_only=True)
class Difference(Estimate):
    """Other thoughts minus the model's own, paired by example."""

    p_value: float | None = None
    """Of a two-sided approximate randomisation test over users."""
    p_holm: float | None = None
    """The same after Holm's correction over the `family`."""
    smallest_detectable: float | None = None
    """The true difference that this test would show in 80 % of experiments of this size."""
    users: int
    """Users with both values."""
    verdict: str | None = None
    """higher, lower or not shown."""
    reason: str | None = None
    """Why there is no verdict."""


@dataclass(frozen=True, kw_only=True)
class NllDifference(Difference):
    """The same of NLL, by slice too; above 0: worse without the model's own thoughts."""

    slices: tuple[SliceEstimate, ...]
    """The difference in each slice."""


@dataclass(frozen=True, kw_only=True)
class MinusOwn(View):
    """Replaced thoughts minus the model's own."""

    likelihood: NllDifference | None
    """Of NLL; null if it was not evaluated."""
    metrics: Mapping[str, Difference]
    """Metric → difference."""


@dataclass(frozen=True, kw_only=True)
class Thoughts(View):
    """The trained model with one kind of thoughts at response positions."""

    likelihood: Curve | None = None
    """NLL of the references; null if it was not evaluated."""
    metrics: Mapping[str, MetricScore] = field(default_factory=dict)
    """Metric → score of the texts."""
    minus_own: MinusOwn | None = None
    """Differences to the model's own thoughts; null for these themselves."""
    failed: int | None = None
    """Examples whose text or preface failed with these thoughts: the text counts as empty, and
    there is no likelihood. Null for the model's own, which `n` counts, and in older records."""
    missing: str | None = None
    """Why it was not evaluated: another user's thoughts need two users."""


@dataclass(frozen=True, kw_only=True)
class Controls(View):
    """Thought replacement: the same weights with other thoughts.

    The texts are in `controls.jsonl` beside the record, a line `{"control", "id", "output"}` each.
    """

    donors: str
    """How the users were drawn whose thoughts or profiles replace the model's own."""
    family: int
    """Number of differences in the family of Holm's correction: all of this view's."""
    thoughts: Mapping[str, Thoughts]
    """own, zero, noise, shuffled, other-profile → results."""


@dataclass(frozen=True, kw_only=True)
class Views(View):
    """The views of a run; one that was not asked for is null."""

    likelihood: Likelihood | None = None
    """NLL of the references."""
    lift: Lift | None = None
    """Gain of the user's own profile."""
    forced: Forced | None = None
    """Continuations from the reference's prefix."""
    authors: Authors | None = None
    """Author identification."""
    controls: Controls | None = None
    """Thought replacement."""
