"""When a training saves its checkpoints, and what it reads of an earlier one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.engine.checkpoint import TrainLog, load_checkpoint, save_checkpoint, whole_checkpoint
from harness.engine.clock import now
from harness.engine.lm import PersonalLM
from harness.engine.ranks import Ranks, is_shard
from harness.engine.shard_files import ShardSaver, load_shards
from harness.errors import DivergedError, mendable
from harness.interruption import StoppedTogether
from harness.record.state import Say
from harness.record.storage import WEIGHTS


def resumed(
    folder: Path, lm: PersonalLM, optimizer: torch.optim.Optimizer, say: Say, ranks: Ranks
) -> TrainLog | None:
    """Restore the checkpoint in `folder`, of one process or of several; None if there is none.

    lm, optimizer: of the training; they change.
    say: takes a message if a file is damaged.
    ranks: the processes, which all call this.
    """
    found = ranks.share(whole_checkpoint(folder, say) if ranks.first else None)
    if found is None:
        return None
    if ranks.count == 1 and WEIGHTS in found.files:
        return load_checkpoint(folder, lm, optimizer, say)
    load_shards(folder, lm, optimizer)
    return found.log


@dataclass
class Saver:
    """Saves the checkpoint of a training, and counts the time between its steps.

    folder: of the checkpoint; None: save nothing.
    lm, optimizer, log: the training.
    minutes: between checkpoints.
    say: takes a message when one cannot be saved, which does not end the training.
    begin: when the training began in this process.
    ranks: the processes. The first one saves a model that each of them has whole, all of them a
        sharded one, in the background.
    """

    folder: Path | None
    lm: PersonalLM
    optimizer: torch.optim.Optimizer
    log: TrainLog
    minutes: float
    say: Say
    begin: float
    ranks: Ranks

    def __post_init__(self) -> None:
        self.saved = time.monotonic()
        self.steps_before, self.between_before = self.log.seconds, self.log.between_s
        shards = self.folder is not None and any(map(is_shard, self.lm.parameters()))
        self.shards = ShardSaver(self.ranks) if shards else None

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """At the end, and where all processes diverged: wait for what is being written."""
        if kind is None or issubclass(kind, DivergedError):
            self.finish()

    def count_rest(self) -> None:
        """Put the time between the steps so far into the log."""
        steps = self.log.seconds - self.steps_before
        self.log.between_s = self.between_before + max(0.0, now() - self.begin - steps)

    def after_step(self, more: bool, asked: int) -> None:
        """Save the checkpoint if it is due, or if a signal asked for the end.

        more: whether steps remain. asked: the number of the signal, or 0. The first process
        decides. Raises StoppedTogether after a signal.
        """
        if self.folder is None:
            return
        due = more and time.monotonic() - self.saved > 60 * self.minutes
        written = self.shards is not None and self.shards.written
        due, asked, written = self.ranks.share((due, asked, written))
        if written:
            self.finish()
        if due or asked:
            self.save(self.folder)
        if asked:
            self.finish()
            raise StoppedTogether(asked)

    def save(self, folder: Path) -> None:
        """Save the checkpoint now; one that cannot be saved is reported, and the old one stays."""
        self.count_rest()
        try:
            if self.shards is not None:
                self.shards.begin(folder, self.lm, self.optimizer, self.log)
            elif self.ranks.first:
                save_checkpoint(folder, self.lm, self.optimizer, self.log)
        except OSError as error:
            self._report(error)
        self.saved = time.monotonic()

    def finish(self) -> None:
        """Wait for the checkpoint that is being written in the background."""
        if self.shards is None:
            return
        try:
            self.shards.finish()
        except OSError as error:
            self._report(error)

    def _report(self, error: OSError) -> None:
        self.say(f"cannot save a checkpoint: {mendable(error) or error}. The training continues")
