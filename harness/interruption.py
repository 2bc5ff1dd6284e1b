"""Signals that end a process: by an exception, and in a training after it saved a checkpoint."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers such as Slurm send some time before they kill."""
AGAIN_S = 0.05
"""Seconds until a signal is sent again whose exception Python dropped."""


class Stopped(KeyboardInterrupt):
    """The end of a process by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class StoppedTogether(Stopped):
    """The end of a training by a signal that all processes of the run have learnt of."""


def stop(number: int, frame: FrameType | None = None) -> None:
    """A signal handler that ends the process by an exception, so that locks are freed."""
    raise Stopped(number)


@contextmanager
def ended_by_exception() -> Iterator[None]:
    """Inside, SIGTERM raises `Stopped`, unless the process has a handler of its own."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        with _sent_again():
            yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _sent_again() -> Iterator[None]:
    """Inside, a signal is sent again if its exception was raised where Python drops exceptions.

    Such places are `__del__` and callbacks of weak references. A signal whose exception was seen is
    never sent again, as that would end what it made a program save.
    """
    report, left = sys.unraisablehook, threading.Event()

    def dropped(found: sys.UnraisableHookArgs) -> None:
        if not isinstance(found.exc_value, KeyboardInterrupt):
            report(found)
            return
        number = getattr(found.exc_value, "exit_code", 128 + signal.SIGINT) - 128
        # Later and from elsewhere, as what is raised in here is dropped too. Unlike Thread.start,
        # this takes no lock, which the interrupted code may hold.
        _thread.start_new_thread(send, (number,))

    def send(number: int) -> None:
        if not left.wait(AGAIN_S):
            os.kill(os.getpid(), number)

    sys.unraisablehook = dropped
    try:
        yield
    finally:
        left.set()
        sys.unraisablehook = report


class StopRequest:
    """Inside, a first signal only sets `asked`; a second one ends the process at once.

    At the end, raises Stopped for a signal after which nobody has raised it.
    Outside the main thread, where signals cannot be caught, nothing changes.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.asked = say, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None and self.asked:
            stop(self.asked)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            stop(number)
        self.asked = number
        self.say("stopping: saving a checkpoint after this step; a second signal stops at once")
