"""The one clock: wall time by phase, repeated timings, and the cost of decoding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

import torch

from harness.record.state import NO_TIMES, Say, read_state, write_state

T = TypeVar("T")


def synchronise() -> None:
    """Wait for every CUDA device, so that a time includes the work it started.

    One of several processes waits for its own alone: asking another would take memory on it.
    """
    if torch.cuda.is_available():
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        own = [torch.cuda.current_device()] if several else range(torch.cuda.device_count())
        for index in own:
            torch.cuda.synchronize(index)


def now() -> float:
    """Seconds on a monotonic clock, after all devices have finished."""
    synchronise()
    return time.perf_counter()


@dataclass(frozen=True)
class Spent:
    """What `Phases` saves: wall seconds in total and by phase, and the highest memory in MiB.

    lost: whether earlier times are missing.
    """

    wall_s: float
    seconds: Mapping[str, float]
    peak_mib: float = 0.0
    lost: bool = False


class Phases:
    """Wall seconds by named phase, and in total. A phase entered twice adds up.

    After `keep`, time spent and memory taken in interrupted runs count too.

    lost: whether a damaged file held earlier times, so that all numbers here may be too low.
    """

    def __init__(self, clock: Callable[[], float] = now) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}
        self.lost = False
        self._begin, self._path = clock(), Path()
        self._memory: Callable[[], float] = float
        self._earlier_mib = 0.0

    @property
    def wall_s(self) -> float:
        """Seconds since this object was made, across resumed runs."""
        return self.clock() - self._begin

    @property
    def peak_mib(self) -> float:
        """The highest memory so far, across resumed runs; 0 where `keep` was given none."""
        return max(self._earlier_mib, self._memory())

    @contextmanager
    def __call__(self, name: str, whole: bool = False) -> Iterator[None]:
        """Time a phase. whole: time before an interruption does not count, as its work is lost."""
        begin = self.clock()
        before = self.seconds.get(name, 0.0)
        try:
            yield
        except BaseException:
            if whole:
                begin = self.clock()
            raise
        finally:
            self.seconds[name] = before + self.clock() - begin
            if self._path.name:
                self._save()
                self.seconds[name] = before + self.clock() - begin  # a slow disk counts too

    def keep(
        self,
        path: Path,
        say: Say = lambda text: None,
        memory: Callable[[], float] = float,
    ) -> None:
        """Add what an interrupted run saved at `path`; save there after each phase, also where an
        error or a stop ends it.

        path: the file.
        say: takes a message if the file is damaged.
        memory: the highest memory of this process so far, in MiB.
        """
        self._path, self._memory = path, memory
        there = path.is_file()
        earlier = read_state(Spent, path, say, NO_TIMES) or Spent(0.0, {}, lost=there)
        for name, seconds in earlier.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self._begin -= earlier.wall_s
        self._earlier_mib = max(self._earlier_mib, earlier.peak_mib)
        self.lost = self.lost or earlier.lost
        if self.lost:  # kept now: a kill within the first phase must not forget it
            self._save()

    def _save(self) -> None:
        write_state(self._path, Spent(self.wall_s, self.seconds, self.peak_mib, self.lost))

    def forget(self) -> None:
        """Remove the file of `keep`, once the record holds its content."""
        if self._path.name:
            self._path.unlink(missing_ok=True)


def middle(seconds: Sequence[float]) -> tuple[float | None, tuple[float, float] | None]:
    """Median and quartiles of some times; None for no times."""
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
    """The results of each piece of work in `times` rounds, run in the order ABAB…

    Each round runs every piece once, so that a disturbance of the machine affects all of them, and
    the n-th results of two pieces form a pair.

    Args:
        work: pieces of work by name.
        times: rounds that count.
        warmup: rounds before them that do not count.
        after: called with the name of each piece when it has run.
    """
    results: dict[str, list[T]] = {name: [] for name in work}
    for turn in range(warmup + times):
        for name, piece in work.items():
            result = piece()
            if turn >= warmup:
                results[name].append(result)
            after(name)
    return results


@dataclass
class DecodeClock:
    """The cost of decoding by batch: time to the first token of the text, then time per step.

    A reasoning block is part of the text here; a preface is not.
    total: seconds of the texts, without prefaces. tokens: generated; of a run, visible ones.
    """

    first: list[float] = field(default_factory=list)
    per_step: list[float] = field(default_factory=list)
    total: float = 0.0
    tokens: int = 0

    def add(self, first: Sequence[float], total: float, steps: int, tokens: int) -> None:
        """Add the rows of one call.

        Args:
            first: seconds of each batch to its first token.
            total: seconds of all batches.
            steps: number of the steps after first tokens.
            tokens: generated tokens.
        """
        self.first += first
        if steps:
            self.per_step.append((total - sum(first)) / steps)
        self.total += total
        self.tokens += tokens

    def waited(self, seconds: float, since: int) -> None:
        """Add `seconds` of hidden text before the first tokens of the batches `since`."""
        for batch in range(since, len(self.first)):
            self.first[batch] += seconds / (len(self.first) - since)
