"""The data that flows through a run: Example → Prompt → Prediction → Score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Entry = Mapping[str, str]
"""One text of a profile: the task's fields, all as text (numbers as spelled in the data)."""


@dataclass(frozen=True)
class Example:
    """One text to be written, as methods see it. Its reference is kept separately.

    The profile of large data is read from a file each time that it is asked for; it compares, adds
    and slices like a tuple.
    """

    id: str
    user_id: str
    task: str
    input: str
    profile: Sequence[Entry]


@dataclass(frozen=True)
class Reference:
    """The text that the user wrote for the example `id`."""

    id: str
    user_id: str
    text: str


@dataclass(frozen=True)
class TrainingPair:
    """An example with its reference; only training gets one."""

    example: Example
    reference: Reference


@dataclass(frozen=True)
class Cut:
    """What the budgets removed from a prompt: whole entries, and tokens of the entry or input."""

    entries: int = 0
    tokens: int = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.tokens)


@dataclass(frozen=True)
class Prompt:
    """The prompt of one example, before the chat template.

    `views["main"]` is required; methods that read several prompts add more, e.g. "no_profile".
    """

    example_id: str
    views: Mapping[str, str]
    cut: Cut = Cut()
    tied: bool = False
    """Two or more entries had the same ranking score, so that their order is arbitrary."""


@dataclass(frozen=True)
class Target:
    """What training imitates for one example: hidden preface tokens (often none), then the text.

    curriculum: (until, preface) in order; while the share of finished steps is below `until`, this
    preface replaces `preface`.
    """

    example_id: str
    text: str
    preface: tuple[int, ...] = ()
    curriculum: tuple[tuple[float, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class UserWork:
    """What a method did once for each user before any text, e.g. a summary or an adapter.

    seconds: wall seconds, across resumed runs.
    tokens: hidden tokens generated.
    flops: estimate; None where there is none.
    """

    seconds: float = 0.0
    tokens: int = 0
    flops: int | None = 0

    def __add__(self, other: UserWork) -> UserWork:
        known = self.flops is not None and other.flops is not None
        flops = (self.flops or 0) + (other.flops or 0) if known else None
        return UserWork(self.seconds + other.seconds, self.tokens + other.tokens, flops)


@dataclass(frozen=True)
class Sampling:
    """How tokens are sampled. Temperature 0 is greedy; `seed` starts the example's random stream.

    `drawing` is everything but the seed, as arguments of `harness.engine.generate`.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int | None = None
    repetition_penalty: float = 1.0

    @property
    def drawing(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "seed"}


@dataclass(frozen=True)
class Prediction:
    """A generated text.

    tokens: visible tokens.
    fingerprint: covers everything that could change the text; "" for a text that no run made.
    sample: number of the sample.
    hidden_tokens: preface tokens and latent thoughts before it, and tokens of reasoning blocks.
    capped: whether it reached `decode.max_new_tokens` without ending.
    preface, preface_ids: hidden text before it.
    error: why a failed example is empty.
    reasoning, reasoning_tokens: content of reasoning blocks.
    unclosed: whether the last reasoning block did not end.
    check: checksum of the other fields; "" in files of earlier versions.
    """

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # of its reader  # noqa: RUF012

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
    check: str = ""

    @property
    def generated(self) -> bool:
        """Whether a run made the text; else its tokens, and whether it was capped, are unknown."""
        return self.fingerprint != ""


@dataclass(frozen=True)
class Score:
    """A metric's corpus value and its value for each example, 0–100 unless the signature differs.

    value: None if there is nothing to average, the metric's data is missing, or its tokenizer does
        not see the references; `missing` then says what to do.
    each: the value of each example, None where it has none.
    signature: how they were computed.
    low, high: 95 % interval over users.
    unseen: share of the references' letters that the tokenizer does not see; None if unknown.
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

    files: data file → sha256 of its bytes, for a folder.
    """

    task: str
    split: str
    examples: tuple[Example, ...]
    references: Mapping[str, Reference]
    fingerprint: str
    dropped: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    """Metrics that the data source adds → arguments of each."""
    files: Mapping[str, str] = field(default_factory=dict, compare=False)

    def pairs(self) -> list[TrainingPair]:
        """Every example with its reference."""
        return [TrainingPair(example, self.references[example.id]) for example in self.examples]

    @property
    def user_count(self) -> int:
        """Number of users whose texts these are."""
        return len({example.user_id for example in self.examples})

    @property
    def targets(self) -> list[str]:
        """The text of every example's reference."""
        return [self.references[example.id].text for example in self.examples]


class AddedToken(Protocol):
    """A token added to the learnt vocabulary."""

    content: str
    special: bool


class Tokenizer(Protocol):
    """A fast tokenizer of transformers, as far as it is used here."""

    name_or_path: str
    eos_token_id: int | None
    pad_token_id: int | None
    all_special_ids: Sequence[int]
    all_special_tokens: Sequence[str]
    added_tokens_decoder: Mapping[int, AddedToken]
    chat_template: Any
    harness_template: Any
    """The run's settings of the chat template, added when the tokenizer is loaded."""

    def __call__(self, text: str, **options: bool) -> Mapping[str, Any]: ...

    def __len__(self) -> int: ...

    def decode(self, token_ids: Sequence[int], **options: bool) -> str: ...

    def get_vocab(self) -> Mapping[str, int]: ...

    def get_chat_template(self) -> str: ...

    def apply_chat_template(self, conversation: Sequence[Mapping[str, str]], **options: Any) -> str:
        """The rendered turns, with `tokenize=False`."""
