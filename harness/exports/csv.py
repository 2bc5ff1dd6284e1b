"""Tables as CSV: FILE.csv has a row a run; a folder also gets a row an example.

Hidden characters are spelled out, and text that a spreadsheet would compute gets an apostrophe;
Parquet has the texts as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.exports import Source, write_tables
from harness.record.visible import visible
from harness.reports.render.spreadsheet import inert

if TYPE_CHECKING:
    from pandas import DataFrame


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """runs.csv and examples.csv in a folder, or the runs alone in a file."""
    return write_tables(runs, out, ".csv", _save)


def _save(table: DataFrame, path: Path) -> None:
    import pandas as pd

    # not DataFrame.map, which makes floating-point numbers of counts beside an empty cell
    cells = [[_harmless(cell) for cell in row] for row in table.itertuples(index=False)]
    columns = [_harmless(name) for name in table.columns]
    pd.DataFrame(cells, columns=columns, dtype=object).to_csv(path, index=False)


def _harmless(cell: object) -> object:
    return inert(visible(cell)) if isinstance(cell, str) else cell
