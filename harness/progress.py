"""Progress: bars with rates and remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment

from harness.record.visible import visible

Update = Callable[[int, int, str], None]
"""Called with (done, total, note), e.g. (3, 50, "loss 2.31 · 4,100 tokens/s")."""
LINE_EVERY_S = 15.0


class Screen(Console):
    """A console on which control and bidirectional characters of any text are spelled out."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        for part in super().render(renderable, options):
            yield part if part.control else Segment(visible(part.text), part.style)


class Bars:
    """Progress bars and messages on standard error."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Screen(stderr=True, quiet=quiet, markup=False)
        self.progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=quiet or not sys.stderr.isatty(),
        )

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def track(self, name: str) -> Update:
        """A new bar; without a terminal, a line every 15 seconds and at the end."""
        if not self.progress.disable:
            task = self.progress.add_task(name, total=None, note="")
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

    def say(self, text: str) -> None:
        """Print a message."""
        self.console.print(text, highlight=False)
