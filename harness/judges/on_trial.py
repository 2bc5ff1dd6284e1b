"""A judge on trial: each aspect that it scores, and their mean, is a metric of planted texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from harness.data.tasks import Task
from harness.judges.asking import Judge, ask_each, prompt_digest, still_open
from harness.judges.prompts import Question, aspects_question
from harness.metrics.base import MeanMetric, Pair
from harness.pipeline.lock import locked
from harness.progress import Update
from harness.record.digest import json_sha256
from harness.record.judged import ASPECTS, MEAN_ASPECT, JudgeReply, file_name, tried_as
from harness.record.state import read_lines


@dataclass(frozen=True)
class JudgeOnTrial:
    """What a judge says of planted texts.

    judge: who is asked.
    task: of the texts.
    folder: of the replies, a file for each judge, known by name and address; none is asked for
        twice.
    questions: what is asked about each text of an example, by `text_key`.
    """

    judge: Judge
    task: Task
    folder: Path
    questions: Mapping[tuple[int, str], Question]

    @classmethod
    def of(cls, judge: Judge, task: Task, folder: Path, pairs: Sequence[Pair]) -> JudgeOnTrial:
        """With the questions about these texts; the id of one is the digest of its prompt."""
        questions = {}
        for pair in pairs:
            one = aspects_question(task, pair.example, pair.reference, pair.prediction)
            digest = hashlib.sha256(one.prompt.encode()).hexdigest()[:24]
            questions[text_key(pair)] = replace(one, id=digest)
        return cls(judge, task, folder, questions)

    @property
    def path(self) -> Path:
        """The file of the replies."""
        who = [self.judge.name, *filter(None, [self.judge.address])]
        digest = json_sha256(*who, prompt_digest("aspects"))[:8]
        return self.folder / f"{file_name(self.judge.name)}-{digest}.jsonl"

    def replies(self) -> dict[str, JudgeReply]:
        """Question → the last reply to it. Raises DataError for a damaged file."""
        if not self.path.is_file():
            return {}
        return {each.id: each for each in read_lines(JudgeReply, self.path)}

    def open_questions(self, known: Mapping[str, JudgeReply]) -> list[Question]:
        """The different questions that are to be asked. known: the replies so far."""
        asked = {(each.id, each.swapped): each for each in known.values()}
        return still_open(self.different().values(), asked)

    def different(self) -> dict[str, Question]:
        """The questions by id: the same one once."""
        return {each.id: each for each in self.questions.values()}

    def ask(self, questions: Sequence[Question], update: Update) -> None:
        """Ask; every reply is on disk at once. Raises UsageError as the judge does.

        update: takes what is done.
        """
        with locked(self.folder):
            ask_each("aspects", questions, self.judge, self.path, update)

    def metrics(self, known: Mapping[str, JudgeReply]) -> list[AspectMetric]:
        """The mean of all aspects, and each of them; a text without a verdict has no value.

        known: the replies.
        """
        groups = {MEAN_ASPECT: ASPECTS, **{name: (name,) for name in ASPECTS}}
        return [AspectMetric(self, name, aspects, known) for name, aspects in groups.items()]


def text_key(pair: Pair) -> tuple[int, str]:
    """An example, which planted texts share and which differ in their profiles, and a text."""
    return id(pair.example), pair.prediction


class AspectMetric(MeanMetric):
    """The mean of a judge's scores of some aspects of a text, 1 to 5."""

    unit = "1–5"

    def __init__(
        self,
        judged: JudgeOnTrial,
        name: str,
        aspects: Sequence[str],
        replies: Mapping[str, JudgeReply],
    ) -> None:
        self._judged, self._aspects, self._replies = judged, aspects, replies
        self.name, self._signature = tried_as(judged.judge.name, name, prompt_digest("aspects"))
        self.title = self.name

    @property
    def signature(self) -> str:
        return self._signature

    def score(self, pair: Pair) -> float | None:
        reply = self._replies.get(self._judged.questions[text_key(pair)].id)
        scores = reply.scores if reply else {}
        return fmean(scores[name] for name in self._aspects) if scores else None
