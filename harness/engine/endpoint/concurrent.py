"""Several requests at a time, in threads that never keep a stopped process alive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def as_they_end(
    compute: Callable[[T], R],
    items: Sequence[T],
    at_a_time: int,
    stopped: Event | None = None,
    hurry: Callable[[], object] = lambda: None,
) -> Generator[tuple[T, R], None, None]:
    """Each item with its result, in the order in which they end.

    compute: called in a thread.
    items: begun in their order.
    at_a_time: the most threads.
    stopped: once it is set, no further item is begun; those under way still come.
    hurry: called at the first error, so that those under way need not be tried again.

    Raises the first error of `compute`, after the results of what was under way: they may have cost
    something. The threads are daemons: Ctrl-C does not wait for an answer of a server.
    """
    waiting: SimpleQueue[T] = SimpleQueue()
    ended: SimpleQueue[tuple[T, R | None, BaseException | None] | None] = SimpleQueue()
    stop = stopped or Event()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while not stop.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                break
            try:
                ended.put((item, compute(item), None))
            except BaseException as error:
                stop.set()
                ended.put((item, None, error))
        ended.put(None)

    running, first = min(at_a_time, len(items)), None
    for _ in range(running):
        Thread(target=work, daemon=True).start()
    try:
        while running:
            end = ended.get()
            if end is None:
                running -= 1
                continue
            item, result, error = end
            if error is None:
                yield item, result  # type: ignore[misc]  # a result, where there is no error
            elif first is None:
                first = error
                hurry()
        if first is not None:
            raise first
    finally:
        stop.set()
