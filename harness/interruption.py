"""Signals that end a process: by an exception, and in a training after it saved a checkpoint."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C; what schedulers such as Slurm send some time before they kill; a terminal that closed."""
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
    note(number)
    raise Stopped(number)


def note(number: int) -> None:
    """To be called first by a handler: after SIGHUP, output to a closed terminal is dropped.

    Writing to it would be an error amid what is to be saved. SIGHUP is then ignored, as a closing
    terminal may send it twice, and a second signal would not wait for that.
    """
    if number != signal.SIGHUP:
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for output in (1, 2):
        try:
            os.write(output, b"")
        except OSError:
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, output)
                os.close(nowhere)


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside, the signals go to `handler`, but for those that the process ignores (nohup)."""
    before: dict[int, Any] = {}
    for number in SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, earlier)


@contextmanager
def ended_by_exception() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise `Stopped`, unless the process has handlers of its own."""
    main = threading.current_thread() is threading.main_thread()
    ends = (signal.SIGTERM, signal.SIGHUP)
    ours = [each for each in ends if main and signal.getsignal(each) is signal.SIG_DFL]
    if not ours:
        yield
        return
    for each in ours:
        signal.signal(each, stop)
    try:
        with _sent_again():
            yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


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
        self._handled = ExitStack()

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._handled.enter_context(handled(self._ask))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._handled.close()
        if kind is None and self.asked:
            stop(self.asked)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        note(number)
        if self.asked:
            stop(number)
        self.asked = number
        self.say("stopping: saving a checkpoint after this step; a second signal stops at once")
