"""What verbs print: a console, a JSON document, rows of data, and their own command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from harness.errors import counted
from harness.progress import Screen
from harness.record.visible import json_text
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table

if TYPE_CHECKING:
    from harness.reports.render.section import Document


def screen(stderr: bool = False, wrap: bool = True) -> Console:
    """A console that prints texts as they are: brackets are no markup, numbers no highlights.

    wrap: break lines at the terminal's width.
    """
    return Screen(stderr=stderr, markup=False, highlight=False, soft_wrap=not wrap)


def warn(console: Console, lines: Iterable[str]) -> None:
    """Print lines in yellow."""
    for line in lines:
        console.print(line, style="yellow")


def publish(console: Console, report: Document, out: Path, tables: int = 0) -> None:
    """Write a report's files; print its warnings, its first tables, its verdict and its place."""
    from harness.reports.render.report_files import PAGE, write_report

    written = write_report(report, out)
    summary = report.sections[0]
    warn(console, report.warnings)
    for table in summary.tables[:tables]:
        print_table(console, table)
    for sentence in summary.text:
        console.print(sentence)
    console.print(f"report: {out / PAGE} ({counted(len(written), 'file')})", soft_wrap=True)


def print_rows(name: str, rows: Sequence[Mapping[str, object]], lines: bool = False) -> None:
    """Print mappings with equal keys as a table; long values are cut."""
    columns = tuple(map(Column, rows[0] if rows else ["nothing"]))
    cells = tuple(tuple(map(_cell, row.values())) for row in rows)
    print_table(screen(), Table(name, "", columns, cells), lines=lines)


def print_json(document: object) -> None:
    """One document on standard output, as --json promises; ASCII where the output is not UTF-8."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    sys.stdout.write(json_text(document, ascii_only=plain) + "\n")


def command_line() -> str:
    """The command that is running, for records and reports."""
    return "harness " + " ".join(map(_quoted, sys.argv[1:]))


def _quoted(argument: str) -> str:
    r"""An argument for a shell, as a record can hold it: bytes that are not UTF-8 as $'jos\xe9'."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        escaped = argument.replace("\\", "\\\\").replace("'", "\\'")
        spelled = escaped.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return f"$'{spelled}'"
    return shlex.quote(argument)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 400 else text[:400] + " …"
