"""Ask a judge about the texts of runs. Every reply is on disk at once; none is asked for twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from harness.data import load_split
from harness.data.user_limit import take
from harness.engine.endpoint.concurrent import as_they_end
from harness.engine.endpoint.replies import storable
from harness.errors import DataError, UsageError
from harness.judges.endpoint import MAX_TOKENS, Answer
from harness.judges.prompts import Question, aspects_question, pair_questions, wording
from harness.judges.replies import ReplyError, read_reply
from harness.pipeline.lock import locked
from harness.progress import Update
from harness.record import Record, read_predictions, texts_digest
from harness.record.digest import json_sha256
from harness.record.judged import (
    JUDGE,
    JUDGED,
    REPLIES,
    Ask,
    Judged,
    JudgeReply,
    Judging,
    read_judged,
    run_key,
)
from harness.record.state import append_lines, write_json
from harness.registry import find
from harness.settings import RunSettings, validate
from harness.types import SplitData


class Judge(Protocol):
    """Who is asked: an endpoint, or a model on this machine, which has no address."""

    name: str
    address: str | None
    parallel: int

    def ask(self, prompt: str) -> Answer:
        """The reply to one prompt."""
        ...


@dataclass(frozen=True)
class Texts:
    """A run's first sample. folder, record: the run. texts: example id → text."""

    folder: Path
    record: Record
    texts: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, record: Record) -> Texts:
        found = {one.id: one.output for one in read_predictions(folder) if one.sample == 0}
        if not found:
            raise DataError(f"{folder}: no texts; expected predictions.jsonl beside the record")
        return cls(folder, record, found)

    @property
    def name(self) -> str:
        return run_key(self.record)

    @property
    def digest(self) -> str:
        return self.record.texts or texts_digest(read_predictions(self.folder))


@dataclass(frozen=True)
class Task:
    """One judging: its folder, its description and all of its questions."""

    folder: Path
    judging: Judging
    questions: tuple[Question, ...]

    def open_questions(self, again: bool = False) -> list[Question]:
        """The questions without a reply on disk.

        again: those too whose reply could not be read.
        """
        if not (self.folder / JUDGE).is_file():
            return list(self.questions)
        known = read_judged(self.folder).by_question
        return still_open(self.questions, known, again)


def refuse_another_address(tasks: Iterable[Task]) -> None:
    """Raises UsageError where replies of a judge of this name came from another address."""
    for task in tasks:
        if not (task.folder / JUDGE).is_file():
            continue
        known, asked = read_judged(task.folder), task.judging
        if known.replies and known.judging.address not in (None, asked.address):
            raise UsageError(
                f"{task.folder}: {len(known.replies)} replies of {asked.judge} from"
                f" {known.judging.address}; --judge names {asked.address}\n"
                "  mend      --same-judge if it is the same model: its replies stay and only what"
                " is missing is asked.\n"
                "            If it is another one, serve it under a name of its own, or remove"
                " this folder to ask it everything"
            )


def prompt_digest(ask: Ask) -> str:
    """Digest of the prompt's wording and settings: temperature 0, and the longest reply."""
    return json_sha256(wording(ask), 0, MAX_TOKENS)[:12]


def split_of(record: Record) -> SplitData:
    """The test split of a run. Raises DataError if its data have changed."""
    settings = validate(RunSettings, record.settings, record.run_id)
    split = load_split(settings, "test")
    if split.fingerprint != record.data.test.fingerprint:
        raise DataError(
            f"{record.method}, run {record.run_id}: the data of {record.data.source} have changed"
            " since this run; expected those that it was made with. Restore them"
        )
    return split


def aspects_task(run: Texts, judge: Judge, split: SplitData, limit: int | None) -> Task:
    """Scores of the first sample of every example of a run."""
    task = find("task", split.task)
    questions = tuple(
        aspects_question(
            task, example, split.references[example.id].text, run.texts.get(example.id, "")
        )
        for example in take(split.examples, limit, split.fingerprint)
    )
    return _task("aspects", run, judge, questions, examples=len(questions))


def pairs_task(
    first: Texts, second: Texts, judge: Judge, split: SplitData, limit: int | None
) -> Task:
    """Which of two runs' texts is better, for every example in both orders."""
    task, questions, equal = find("task", split.task), list[Question](), list[str]()
    examples = take(split.examples, limit, split.fingerprint)
    for example in examples:
        texts = (first.texts.get(example.id, ""), second.texts.get(example.id, ""))
        if texts[0] == texts[1]:
            equal.append(example.id)
        else:
            reference = split.references[example.id].text
            questions += pair_questions(task, example, reference, texts)
    return _task(
        "pairs", first, judge, tuple(questions), examples=len(examples), equal=tuple(equal),
        against=second,
    )  # fmt: skip


def _task(
    ask: Ask,
    run: Texts,
    judge: Judge,
    questions: tuple[Question, ...],
    *,
    examples: int,
    equal: tuple[str, ...] = (),
    against: Texts | None = None,
) -> Task:
    judging = Judging(
        ask=ask,
        judge=judge.name,
        address=judge.address,
        prompt=prompt_digest(ask),
        run=run.name,
        texts=run.digest,
        against=against.name if against else None,
        against_texts=against.digest if against else None,
        examples=examples,
        equal=equal,
    )
    return Task(run.folder / JUDGED / judging.name, judging, questions)


def ask_all(task: Task, judge: Judge, update: Update, again: bool = False) -> Judged:
    """Ask every open question, several at a time. Raises UsageError as the judge does.

    update: takes what is done.
    again: ask again where a reply could not be read.
    """
    with locked(task.folder):
        waiting = task.open_questions(again)
        _describe(task, asks=bool(waiting))
        ask_each(task.judging.ask, waiting, judge, task.folder / REPLIES, update)
        return read_judged(task.folder)


def still_open(
    questions: Iterable[Question],
    known: Mapping[tuple[str, bool], JudgeReply],
    again: bool = False,
) -> list[Question]:
    """The questions that are to be asked.

    known: replies by id of the question and whether it was swapped.
    again: those too whose reply could not be read.
    """
    done = {
        key
        for key, reply in known.items()
        if reply.kept and not (again and reply.failure is not None)
    }
    return [each for each in questions if (each.id, each.swapped) not in done]


def ask_each(
    ask: Ask, questions: Sequence[Question], judge: Judge, path: Path, update: Update
) -> None:
    """Ask several questions at a time. Raises UsageError as the judge does.

    ask: their kind.
    path: every reply is a line of this file at once.
    update: takes what is done.
    """
    answers = as_they_end(lambda each: judge.ask(each.prompt), questions, judge.parallel)
    for done, (question, answer) in enumerate(answers, 1):
        reply = reply_of(ask, question, answer)
        append_lines(path, [reply])
        update(done, len(questions), reply.failure or "")


def _describe(task: Task, asks: bool) -> None:
    """Write what is judged; a description of more examples stays, with the judge's new address.

    asks: whether anything is asked; if not, older replies keep their unknown address.
    """
    path, judging = task.folder / JUDGE, task.judging
    if path.is_file():
        known = read_judged(task.folder).judging
        more = judging if judging.examples > known.examples else known
        address = judging.address if asks or known.address is not None else None
        judging = replace(more, address=address)
        if judging == known:
            return
    write_json(path, judging)


def reply_of(ask: Ask, question: Question, answer: Answer) -> JudgeReply:
    """An answer as it is kept, with what is read from it."""
    failure, detail, verdict = answer.failure, answer.detail, {}
    if failure is None and answer.text is not None:
        try:
            verdict = read_reply(ask, answer.text, question)
        except ReplyError as error:
            failure, detail = error.kind, error.detail
    return JudgeReply(
        id=question.id,
        swapped=question.swapped,
        reply=None if answer.text is None else storable(answer.text),
        failure=failure,
        detail=storable(detail),
        characters=question.characters,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=round(answer.seconds, 3),
        retries=answer.retries,
        **verdict,
    )
