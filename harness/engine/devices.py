"""Devices and number types of models."""

from __future__ import annotations

import torch
from accelerate import PartialState
from torch import nn

from harness.engine.four_bits import to_type
from harness.engine.ranks import Ranks
from harness.errors import UsageError
from harness.settings import ModelSettings

MOST_DEVICES = 2


def devices(settings: ModelSettings, ranks: Ranks | None = None) -> list[torch.device]:
    """The devices to use, the generator's first: one, or two with a reasoner on the second.

    ranks: the processes of the run. With several, each has one device: its own GPU, or the CPU.

    auto is the first CUDA GPU, else the CPU. Raises UsageError for a device that does not exist.
    """
    if ranks is not None and ranks.count > 1:
        return [_own_device(settings.device, ranks)]
    if settings.device == "auto":
        state = PartialState()
        if state.num_processes > 1:
            raise UsageError(
                f"{state.num_processes} processes were launched; expected one. Several processes"
                " need the command: `torchrun -m harness run …` or `harness run --processes N`"
            )
        return [state.device if state.device.type == "cuda" else torch.device("cpu")]
    try:
        chosen = [torch.device(name.strip()) for name in settings.device.split(",")]
    except RuntimeError:
        raise UsageError(
            f"model.device = {settings.device!r}; expected auto, cpu, cuda or cuda:0,cuda:1"
        ) from None
    if len(chosen) > MOST_DEVICES:
        raise UsageError(
            f"model.device = {settings.device!r}: {len(chosen)} devices; expected at most"
            f" {MOST_DEVICES}, for generator and reasoner. A model cannot be split over devices"
        )
    for device in chosen:
        count = torch.cuda.device_count()
        if device.type == "cuda" and (device.index or 0) >= count:
            raise UsageError(f"model.device = {settings.device!r}; this machine has {count} GPUs")
    return chosen


def uses_gpu(device: str) -> bool:
    """Whether a run with this `model.device` uses a GPU on this machine."""
    return torch.cuda.is_available() if device == "auto" else device.startswith("cuda")


def _own_device(asked: str, ranks: Ranks) -> torch.device:
    """The device of one of several processes. Raises UsageError where there is none for it."""
    if asked not in ("auto", "cpu", "cuda"):
        raise UsageError(
            f"model.device = {asked!r} with {ranks.count} processes; expected auto, cpu or cuda:"
            " each process takes a GPU of its own. Leave model.device out"
        )
    gpus = torch.cuda.device_count() if asked != "cpu" and torch.cuda.is_available() else 0
    if asked == "cpu" or (asked == "auto" and not gpus):
        return torch.device("cpu")
    if ranks.local_count > gpus:
        raise UsageError(
            f"{ranks.local_count} processes on a machine with {gpus} GPUs; expected a GPU for each."
            f" Use --processes {gpus or 1}, or --set model.device=cpu"
        )
    return torch.device("cuda", ranks.local)


def number_type(settings: ModelSettings, device: torch.device) -> torch.dtype:
    """The settings' number type; for "auto" bfloat16 on GPUs that support it, else float32.

    On a CPU `number_types` chooses for "auto".
    """
    if settings.dtype != "auto":
        return torch.float32 if settings.dtype == "float32" else torch.bfloat16
    capable = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if capable else torch.float32


def cast(lm: nn.Module, dtype: torch.dtype) -> None:
    """Cast parameters to `dtype`, see `to_type`; buffers stay as they are.

    Rotary frequencies in bfloat16 would shift position 500 by half a radian.
    """
    to_type(lm, dtype)


def place(lm: nn.Module, devices: list[torch.device]) -> None:
    """Move a model to its devices; with two, its `reasoner` goes to the second."""
    lm.to(devices[0])
    reasoner = getattr(lm, "reasoner", None)
    if len(devices) > 1 and isinstance(reasoner, nn.Module):
        reasoner.to(devices[1])
