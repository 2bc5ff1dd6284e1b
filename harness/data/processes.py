"""Work on many examples, shared by forked processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


def available_cores() -> int:
    """Cores that this process may use: a scheduler can give it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def usable_cores() -> int:
    """Cores on which work is shared: `available_cores`, at most OMP_NUM_THREADS if that is set.

    1 where a process cannot be forked safely (Linux alone can), and in a process of a pool.
    """
    if sys.platform != "linux" or multiprocessing.current_process().daemon:
        return 1
    cores, most = available_cores(), os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(most)) if most.isdecimal() and int(most) else cores


def by_processes(work: Callable[[int], T], starts: Sequence[int]) -> Iterator[T]:
    """As `map(work, starts)`, by as many processes as there are usable cores.

    work: must not need torch, whose threads do not survive a fork. What it holds is shared and not
        copied, such as examples or a plugin's code; what it returns is.
    starts: usually the first of some examples.

    If a process dies, which a lack of memory may cause, the rest is done in this one.
    """
    global _work
    cores, done = min(usable_cores(), len(starts)), 0
    if cores < 2:
        yield from map(work, starts)
        return
    _work = work
    pool = ProcessPoolExecutor(cores, multiprocessing.get_context("fork"), _begin)
    try:
        for found in pool.map(_call, starts):
            yield found
            done += 1
    except BrokenProcessPool:
        log.warning("a process that shared the work was ended; continuing with one process")
        yield from map(work, starts[done:])
    finally:
        pool.shutdown(cancel_futures=True)
        _work = None


_work: Callable[[int], Any] | None = None
"""What forked processes call: it does not pass through a pipe."""


def _begin() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not survive a fork


def _call(start: int) -> Any:
    assert _work is not None
    return _work(start)
