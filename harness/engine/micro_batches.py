"""Micro-batches: rows by length within a budget of tokens, which is halved if memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch

from harness.errors import UsageError, is_out_of_memory
from harness.record.state import Say

T = TypeVar("T")


@dataclass(frozen=True)
class TrainRow:
    """One training example in tokens.

    response: what the model learns to generate: preface, text, end. views: further prompts by name.
    curriculum: (until, response) in order, as in Target.
    """

    id: str
    prompt: tuple[int, ...]
    response: tuple[int, ...]
    views: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    curriculum: tuple[tuple[float, tuple[int, ...]], ...] = ()

    def at(self, share: float) -> TrainRow:
        """The row with its response at this share of the training steps."""
        for until, response in self.curriculum:
            if share < until:
                return replace(self, response=response)
        return self

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


def micro_batches(rows: Sequence[TrainRow], most_tokens: int) -> list[list[TrainRow]]:
    """Rows by length in groups of at most `most_tokens` padded tokens; a longer row by itself."""
    groups: list[list[TrainRow]] = []
    for row in sorted(rows, key=len, reverse=True):  # the first of a group is its longest
        if groups and len(groups[-1][0]) * (len(groups[-1]) + 1) <= most_tokens:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


@dataclass
class TokenBudget:
    """Padded tokens in a micro-batch; less after memory ran out.

    most: the number now.
    say: takes a message when it is halved.
    halved: whether memory ran out.
    """

    most: int
    say: Say = lambda text: None
    halved: bool = False

    def fit(self, rows: Sequence[TrainRow], work: Callable[[list[list[TrainRow]]], T]) -> T:
        """`work` on the micro-batches of `rows`; if memory runs out, again on smaller ones.

        Raises UsageError if memory does not hold one row by itself.
        """
        while True:
            groups = micro_batches(rows, self.most)
            try:
                return work(groups)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
            # outside the except block, where the traceback would hold the memory of the batch
            self._halve(rows, groups, reason)

    def _halve(self, rows: Sequence[TrainRow], groups: list[list[TrainRow]], reason: str) -> None:
        if max(map(len, groups)) == 1:
            longest = max(map(len, rows))
            raise UsageError(
                f"memory does not hold one example of {longest} tokens by itself ({reason});"
                " expected more memory, or less to hold. Use --set"
                " train.gradient_checkpointing=true, lower budget.profile or budget.target, or"
                " choose a smaller backbone"
            )
        while self.most > 1 and micro_batches(rows, self.most) == groups:
            self.most //= 2
        self.halved = True
        release_memory()
        self.say(f"memory ran out ({reason}); micro-batches now hold {self.most} tokens")


def release_memory() -> None:
    """Free what a failed piece of work left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
