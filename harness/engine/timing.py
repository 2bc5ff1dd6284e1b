"""The one clock: phases of a run, memory at its peak, and what decoding cost."""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import psutil
import torch

MIB = 1 << 20
T = TypeVar("T")


def synchronise() -> None:
    """Wait for every CUDA device, so that a time includes the work it started."""
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            torch.cuda.synchronize(index)


def now() -> float:
    """Seconds on a monotonic clock, after the devices have finished."""
    synchronise()
    return time.perf_counter()


class Phases:
    """Wall seconds by named phase, and of all; a phase entered twice adds up.

    With `keep`, what an interrupted sitting spent counts too.
    """

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self._begin, self._path = clock(), Path()

    @property
    def wall_s(self) -> float:
        """Seconds since this was made, and those of earlier sittings."""
        return self.clock() - self._begin

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begin = self.clock()
        before = self.seconds.get(name, 0.0)
        try:
            yield
        finally:
            self.seconds[name] = before + self.clock() - begin
            if self._path.name:
                self._save()
                self.seconds[name] = before + self.clock() - begin  # a slow disk counts too

    def keep(self, path: Path) -> None:
        """Add what earlier sittings left at `path`; after each phase, leave there what is known."""
        self._path = path
        if path.is_file():
            earlier = json.loads(path.read_text())
            for name, seconds in earlier["seconds"].items():
                self.seconds[name] = self.seconds.get(name, 0.0) + seconds
            self._begin -= earlier["wall_s"]

    def forget(self) -> None:
        """Remove the file of `keep`: what it held is in the record now."""
        if self._path.name:
            self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        draft = self._path.with_name(self._path.name + ".part")
        draft.write_text(json.dumps({"wall_s": self.wall_s, "seconds": self.seconds}))
        draft.replace(self._path)


class PeakMemory:
    """Highest memory in MiB since the context was opened, for models on `devices`.

    On GPUs CUDA's allocator, summed over them: tensors, not the driver's own share. Else this
    process's RSS, libraries included, sampled every 20 ms, so that each phase has its own peak in
    one process (see `return_freed_memory`). One at a time: opening a second one on a GPU begins the
    first one's peak anew.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._gpus = sorted({each.index or 0 for each in devices if each.type == "cuda"})
        self._peak_mib = 0.0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def peak_mib(self) -> float:
        """So far; after the context is closed, what it was then."""
        if not self._closed.is_set():
            self._ask_gpus()
        return self._peak_mib

    def __enter__(self) -> PeakMemory:
        for index in self._gpus:
            torch.cuda.reset_peak_memory_stats(index)
        if not self._gpus:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ask_gpus()
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _ask_gpus(self) -> None:
        if self._gpus:
            self._peak_mib = sum(map(torch.cuda.max_memory_allocated, self._gpus)) / MIB

    def _watch(self) -> None:
        process, last = psutil.Process(), False
        while True:
            self._peak_mib = max(self._peak_mib, process.memory_info().rss / MIB)
            if last:
                return
            last = self._closed.wait(0.02)


def return_freed_memory() -> None:
    """Give the system what an earlier phase freed; the C library keeps it, as the next one's."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def middle(seconds: Sequence[float]) -> tuple[float | None, tuple[float, float] | None]:
    """Median of some times, and their quartiles as its spread; None where there are none."""
    if not seconds:
        return None, None
    spread = quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else 3 * [seconds[0]]
    return median(seconds), (spread[0], spread[2])


def repeat(work: Callable[[], object], *, warmup: int = 1, times: int = 5) -> list[float]:
    """Seconds of each of `times` runs of `work`, after `warmup` runs that do not count."""
    for _ in range(warmup):
        work()
    seconds = []
    for _ in range(times):
        begin = now()
        work()
        seconds.append(now() - begin)
    return seconds


def interleaved(
    work: Mapping[str, Callable[[], T]],
    *,
    times: int,
    warmup: int = 1,
    after: Callable[[str], None] = lambda name: None,
) -> dict[str, list[T]]:
    """What each piece of work returned, `times` times, after `warmup` rounds that do not count.

    ABAB…: every round runs each piece once, in order, so that what disturbs the machine for a
    while disturbs all of them, and the n-th results of two pieces are a pair. `after` is told
    the name of each piece that has run.
    """
    found: dict[str, list[T]] = {name: [] for name in work}
    for turn in range(warmup + times):
        for name, piece in work.items():
            result = piece()
            if turn >= warmup:
                found[name].append(result)
            after(name)
    return found


@dataclass
class DecodeClock:
    """What decoding cost, batch by batch: time to the first visible token, then time per step.

    total: seconds of the visible text alone; tokens: visible ones.
    """

    first: list[float] = field(default_factory=list)
    per_step: list[float] = field(default_factory=list)
    total: float = 0.0
    tokens: int = 0

    def add(self, first: float, rest: float, steps: int, tokens: int) -> None:
        """One batch: seconds to its first token and of its other `steps`; visible tokens."""
        self.first.append(first)
        if steps:
            self.per_step.append(rest / steps)
        self.total += first + rest
        self.tokens += tokens

    def waited(self, seconds: float) -> None:
        """The last batch's first visible token stood behind `seconds` of hidden text."""
        self.first[-1] += seconds
