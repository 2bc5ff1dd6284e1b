"""Tables as Parquet: FILE.parquet has a row a run; a folder also gets a row an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.exports import Source, write_tables


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """runs.parquet and examples.parquet in a folder, or the runs alone in a file."""
    return write_tables(
        runs, out, ".parquet", lambda table, path: table.to_parquet(path, index=False)
    )
