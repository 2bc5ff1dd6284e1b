"""Weights and unfinished trainings on disk: safetensors and JSON only, written atomically."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from harness.errors import DataError
from harness.record import Step, write_json

WEIGHTS, OPTIMIZER, PROGRESS = "model.safetensors", "optimizer.safetensors", "progress.json"


@dataclasses.dataclass
class TrainLog:
    """Curve and counts of a training; `seconds` counts steps only, across resumed runs."""

    curve: list[Step] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    response_tokens: int = 0


def save_weights(lm: nn.Module, path: Path) -> None:
    """Save all tensors of `lm`, tied ones once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)  # a leftover may be a link to another run's weights
    save_model(lm, str(draft))
    draft.replace(path)


def load_weights(lm: nn.Module, path: Path) -> None:
    """Load `lm` from `path`. Raises DataError for missing, unexpected or misshapen tensors."""
    try:
        load_model(lm, str(path), strict=True)
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{path} does not fit this model: {error}\n"
            "  mend      use the settings that it was trained with, or --fresh to train again"
        ) from error


def save_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, log: TrainLog
) -> None:
    """Save weights, optimizer moments and progress, replacing the folder as a whole.

    Progress is written last, so a draft that has it is complete.
    """
    draft = _draft(folder)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_model(lm, str(draft / WEIGHTS))
    moments = {
        f"{index}.{name}": value.detach().cpu().contiguous()
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    save_file(moments, draft / OPTIMIZER)
    write_json(draft / PROGRESS, dataclasses.asdict(log))
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def drop_checkpoint(folder: Path) -> None:
    """Remove a checkpoint and its drafts."""
    for path in (folder, _draft(folder)):
        shutil.rmtree(path, ignore_errors=True)


def _draft(folder: Path) -> Path:
    return folder.with_name(folder.name + ".part")


def load_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer
) -> TrainLog | None:
    """Restore a checkpoint; None if there is none.

    An interruption between removing the old folder and renaming the new one leaves a complete
    draft, which is used.
    """
    if not folder.exists() and (_draft(folder) / PROGRESS).is_file():
        _draft(folder).rename(folder)
    if not (folder / PROGRESS).is_file():
        return None
    load_weights(lm, folder / WEIGHTS)
    fields = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / OPTIMIZER).items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**fields, "state": state})
    progress = json.loads((folder / PROGRESS).read_text())
    curve = [Step(**step) for step in progress.pop("curve")]
    return TrainLog(curve=curve, **progress)
