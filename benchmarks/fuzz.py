"""Damaged input through the real readers: it is accepted, or refused with the harness' own error.

    python -m benchmarks.fuzz [--cases 2000] [--only records] [--first 1234] [--markdown]

Rows, predictions, records, submissions and settings, each a valid one with random damage (see
mutate.py), are read as the commands read them. Records that are accepted go through the comparison
and its page (one in ten with its pictures), rows through the prompt. A case fails if any other
exception leaves the reader, if its message cannot be printed, or if it takes more than 5 seconds of
the processor. Prints a table; exits 1 on a failure.
Case N is the same in every run: `--only records --first N --cases 1` repeats it alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from benchmarks.fuzz_kinds import KINDS, Case, Whole
from harness.errors import mendable
from harness.record.visible import visible

LIMIT_S = 5.0
DRAWN = 10
"""One comparison in this many is drawn."""
MESSAGE = 10_000
"""Characters of the longest message that a terminal should get."""


class TooLongError(BaseException):
    """A case did not end within the limit; no reader can catch it as an Exception."""


@dataclass
class Tally:
    """What became of the cases of one kind. faults: what went wrong → numbers of the cases."""

    accepted: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    faults: dict[str, list[int]] = field(default_factory=dict)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args(words)
    found = {}
    with tempfile.TemporaryDirectory() as scratch, _fast(Path(scratch)) as drawing:
        for kind in [options.only] if options.only else KINDS:
            folder = Path(scratch) / kind
            folder.mkdir()
            numbers = range(options.first, options.first + options.cases)
            found[kind] = tried(kind, KINDS[kind](folder), numbers, drawing)
    show(found, options.markdown)
    return 1 if any(tally.faults for tally in found.values()) else 0


def tried(kind: str, case: Case, numbers: range, drawing: dict[str, bool]) -> Tally:
    """Every case of a kind, with its own random stream.

    drawing: `on` is set for the cases whose pictures are drawn.
    """
    tally = Tally()
    case(Whole())  # what is not damaged is accepted, and everything slow is imported
    for number in numbers:
        begin = time.process_time()
        drawing["on"] = number % DRAWN == 0
        fault = None
        try:
            with _limited():
                case(Random(f"{kind} {number}"))
        except (Exception, SystemExit, TooLongError) as error:
            fault = _fault(error)
            tally.refused += fault is None
        else:
            tally.accepted += 1
        seconds = time.process_time() - begin
        tally.slowest_s = max(tally.slowest_s, seconds)
        if fault is None and seconds > LIMIT_S:
            fault = "took more than 5 s"
        if fault:
            tally.faults.setdefault(fault, []).append(number)
    return tally


def _fault(error: BaseException) -> str | None:
    """What is wrong with an error; None for a message that a user can act on."""
    message = mendable(error)
    if message is None:
        calls = [frame for frame in traceback.extract_tb(error.__traceback__)
                 if f"{os.sep}harness{os.sep}" in frame.filename]  # fmt: skip
        where = f"{Path(calls[-1].filename).name}:{calls[-1].lineno}" if calls else "?"
        return f"{type(error).__name__} at {where}: {str(error)[:100]!a}"
    try:
        visible(message).encode()
    except UnicodeEncodeError:
        return "a message that cannot be printed"
    return f"a message of {len(message)} characters" if len(message) > MESSAGE else None


@contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLongError(f"more than {LIMIT_S:g} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _fast(scratch: Path) -> Iterator[dict[str, bool]]:
    """No caches outside the scratch folder; pictures are drawn where the yielded `on` is true."""
    from matplotlib.figure import Figure

    from harness.reports.render import pages
    from harness.reports.render.section import Picture
    from harness.reports.sections.slice_curves import SliceView

    drawing = {"on": True}
    real = SliceView.picture

    def picture(view: SliceView, board: Any, curves: Any, name: str, note: str = "") -> Picture:
        if drawing["on"]:
            return real(view, board, curves, name, note)
        return Picture(f"{name}_{board.task}", view.title, Figure, "")

    with (
        patch.dict(os.environ, HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=str(scratch / "cache")),
        patch.object(SliceView, "picture", picture),
        patch.object(pages, "inline_svg", lambda *_: "<svg></svg>"),
        patch.object(pages, "caption_of", lambda *_: ""),
    ):
        yield drawing


def show(found: dict[str, Tally], markdown: bool) -> None:
    """One line for each kind, then each fault with its first case."""
    heads = ("input", "cases", "accepted", "refused by name", "faults", "slowest, s")
    rows = [
        (kind, tally.accepted + tally.refused + sum(map(len, tally.faults.values())),
         tally.accepted, tally.refused, sum(map(len, tally.faults.values())),
         f"{tally.slowest_s:.1f}")
        for kind, tally in found.items()
    ]  # fmt: skip
    if markdown:
        print("| " + " | ".join(heads) + " |\n|---" + "|--:" * (len(heads) - 1) + "|")
        print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows))
    else:
        for row in (heads, *rows):
            print("".join(f"{cell!s:>17}" for cell in row))
    for kind, tally in found.items():
        worst = Counter({fault: len(cases) for fault, cases in tally.faults.items()})
        for fault, count in worst.most_common():
            print(f"{kind}: {count} × {fault} (case {tally.faults[fault][0]})")


if __name__ == "__main__":
    sys.exit(main())
