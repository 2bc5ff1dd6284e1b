"""Unfinished trainings on disk: safetensors and JSON only; a checkpoint is replaced as a whole."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from harness.engine.micro_batches import TrainRow
from harness.engine.weight_files import (
    WEIGHTS,
    file_digest,
    load_weights,
    same_file,
    save_tensors,
    written_whole,
)
from harness.record import Step, read_state, write_state
from harness.record.durable import move, sync_path
from harness.record.state import Say

OPTIMIZER, PROGRESS = "optimizer.safetensors", "progress.json"


@dataclasses.dataclass
class TrainLog:
    """Curve and counts of a training, across resumed runs; steps that were lost count nowhere.

    seconds: of the steps.
    between_s: of the rest: setting up the optimizer, checkpoints, progress bars.
    """

    curve: list[Step] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    between_s: float = 0.0
    tokens: int = 0
    response_tokens: int = 0
    micro_tokens: int | None = None
    """Padded tokens in a micro-batch, if memory ran out at the settings' number."""
    of_trial: bool = False
    """Whether the best trial of a learning rate was taken over as the training."""

    def add(self, step: Step, rows: Sequence[TrainRow]) -> None:
        """Add a step on these rows."""
        self.curve.append(step)
        self.tokens += sum(map(len, rows))
        self.response_tokens += sum(len(row.response) for row in rows)
        self.seconds += step.seconds


@dataclasses.dataclass(frozen=True)
class Progress:
    """What lies in a checkpoint: the log, and the sha256 of its other files."""

    log: TrainLog
    files: Mapping[str, str]


def moments(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What a checkpoint holds of AdamW, by number of the parameter."""
    return {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def save_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, log: TrainLog
) -> None:
    """Save weights, optimizer moments and progress, replacing the folder as a whole.

    Progress is written last, so a draft that has it is complete. Raises OSError, e.g. where the
    disk is full; the old checkpoint then stays.
    """
    draft = draft_folder(folder)
    shutil.rmtree(draft, ignore_errors=True)
    with written_whole(draft):
        draft.mkdir(parents=True)
        save_tensors(lm, draft / WEIGHTS)
        found = moments(optimizer)
        save_file({k: part.detach().cpu().contiguous() for k, part in found.items()},
                  draft / OPTIMIZER)  # fmt: skip
        for name in (WEIGHTS, OPTIMIZER):
            sync_path(draft / name)
        digests = {name: file_digest(draft / name) for name in (WEIGHTS, OPTIMIZER)}
        write_state(draft / PROGRESS, Progress(log, digests))
    replace_checkpoint(folder)


def replace_checkpoint(folder: Path) -> None:
    """Put a complete draft in the place of the checkpoint in a folder.

    A kill amid the removal leaves the draft, which `whole_checkpoint` then uses.
    """
    shutil.rmtree(folder, ignore_errors=True)
    move(draft_folder(folder), folder)


def drop_checkpoint(folder: Path) -> None:
    """Remove a checkpoint and its drafts."""
    for path in (folder, draft_folder(folder)):
        shutil.rmtree(path, ignore_errors=True)


def draft_folder(folder: Path) -> Path:
    """Where a checkpoint is written before it is complete."""
    return folder.with_name(folder.name + ".part")


def load_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, say: Say = lambda text: None
) -> TrainLog | None:
    """Restore the checkpoint of one process; None if there is none, as in `whole_checkpoint`."""
    progress = whole_checkpoint(folder, say)
    if progress is None:
        return None
    load_weights(lm, folder / WEIGHTS)
    fields = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / OPTIMIZER).items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**fields, "state": state})
    return progress.log


def whole_checkpoint(folder: Path, say: Say = lambda text: None) -> Progress | None:
    """What the checkpoint in a folder says of itself; None if there is none.

    say: takes a message if a file of it is damaged; the checkpoint is then removed.

    A draft with progress is complete and newer than the folder: an interruption came before the
    old folder was removed, or amid that. It takes the folder's place.
    """
    draft = draft_folder(folder)
    if (draft / PROGRESS).is_file():
        progress = _undamaged(draft, say)
        if progress is not None:
            replace_checkpoint(folder)
            return progress
    if not folder.exists():
        return None
    progress = _undamaged(folder, say)
    if progress is None:
        drop_checkpoint(folder)
    return progress


def _undamaged(folder: Path, say: Say) -> Progress | None:
    """What a checkpoint says of itself; None, with a message, if a file of it is damaged."""
    progress = read_state(Progress, folder / PROGRESS, say)
    if progress is None or not all(
        same_file(folder / name, digest, say) for name, digest in progress.files.items()
    ):
        return None
    return progress
