"""Tables as Parquet: FILE.parquet has a row a run; a folder also gets a row an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.exports import Source, write_tables

if TYPE_CHECKING:
    from pandas import DataFrame


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """runs.parquet and examples.parquet in a folder, or the runs alone in a file."""
    return write_tables(runs, out, ".parquet", _save)


def _save(table: DataFrame, path: Path) -> None:
    """Write the table; a column whose values have no common type, such as 3 and "all", is text."""
    import pyarrow as pa

    for name in table.columns:
        try:
            pa.array(table[name], from_pandas=True)
        except (pa.ArrowException, OverflowError):
            table[name] = table[name].map(str, na_action="ignore")
    table.to_parquet(path, index=False)
