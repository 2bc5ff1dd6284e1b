"""The plain data that flows through a run: Example → Prompt → Prediction → Score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, str]
"""One text of a profile: the task's fields, all as text (numbers as they were spelled)."""


@dataclass(frozen=True)
class Example:
    """What a method may see of one text to be written. Its reference is kept apart."""

    id: str
    user_id: str
    task: str
    input: str
    profile: tuple[Entry, ...]


@dataclass(frozen=True)
class Reference:
    """The text that the user really wrote for the example `id`."""

    id: str
    user_id: str
    text: str


@dataclass(frozen=True)
class TrainingPair:
    """An example with its reference: only training and scoring hold one."""

    example: Example
    reference: Reference


@dataclass(frozen=True)
class Cut:
    """What a prompt lost to its budgets: whole entries, and tokens of the entry or input cut."""

    entries: int = 0
    tokens: int = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.tokens)


@dataclass(frozen=True)
class Prompt:
    """The texts that a method reads for one example, before the chat template.

    `views["main"]` is always there; methods that read twice add more, e.g. "no_profile".
    """

    example_id: str
    views: Mapping[str, str]
    cut: Cut = Cut()
    tied: bool = False
    """The ranking gave two or more entries one score: their order says nothing of the input."""


@dataclass(frozen=True)
class Target:
    """What training imitates for one example: hidden preface tokens (often none), then the text.

    curriculum: (until, preface) in order; while the share of steps done is below `until`, that
    preface stands in for the last one.
    """

    example_id: str
    text: str
    preface: tuple[int, ...] = ()
    curriculum: tuple[tuple[float, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 is greedy; `seed` starts every example's own stream.

    `drawing` is all but the seed, as arguments of `harness.engine.generate`.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int | None = None
    repetition_penalty: float = 1.0

    @property
    def drawing(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "repetition_penalty": self.repetition_penalty,
        }


@dataclass(frozen=True)
class Prediction:
    """A written text. `hidden_tokens` counts preface tokens and latent thoughts fed before it, and
    tokens of reasoning blocks in it; `tokens` the visible ones.

    `fingerprint` covers everything that could change the text; `error` says why a failed
    example is empty. `reasoning`: what stood in reasoning blocks, `unclosed` where the last one
    did not end.
    """

    id: str
    user_id: str
    output: str
    tokens: int
    fingerprint: str
    sample: int = 0
    hidden_tokens: int = 0
    capped: bool = False
    preface: str = ""
    preface_ids: tuple[int, ...] = ()
    error: str | None = None
    reasoning: str = ""
    reasoning_tokens: int = 0
    unclosed: bool = False


@dataclass(frozen=True)
class Score:
    """A metric's corpus value and its value per example, on 0–100 unless its signature says so.

    `value` is None where there is nothing to average, the metric's data is missing, or its
    tokenizer does not see the references; then `missing` says what to do. `unseen`: share of
    the references' letters that the tokenizer does not see; None where it was not measured.
    """

    value: float | None
    each: tuple[float | None, ...]
    signature: str
    low: float | None = None
    high: float | None = None
    missing: str | None = None
    unseen: float | None = None


@dataclass(frozen=True)
class SplitData:
    """One split of one task: examples and references, paired by id, in file order.

    files: name → sha256 of the bytes that it was read from, where it came from a folder.
    """

    task: str
    split: str
    examples: tuple[Example, ...]
    references: Mapping[str, Reference]
    fingerprint: str
    dropped: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    """Metrics that the data's source brings → what each is made with."""
    files: Mapping[str, str] = field(default_factory=dict, compare=False)

    def pairs(self) -> list[TrainingPair]:
        return [TrainingPair(example, self.references[example.id]) for example in self.examples]
