"""Where models run and in which numbers."""

from __future__ import annotations

import torch
from accelerate import PartialState
from torch import nn

from harness.errors import UsageError
from harness.settings import ModelSettings

MOST = 2
"""Devices that a run can use."""


def devices(settings: ModelSettings) -> list[torch.device]:
    """The devices to use, the generator's first: one, or two with a reasoner on the second.

    auto is the first GPU of CUDA, else the CPU. Raises UsageError for one that is not here.
    """
    if settings.device == "auto":
        state = PartialState()
        if state.num_processes > 1:
            raise UsageError(
                f"{state.num_processes} processes were launched; a run is one process."
                " Name devices instead, e.g. --set model.device=cuda:0,cuda:1"
            )
        return [state.device if state.device.type == "cuda" else torch.device("cpu")]
    try:
        found = [torch.device(name.strip()) for name in settings.device.split(",")]
    except RuntimeError:
        raise UsageError(
            f"model.device = {settings.device!r}; expected auto, cpu, cuda or cuda:0,cuda:1"
        ) from None
    if len(found) > MOST:
        raise UsageError(
            f"model.device = {settings.device!r}: {len(found)} devices; expected at most {MOST},"
            " the generator's and the reasoner's. A model is not split over devices"
        )
    for device in found:
        count = torch.cuda.device_count()
        if device.type == "cuda" and (device.index or 0) >= count:
            raise UsageError(f"model.device = {settings.device!r}; this machine has {count} GPUs")
    return found


def number_type(settings: ModelSettings, device: torch.device) -> torch.dtype:
    """float32 on a CPU; bfloat16 where a GPU has it, unless the settings say otherwise."""
    if settings.dtype != "auto":
        return torch.float32 if settings.dtype == "float32" else torch.bfloat16
    capable = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if capable else torch.float32


def cast(lm: nn.Module, dtype: torch.dtype) -> None:
    """Parameters in `dtype`, buffers as they are.

    In bfloat16 the frequencies of rotary embeddings would turn a position 500 by half a radian.
    """
    for part in lm.parameters():
        part.data = part.data.to(dtype)


def place(lm: nn.Module, where: list[torch.device]) -> None:
    """Move a model; with two devices, a method's `reasoner` goes to the second."""
    lm.to(where[0])
    reasoner = getattr(lm, "reasoner", None)
    if len(where) > 1 and isinstance(reasoner, nn.Module):
        reasoner.to(where[1])
