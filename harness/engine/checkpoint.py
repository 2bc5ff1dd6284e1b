"""Weights on disk, and unfinished trainings: safetensors and JSON only, written atomically."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from harness.engine.train_log import TrainLog
from harness.errors import DataError
from harness.record import Step

WEIGHTS, OPTIMIZER, PROGRESS = "model.safetensors", "optimizer.safetensors", "progress.json"


def save_weights(lm: nn.Module, path: Path) -> None:
    """All tensors of `lm`; tied ones once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)  # an interruption may have left a link to another run's weights
    save_model(lm, str(draft))
    draft.replace(path)


def load_weights(lm: nn.Module, path: Path) -> None:
    """Fill `lm` from `path`. Raises DataError where a tensor is missing, left over or misshapen."""
    try:
        load_model(lm, str(path), strict=True)
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{path} does not fit this model: {error}\n"
            "  mend      use the settings that it was trained with, or --fresh to train anew"
        ) from error


def save_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer, log: TrainLog
) -> None:
    """Weights, optimizer moments and progress, replaced as one folder.

    The progress is written last, so a draft that holds it is whole.
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
    told = draft / (PROGRESS + ".part")
    told.write_text(json.dumps(dataclasses.asdict(log)))
    told.rename(draft / PROGRESS)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def drop_checkpoint(folder: Path) -> None:
    """Remove what `save_checkpoint` left, drafts too."""
    for place in (folder, _draft(folder)):
        shutil.rmtree(place, ignore_errors=True)


def _draft(folder: Path) -> Path:
    return folder.with_name(folder.name + ".part")


def load_checkpoint(
    folder: Path, lm: nn.Module, optimizer: torch.optim.Optimizer
) -> TrainLog | None:
    """Restore what `save_checkpoint` left, or None where there is nothing.

    A save that was stopped between removing the old folder and naming the new one left its draft.
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
