"""Tables as Parquet: FILE.parquet has a row a run; a folder also gets a row an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.exports import Source, one_file, tables


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """runs.parquet and examples.parquet in a folder, or the runs alone in a file."""
    import pandas as pd

    if one_file(out, ".parquet"):
        pd.DataFrame([run.row for run in runs]).to_parquet(out, index=False)
        return [out]
    files = []
    for name, rows in tables(runs).items():
        files.append(out / f"{name}.parquet")
        pd.DataFrame(rows).to_parquet(files[-1], index=False)
    return files
