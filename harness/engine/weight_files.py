"""Weights on disk: safetensors files, written atomically, known by their digests."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from harness.engine.lean_models import separate
from harness.errors import DataError
from harness.record.durable import draft_of, move, remove, sync_path
from harness.record.state import DAMAGED, MISSING, Say
from harness.record.storage import WEIGHTS as WEIGHTS


def save_weights(lm: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> str:
    """Save all tensors of `lm`, tied ones once. Returns the file's sha256.

    dtype: bfloat16 stores what trains in that type; see `round_trained`.

    Raises OSError naming the file, e.g. where the disk is full; the old file then stays.
    """
    with drafted(path) as draft:
        if dtype is torch.float32:
            save_tensors(lm, draft)
        else:
            save_file(_stored(lm, dtype), draft)
        sync_path(draft)
        return file_digest(draft)


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


def save_tensors(lm: nn.Module, path: Path) -> None:
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
        raise unfit(path, error) from error


def unfit(path: Path, why: object) -> DataError:
    """The error of weights that are another model's."""
    return DataError(
        f"{path} does not fit this model: {why}\n"
        "  mend      use the settings that it was trained with, or --fresh to train again"
    )


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
    """Whether a file has this sha256; says so where it does not, is gone, or cannot be read."""
    try:
        found = file_digest(path)
    except FileNotFoundError:
        say(f"{MISSING}: {path}")
        return False
    except OSError as error:
        say(f"{DAMAGED}: {path}: {error.strerror}")
        return False
    if found != digest:
        say(f"{DAMAGED}: {path}: its content is not what was saved")
    return found == digest


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Where to write a file or folder that then replaces `path` as a whole.

    The draft lies in a folder of its own: safetensors writes through a file with a name of its own
    beside its target, which a kill would leave there. Raises OSError; `path` then stays.
    """
    place = draft_of(path)
    remove(place)  # a leftover may be a link to another run's weights
    with written_whole(place):
        place.mkdir(parents=True)
        yield place / path.name
        if path.is_dir():
            remove(path)
        move(place / path.name, path)
    place.rmdir()


@contextmanager
def written_whole(draft: Path) -> Iterator[None]:
    """Removes a draft folder whose writing failed; the library's own error becomes an OSError."""
    try:
        yield
    except BaseException as error:
        remove(draft)
        code = re.search(r"os error (\d+)", str(error))
        if isinstance(error, SafetensorError) and code:
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(draft)) from None
        raise
