"""Tables as CSV: FILE.csv has a row a run; a folder also gets a row an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.exports import Source, write_tables


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """runs.csv and examples.csv in a folder, or the runs alone in a file."""
    return write_tables(runs, out, ".csv", lambda table, path: table.to_csv(path, index=False))
