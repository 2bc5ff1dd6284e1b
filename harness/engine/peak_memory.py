"""Peak memory of a phase, on GPUs or of this process."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psutil
import torch

MIB = 1 << 20
INTERVAL_S = 0.02
"""Seconds between two samples of this process's memory."""
MMAP_THRESHOLD = -3
"""glibc's name (malloc.h) of the size from which a block is mapped by itself."""
SMALL_BLOCK, LARGEST_BLOCK = 1 << 18, 1 << 25
"""That size in `freed_memory_returned`, and glibc's highest, which it reaches by itself."""


class PeakMemory:
    """Highest memory in MiB while the context is open, for models on `devices`.

    On GPUs: CUDA's allocator, summed over the devices. It counts tensors, not the driver's share.
    On a CPU: this process's resident memory, libraries included, sampled every 20 ms. Call
    `return_freed_memory` first to give each phase its own peak. Use one at a time: opening a second
    one on a GPU restarts the first one's peak.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._gpus = sorted({each.index or 0 for each in devices if each.type == "cuda"})
        self._peak_mib = 0.0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def peak_mib(self) -> float:
        """The peak so far; the final one once the context is closed."""
        if not self._closed.is_set():
            self._read_gpus()
        return self._peak_mib

    def __enter__(self) -> PeakMemory:
        for index in self._gpus:
            torch.cuda.reset_peak_memory_stats(index)
        if not self._gpus:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._read_gpus()
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _read_gpus(self) -> None:
        if self._gpus:
            self._peak_mib = sum(map(torch.cuda.max_memory_allocated, self._gpus)) / MIB

    def _sample(self) -> None:
        process, last = psutil.Process(), False
        while True:
            self._peak_mib = max(self._peak_mib, process.memory_info().rss / MIB)
            if last:
                return
            last = self._closed.wait(INTERVAL_S)


def return_freed_memory() -> None:
    """Return freed memory to the system; the C library keeps it, and it would count in later peaks.

    Only Linux supports this; elsewhere only garbage is collected.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


@contextmanager
def freed_memory_returned(enabled: bool = True) -> Iterator[None]:
    """Inside, the C library returns each freed block from 256 KiB to the system (Linux, glibc).

    Otherwise it keeps them for later, and blocks of other sizes take new memory beside the holes.
    On a CPU a training step then takes about 5 % more time (docs/performance.md).
    """
    library = ctypes.CDLL(None) if enabled and sys.platform == "linux" else None
    choose = getattr(library, "mallopt", None)
    if choose is None:
        yield
        return
    return_freed_memory()
    choose(MMAP_THRESHOLD, SMALL_BLOCK)
    try:
        yield
    finally:
        choose(MMAP_THRESHOLD, LARGEST_BLOCK)
