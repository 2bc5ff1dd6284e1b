"""The processes of a run at work: the first one carries the run out, the others follow it.

The first process asks for a piece of work by a function's name and its arguments; every process
then calls the function with its own job, its own copy of the model, and the same arguments. Only
the first one reads and writes the run's folder.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.engine.micro_batches import TokenBudget
from harness.engine.number_types import NumberTypes
from harness.engine.ranks import Ranks
from harness.errors import DivergedError
from harness.interruption import SIGNALS, StoppedTogether

if TYPE_CHECKING:
    from harness.engine.lm import PersonalLM
    from harness.pipeline.encoded_prompt import EncodedPrompt
    from harness.pipeline.job import Job
    from harness.pipeline.training_steps import TrainingData


@dataclass
class Team:
    """The processes of a run as this one sees them, and what it keeps between pieces of work.

    ranks: the processes.
    models: by name; in the first process those that all work on.
    data: the rows of the training.
    types: the number types that the first process chose.
    budget: tokens in a micro-batch of a likelihood.
    warm: models that have generated.
    """

    ranks: Ranks = field(default_factory=Ranks)
    models: dict[str, PersonalLM] = field(default_factory=dict)
    data: TrainingData | None = None
    types: NumberTypes | None = None
    budget: TokenBudget | None = None
    warm: set[str] = field(default_factory=set)
    _busy: bool = False

    def ask(self, work: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Have the other processes begin a piece of work; this one must do it too."""
        if self.ranks.count > 1:
            self._busy = True
            self.ranks.share((work, args))

    def done(self) -> None:
        """The piece of work has ended in every process."""
        self._busy = False

    def end(self) -> None:
        """Let the other processes go; after an error in a piece of work, end them."""
        if self.ranks.count == 1:
            return
        if self._busy:
            self.ranks.leave()
        else:
            self.ranks.share(None)


def follow(ranks: Ranks, make_job: Callable[[], Job]) -> None:
    """Do what the first process of a run asks for, until its run ends.

    make_job: called at the first piece of work, when the first process has prepared the data.

    Signals are left to the first process.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    job: Job | None = None
    while (asked := ranks.share(None)) is not None:
        work, args = asked
        job = job or make_job()
        with suppress(DivergedError, StoppedTogether):  # the first process raises the same
            work(job, *args)


def bare(batch: Sequence[EncodedPrompt]) -> list[EncodedPrompt]:
    """The prompts without the users' profiles, which no model reads, to be sent to a process."""
    return [replace(each, example=replace(each.example, profile=()), text="") for each in batch]
