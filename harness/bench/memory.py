"""Peak memory of each method, each in its own process."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from harness.bench.subject import (
    Case,
    for_generation,
    for_training,
    generate_batch,
    planned,
    step_seconds,
    training_rows,
)
from harness.engine.devices import devices
from harness.engine.peak_memory import PeakMemory
from harness.engine.quiet import quiet_libraries
from harness.registry import find, register_plugins
from harness.settings import RunSettings


@dataclass(frozen=True)
class Request:
    """What the other process measures; plain data, so that it can be sent there."""

    method: str
    plugin_files: tuple[Path, ...]
    settings: RunSettings
    case: Case


def peak_memory(request: Request) -> dict[str, Any]:
    """`peaks` of the request, in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peaks, request).result()


def peaks(request: Request) -> dict[str, Any]:
    """Peak MiB of this process before loading a model, during generation, and during training.

    From CUDA's allocator if models are on GPUs (0 before a model), else resident memory with
    libraries.
    """
    quiet_libraries()
    plugged = register_plugins(request.plugin_files)
    factory = plugged.get(request.method) or find("method", request.method)
    plan = planned(request.settings, request.method, factory, request.case.batch)
    where = devices(plan.settings.model)
    with PeakMemory(where) as before:
        pass
    with PeakMemory(where) as generation:
        generate_batch(for_generation(plan), request.case)
    training = None
    if plan.method.trains:
        with PeakMemory(where) as memory:
            subject = for_training(plan)
            step_seconds(subject, training_rows(subject)[0])
        training = memory.peak_mib
    return {
        "method": request.method,
        "before_mib": before.peak_mib,
        "writing_mib": generation.peak_mib,
        "training_mib": training,
    }
