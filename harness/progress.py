"""Progress: bars with rates and remaining time on a terminal and in a notebook, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import escape

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.segment import Segment
from rich.text import Text

from harness.record.visible import visible

Update = Callable[[int, int, str], None]
"""Called with (done, total, note), e.g. (3, 50, "loss 2.31 · 4,100 tokens/s")."""
LINE_EVERY_S = 15.0
NOTEBOOK_EVERY_S = 0.5


class Screen(Console):
    """A console on which control and bidirectional characters of any text are spelled out."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for part in super().render(renderable, options):
            yield part if part.control else Segment(visible(part.text), part.style)


class Done(ProgressColumn):
    """How much is done, `3/50`; nothing while it is unknown how much there is."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{int(task.completed)}/{int(task.total)}")


class Clock(ProgressColumn):
    """Time spent, and the time left once a rate is known: `0:00:47, 0:02:10 left`."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        spent = clock_time(task.finished_time if task.finished else task.elapsed)
        left = None if task.finished or task.total is None else task.time_remaining
        return Text(spent if left is None else f"{spent}, {clock_time(left)} left", style="cyan")


def clock_time(seconds: float | None) -> str:
    """Hours, minutes and seconds: `0:02:10`."""
    return str(timedelta(seconds=int(seconds or 0)))


class Bars:
    """Progress bars and messages on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Screen(stderr=True, quiet=quiet, markup=False)
        self.notebook = not quiet and in_notebook()
        self.progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=28),
            Done(),
            TextColumn("{task.fields[note]}"),
            Clock(),
            console=self.console,
            disable=quiet or not sys.stderr.isatty(),
        )

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def track(self, name: str, total: int | None = None) -> Update:
        """A new bar; without terminal or notebook, a line every 15 seconds and at the end.

        total: how much there is to do, where that is known before the first update.
        """
        if self.notebook:
            return notebook_bar(name)
        if not self.progress.disable:
            task = self.progress.add_task(name, total=total, note="")
            return lambda done, total, note: self.progress.update(
                task, completed=done, total=total, note=note
            )
        last = time.monotonic()

        def line(done: int, total: int, note: str) -> None:
            nonlocal last
            if done == total or time.monotonic() - last > LINE_EVERY_S:
                last = time.monotonic()
                self.console.print(f"{name} {done}/{total} {note}", highlight=False)

        return line

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show on a terminal that something without steps takes its time; nothing elsewhere."""
        alone = not self.progress.live.is_started
        if alone:
            self.progress.start()
        task = self.progress.add_task(what, total=None, note="")
        try:
            yield
        finally:
            self.progress.remove_task(task)
            if alone:
                self.progress.stop()

    def say(self, text: str) -> None:
        """Print a message."""
        self.console.print(text, highlight=False)


def in_notebook() -> bool:
    """Whether a notebook runs this process, so that outputs can be replaced below its cell."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def notebook_bar(name: str) -> Update:
    """A bar below the notebook's cell. Needs no widgets: one HTML output that is replaced."""
    from IPython.display import HTML, display

    began = shown = time.monotonic()
    bar = display(HTML(f"<pre>{escape(name)}</pre>"), display_id=True)

    def update(done: int, total: int, note: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if done < total and now - shown < NOTEBOOK_EVERY_S:
            return
        shown = now
        left = f" · {(now - began) * (total - done) / done:.0f} s left" if 0 < done < total else ""
        line = escape(f"{name} {done}/{total} {note} · {now - began:.0f} s{left}")
        bar.update(HTML(f'<pre><progress value="{done}" max="{total}"></progress> {line}</pre>'))

    return update
