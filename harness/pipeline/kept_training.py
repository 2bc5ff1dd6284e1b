"""What a training leaves in a run's folder: its parts, its end, and whether that is intact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.engine.checkpoint import TrainLog, drop_checkpoint, save_checkpoint
from harness.engine.lm import PersonalLM
from harness.engine.weight_files import WEIGHTS, same_file
from harness.errors import mendable
from harness.method import Method
from harness.pipeline.trackers import EVENTS, ID
from harness.record import Training, read_state
from harness.record.state import Say

TRAINED, UNFINISHED, SEARCH = "training.json", "checkpoint", "lr.json"
TRIAL = "lr-checkpoint"
PHASES = "training-phases.json"
ADAPTERS = "adapters"
"""Folder of the trained adapters in peft's format, one a model."""


@dataclass(frozen=True)
class FinishedTraining:
    """What `training.json` holds: the record's entry, and the sha256 of the weights' file."""

    training: Training
    weights: str


def kept_for_users(method: Method) -> str:
    """What a method that adapts the model to users keeps in a run's folder; "" for any other."""
    adapts = type(method).adapt is not Method.adapt
    return f"what {method.name} keeps there for its users" if adapts else ""


def model_files(method: Method) -> str:
    """What the model of a finished run is loaded from."""
    parts = [WEIGHTS if method.trains else "the backbone", kept_for_users(method)]
    return " and ".join(filter(None, parts))


def finished_training(folder: Path, say: Say) -> FinishedTraining | None:
    """The finished training in a run's folder, with intact weights; None if there is none.

    say: takes a message if one of its files is damaged.
    """
    weights, summary = folder / WEIGHTS, folder / TRAINED
    if not (weights.is_file() and summary.is_file()):
        return None
    found = read_state(FinishedTraining, summary, say)
    if found is None or same_file(weights, found.weights, say):
        return found
    summary.unlink(missing_ok=True)  # so that it is said once
    return None


def save_steps(folder: Path, lm: PersonalLM, log: TrainLog) -> None:
    """Save a checkpoint of a training without steps left, so without moments of an optimizer.

    folder: of the checkpoint. lm: after the last step. log: of all steps. Raises OSError.
    """
    save_checkpoint(folder, lm, torch.optim.AdamW(lm.parameters()), log)


@contextmanager
def steps_kept(folder: Path, lm: PersonalLM, log: TrainLog, say: Say) -> Iterator[None]:
    """Inside, a stop (Ctrl-C, SIGTERM) saves all steps of a training: only what follows is redone.

    The first process alone saves, from a model that it has whole, while the others wait for it.

    folder, lm, log: as for `save_steps`.
    say: takes messages, one if the checkpoint cannot be saved.
    """
    try:
        yield
    except KeyboardInterrupt:
        say("stopping: saving a checkpoint of the last step; a second signal stops at once")
        try:
            save_steps(folder, lm, log)
        except OSError as error:
            say(f"cannot save a checkpoint: {mendable(error) or error}")
        raise


def trial_folder(folder: Path, lr: float) -> Path:
    """The checkpoint of a trial."""
    return folder / f"{TRIAL}-{lr!r}"


def drop_training(folder: Path) -> bool:
    """Remove what a training left in a run's folder; returns whether there was anything.

    Trackers then know the next one as another run, since its steps are counted from 1 again.
    """
    files = [folder / name for name in (WEIGHTS, TRAINED, SEARCH, PHASES, ID)]
    folders = [folder / name for name in (UNFINISHED, ADAPTERS, EVENTS)]
    folders += folder.glob(f"{TRIAL}-*")
    there = any(map(Path.exists, [*files, *folders]))
    for file in files:
        file.unlink(missing_ok=True)
    for each in folders:
        drop_checkpoint(each)
    return there
