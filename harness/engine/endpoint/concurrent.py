"""Several requests at a time, in threads that never keep a stopped process alive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def as_they_end(
    compute: Callable[[T], R], items: Sequence[T], at_a_time: int
) -> Generator[tuple[T, R], None, None]:
    """Each item with its result, in the order in which they end.

    compute: called in a thread.
    items: begun in their order.
    at_a_time: the most threads.

    Raises the first error of `compute`, after which no further item is begun. The threads are
    daemons: Ctrl-C does not wait for an answer of a server.
    """
    waiting: SimpleQueue[T] = SimpleQueue()
    ended: SimpleQueue[tuple[T, R | None, BaseException | None]] = SimpleQueue()
    stopped = Event()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while not stopped.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            try:
                ended.put((item, compute(item), None))
            except BaseException as error:
                ended.put((item, None, error))

    for _ in range(min(at_a_time, len(items))):
        Thread(target=work, daemon=True).start()
    try:
        for _ in items:
            item, result, error = ended.get()
            if error is not None:
                raise error
            yield item, result  # type: ignore[misc]  # a result, where there is no error
    finally:
        stopped.set()
