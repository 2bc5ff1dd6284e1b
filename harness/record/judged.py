"""What a language model as judge said of a run's texts: files below the run's folder.

    judged/NAME/judge.json       who was asked what about which texts
    judged/NAME/replies.jsonl    one raw reply a line, with what was read from it

They are no part of the record, whose numbers do not depend on a judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.record.digest import json_sha256
from harness.record.estimates import View
from harness.record.reading import from_json
from harness.record.schema import Record
from harness.record.state import read_lines

JUDGED, JUDGE, REPLIES = "judged", "judge.json", "replies.jsonl"
Ask = Literal["aspects", "pairs"]
Shown = Literal["first", "second", "tie"]
ASPECTS = ("coverage", "accuracy", "tone", "wording", "structure")
"""The first two are about content, the others about style."""
CRITERIA = ("content", "style", "overall")
"""What a pair of texts is compared on."""
MEAN_ASPECT = "mean of aspects"
NO_REPLY = ("timeout", "rate limit", "server error", "connection")
"""Failures without a reply; these texts are asked about again."""


def run_key(record: Record) -> str:
    """How a judging names a run."""
    return f"{record.method}/{record.run_id}"


@dataclass(frozen=True, kw_only=True)
class Judging(View):
    """One judge, one question, the texts of one run, or of two."""

    ask: Ask
    """aspects: scores of each text. pairs: which of two texts is better."""
    judge: str
    """Name of the model; for a folder, its last part and the digest of its files."""
    address: str | None = None
    """URL of the endpoint that gave the replies; null for a folder, and in older files."""
    prompt: str
    """Digest of the prompt's wording and settings."""
    run: str
    """The run's method and run_id."""
    texts: str
    """sha256 of its texts."""
    against: str | None = None
    """pairs: the other run's method and run_id."""
    against_texts: str | None = None
    """pairs: sha256 of the other run's texts."""
    examples: int
    """Examples whose texts are judged."""
    equal: tuple[str, ...] = ()
    """pairs: examples where both texts are the same, so that nothing is asked: ties."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        parts = (self.ask, self.judge, self.prompt, self.texts, self.against_texts)
        return f"{self.ask}-{file_name(self.judge)}-{json_sha256(*parts)[:8]}"


@dataclass(frozen=True, kw_only=True)
class JudgeReply(View):
    """One reply of a judge, or why there is none."""

    id: str
    """The example."""
    swapped: bool = False
    """pairs: whether the run's own text was shown second."""
    reply: str | None
    """The raw text; null if none came."""
    failure: str | None = None
    """Why it has no verdict, e.g. timeout, bad JSON, out of range, refusal."""
    detail: str = ""
    """More about the failure."""
    scores: Mapping[str, int] = field(default_factory=dict)
    """aspects: aspect → 1 to 5."""
    better: Mapping[str, Shown] = field(default_factory=dict)
    """pairs: criterion → which of the two texts as shown is better."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Aspect or criterion → the quote that the judge gives."""
    not_in_text: tuple[str, ...] = ()
    """Aspects or criteria whose quote is not in the judged text."""
    characters: tuple[int, ...] = ()
    """Lengths of the texts: the run's own, then the other's."""
    prompt_tokens: int | None = None
    """As the endpoint counts them."""
    completion_tokens: int | None = None
    """As the endpoint counts them."""
    seconds: float = 0.0
    """From the question to the reply, with retries."""
    retries: Mapping[str, int] = field(default_factory=dict)
    """Reason → attempts that were repeated."""

    @property
    def kept(self) -> bool:
        """Whether there is a reply, so that the same question is not asked again."""
        return self.failure not in NO_REPLY

    def wins(self, criterion: str) -> float | None:
        """1 if the run's own text is better, 0 if the other is, 0.5 for a tie; None if unknown."""
        shown = self.better.get(criterion)
        if shown is None or shown == "tie":
            return None if shown is None else 0.5
        return float((shown == "second") == self.swapped)


@dataclass(frozen=True)
class Judged:
    """A judging with its replies so far.

    asked: one for each time that a question was asked; what they cost.
    """

    folder: Path
    judging: Judging
    asked: tuple[JudgeReply, ...]

    @property
    def by_question(self) -> dict[tuple[str, bool], JudgeReply]:
        """The last reply to each question, which counts."""
        return {(each.id, each.swapped): each for each in self.asked}

    @property
    def replies(self) -> tuple[JudgeReply, ...]:
        """The last reply to each question."""
        return tuple(self.by_question.values())


def read_judged(folder: Path) -> Judged:
    """One judging. Raises DataError, with file and line, for what cannot be read."""
    path = folder / JUDGE
    judging = from_json(Judging, path.read_bytes(), str(path))
    return Judged(folder, judging, tuple(read_lines(JudgeReply, folder / REPLIES)))


def judgings_of(run: Path) -> list[Judged]:
    """Everything that was judged of a run, in the order of the folders' names."""
    return [read_judged(path.parent) for path in sorted((run / JUDGED).glob(f"*/{JUDGE}"))]


def requests(replies: Iterable[JudgeReply]) -> int:
    """Requests that were sent for these replies, retries included."""
    return sum(1 + sum(each.retries.values()) for each in replies)


def file_name(judge: str) -> str:
    """A judge's name as part of a file's or folder's."""
    return "".join(char if char.isalnum() else "-" for char in judge)[:40].strip("-")


def tried_as(judge: str, aspect: str, prompt: str) -> tuple[str, str]:
    """Name and signature of a judge's aspect as a metric on trial.

    prompt: as in `Judging`.
    """
    name = f"{judge}: {aspect}"
    return name, f"{name}|prompt:{prompt}"
