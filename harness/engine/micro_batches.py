"""Micro-batches: rows by length within a budget of tokens, which is halved if memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch

from harness.engine.ranks import Ranks
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
    ranks: processes that halve it together, because each works on a part of the same rows.
    again: whether work is done again where memory ran out. It cannot be where processes hold parts
        of one model: the others wait in the middle of a layer.
    """

    most: int
    say: Say = lambda text: None
    halved: bool = False
    ranks: Ranks = field(default_factory=Ranks)
    again: bool = True

    def groups(self, rows: Sequence[TrainRow]) -> list[list[TrainRow]]:
        """The micro-batches of `rows`; with several processes, small enough for each to have one.

        They are the same in every process.
        """
        share = -(-sum(map(len, rows)) // self.ranks.count)
        return micro_batches(rows, self.most if self.ranks.count == 1 else min(self.most, share))

    def fit(self, rows: Sequence[TrainRow], work: Callable[[list[list[TrainRow]]], T]) -> T:
        """`work` on the micro-batches of `rows`; if memory runs out, again on smaller ones.

        If it runs out in any process, it is done again in all of them.

        Raises UsageError if memory does not hold one row by itself.
        """
        while True:
            groups, done, reason = self.groups(rows), list[T](), ""
            try:
                done.append(work(groups))
            except (RuntimeError, MemoryError) as error:
                if not (self.again and is_out_of_memory(error)):
                    raise
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
            # outside the except block, where the traceback would hold the memory of the batch
            if not self.ranks.any(bool(reason)):
                return done[0]
            self._halve(rows, groups, reason or "in another process")

    def _halve(self, rows: Sequence[TrainRow], groups: list[list[TrainRow]], reason: str) -> None:
        if max(map(len, groups)) == 1:
            longest = max(map(len, rows))
            raise UsageError(
                f"memory does not hold one example of {longest} tokens by itself ({reason});"
                " expected more memory, or less to hold. Use --set"
                " train.gradient_checkpointing=true, lower budget.profile or budget.target, or"
                " choose a smaller backbone"
            )
        while self.most > 1 and self.groups(rows) == groups:
            self.most //= 2
        self.halved = True
        release_memory()
        self.say(f"memory ran out ({reason}); micro-batches now hold {self.most} tokens")


def release_memory() -> None:
    """Free what a failed piece of work left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
