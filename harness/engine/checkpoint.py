"""Weights and unfinished trainings on disk: safetensors and JSON only, written atomically."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from harness.engine.lean_models import separate
from harness.engine.micro_batches import TrainRow
from harness.errors import DataError
from harness.record import Step, read_state, write_state
from harness.record.durable import draft_of, move, sync_path
from harness.record.state import DAMAGED, Say
from harness.record.storage import WEIGHTS as WEIGHTS

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


def save_weights(lm: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> str:
    """Save all tensors of `lm`, tied ones once. Returns the file's sha256.

    dtype: bfloat16 stores what trains in that type; see `round_trained`.

    Raises OSError naming the file, e.g. where the disk is full; the old file then stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    draft.unlink(missing_ok=True)  # a leftover may be a link to another run's weights
    with _written(draft):
        if dtype is torch.float32:
            _save(lm, draft)
        else:
            save_file(_stored(lm, dtype), draft)
        sync_path(draft)
        digest = file_digest(draft)
        move(draft, path)
    return digest


def round_trained(lm: nn.Module, dtype: torch.dtype) -> None:
    """Give what trains the values that it has once it was stored in `dtype`; its type stays."""
    for part in lm.parameters():
        if part.requires_grad:
            part.data = part.data.to(dtype).to(part.dtype)


def _stored(lm: nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The tensors of a weights' file; what trains in `dtype`, the rest as it is."""
    trains = {
        name for name, part in lm.named_parameters(remove_duplicate=False) if part.requires_grad
    }
    return {
        name: tensor.to(dtype if name in trains else tensor.dtype).cpu().contiguous().clone()
        for name, tensor in saved_tensors(lm).items()
    }


def moments(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What a checkpoint holds of AdamW, by number of the parameter."""
    return {
        f"{index}.{name}": value
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def saved_tensors(lm: nn.Module) -> dict[str, torch.Tensor]:
    """What is saved of a model, tied tensors once: all, or what trains of one with adapters."""
    if getattr(lm, "adapted", False):
        return trained_tensors(lm)
    found: dict[int, tuple[str, torch.Tensor]] = {}
    for name, tensor in lm.state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), (name, tensor.detach()))
    return dict(found.values())


def trained_tensors(lm: nn.Module) -> dict[str, torch.Tensor]:
    """What training can change in a model with adapters: all tensors but frozen parameters.

    A parameter with two names has the first one.
    """
    frozen = {name: part for name, part in lm.named_parameters() if not part.requires_grad}
    left_out = {*map(id, frozen.values())}
    found: dict[str, torch.Tensor] = {}
    for name, tensor in lm.state_dict(keep_vars=True).items():
        scale_of, _, _ = name.rpartition(".weight.")  # of weights in 4 bits
        if id(tensor) not in left_out and f"{scale_of}.weight" not in frozen:
            left_out.add(id(tensor))
            found[name] = tensor.detach()
    return found


def _save(lm: nn.Module, path: Path) -> None:
    """Save all tensors of `lm`, or those that train if it has adapters.

    Parameters get their own memory before: safetensors refuses parts of larger tensors.
    """
    if getattr(lm, "adapted", False):
        save_file({k: part.cpu().contiguous() for k, part in trained_tensors(lm).items()}, path)
        return
    separate(lm)
    save_model(lm, str(path))


def load_weights(lm: nn.Module, path: Path) -> None:
    """Load `lm` from `path`; if it has adapters, what trains.

    Raises DataError for missing, unexpected or misshapen tensors.
    """
    try:
        if getattr(lm, "adapted", False):
            _load_trained(lm, path)
        else:
            separate(lm)
            load_model(lm, str(path), strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise DataError(
            f"{path} does not fit this model: {error}\n"
            "  mend      use the settings that it was trained with, or --fresh to train again"
        ) from error


def _load_trained(lm: nn.Module, path: Path) -> None:
    """Load what trains in a model with adapters. Raises RuntimeError for tensors that do not fit
    it."""
    own, stored = trained_tensors(lm), load_file(path)
    wrong = {
        name: [list(part[name].shape) if name in part else None for part in (stored, own)]
        for name in sorted(own.keys() | stored.keys())
        if name not in own or name not in stored or own[name].shape != stored[name].shape
    }
    if wrong:
        shown = ", ".join(f"{k} {got}, not {known}" for k, (got, known) in list(wrong.items())[:3])
        raise RuntimeError(f"{len(wrong)} tensors of the adapters differ: {shown}")
    for name, tensor in own.items():
        tensor.copy_(stored[name])


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_file(path: Path, digest: str, say: Say) -> bool:
    """Whether a file has this sha256; says so where it does not, or cannot be read."""
    try:
        found = file_digest(path)
    except OSError as error:
        say(f"{DAMAGED}: {path}: {error.strerror}")
        return False
    if found != digest:
        say(f"{DAMAGED}: {path}: its content is not what was saved")
    return found == digest


def save_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, log: TrainLog
) -> None:
    """Save weights, optimizer moments and progress, replacing the folder as a whole.

    Progress is written last, so a draft that has it is complete. Raises OSError, e.g. where the
    disk is full; the old checkpoint then stays.
    """
    draft = draft_folder(folder)
    shutil.rmtree(draft, ignore_errors=True)
    with _written(draft):
        draft.mkdir(parents=True)
        _save(lm, draft / WEIGHTS)
        found = moments(optimizer)
        save_file({k: part.detach().cpu().contiguous() for k, part in found.items()},
                  draft / OPTIMIZER)  # fmt: skip
        for name in (WEIGHTS, OPTIMIZER):
            sync_path(draft / name)
        digests = {name: file_digest(draft / name) for name in (WEIGHTS, OPTIMIZER)}
        write_state(draft / PROGRESS, Progress(log, digests))
    shutil.rmtree(folder, ignore_errors=True)
    move(draft, folder)


@contextmanager
def _written(draft: Path) -> Iterator[None]:
    """Removes a draft whose writing failed; the library's own error becomes an OSError."""
    try:
        yield
    except BaseException as error:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        code = re.search(r"os error (\d+)", str(error))
        if isinstance(error, SafetensorError) and code:
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(draft)) from None
        raise


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

    An interruption between removing the old folder and renaming the new one leaves a complete
    draft, which is used.
    """
    if not folder.exists() and (draft_folder(folder) / PROGRESS).is_file():
        draft_folder(folder).rename(folder)
    if not folder.exists():
        return None
    progress = read_state(Progress, folder / PROGRESS, say)
    if progress is None or not all(
        same_file(folder / name, digest, say) for name, digest in progress.files.items()
    ):
        drop_checkpoint(folder)
        return None
    return progress
