"""Options of the verbs that ask a judge, and who is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from harness.errors import UsageError, counted

if TYPE_CHECKING:
    from harness.judges.asking import Judge
    from harness.judges.prompts import Question

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class AskOptions:
    """How a judge is asked.

    Args:
        parallel: requests at the same time
        timeout: seconds in which the whole reply must come
        key_variable (NAME): environment variable with the endpoint's key
    """

    parallel: int = 4
    timeout: float = 120.0
    key_variable: str = "HARNESS_JUDGE_KEY"

    def __post_init__(self) -> None:
        if self.parallel < 1 or self.timeout <= 0:
            raise UsageError("--parallel and --timeout: expected numbers above 0")


def judge_of(text: str, options: AskOptions) -> Judge:
    """Who is asked; a model on this machine needs torch, an endpoint does not."""
    if "://" in text:
        from harness.judges.endpoint import endpoint_of

        return endpoint_of(text, options.key_variable, options.timeout, options.parallel)
    from harness.judges.local import LocalJudge

    return LocalJudge(text)


def print_questions(
    console: Console, judge: Judge, questions: Sequence[Question], known: int
) -> None:
    """Say how much will be asked. known: questions that were answered before."""
    console.print(
        f"{judge.name}: {counted(len(questions), 'question')} to ask, about"
        f" {prompt_tokens(questions):,} prompt tokens; {known:,} answered before"
    )


def prompt_tokens(questions: Sequence[Question]) -> int:
    """About how many tokens the prompts have."""
    return sum(len(each.prompt) for each in questions) // CHARACTERS_PER_TOKEN
