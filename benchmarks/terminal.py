"""Pictures of the terminal for the docs: what `harness run` prints at its end, as SVG.

    python -m benchmarks.terminal run=results/published/mini/product_review/sft/RUN \\
        --out docs/pictures

A picture is NAME=RUN, the folder of a finished run. The SVG is text and loads no font.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.terminal_theme import DIMMED_MONOKAI

from harness.cli.outcome import print_outcome
from harness.errors import HarnessError
from harness.progress import Screen
from harness.record import Outcome, read_record

WIDTH = 112
"""Columns of the terminal."""
FORMAT = re.sub(r"@font-face \{\{.*?\}\}|<!-- .*? -->", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""rich's, without the fonts that it loads from the network."""


class Wrapping(Screen):
    """A screen that breaks every line at its width, as a terminal does."""

    def print(self, *parts: Any, **options: Any) -> None:
        super().print(*parts, **{**options, "soft_wrap": False})


def picture(run: Path, name: str) -> str:
    """The screen at the end of a run as SVG."""
    console = Wrapping(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, markup=False,
        highlight=False,
    )  # fmt: skip
    record = read_record(run)
    print_outcome(console, Outcome(record, run, repeated=False))
    title = f"harness run --method {record.method}"
    return console.export_svg(title=title, code_format=FORMAT, theme=DIMMED_MONOKAI, unique_id=name)


def main(words: list[str] | None = None) -> int:
    """0; 2 with a message for a usage error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", nargs="+", metavar="NAME=RUN")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    given = parser.parse_args(words)
    for each in given.pictures:
        name, _, run = each.partition("=")
        try:
            text = picture(Path(run), name)
        except HarnessError as error:
            print(error, file=sys.stderr)
            return 2
        (given.out / f"{name}.svg").write_text(text, encoding="utf-8")
        print(given.out / f"{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
