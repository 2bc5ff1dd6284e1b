"""Rows of a task written in every format of a data folder."""

from __future__ import annotations

import csv
import gzip
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.absent import absent
from tests.support.task_rows import lines, write_lines


def write_crlf(folder: Path, rows: list[Any]) -> None:
    text = "\ufeff" + "\r\n\r\n".join(lines(rows).rstrip("\n").split("\n")) + "\r\n"
    (folder / "test.jsonl").write_bytes(text.encode())


def write_gzip(folder: Path, rows: list[Any]) -> None:
    (folder / "test.jsonl.gz").write_bytes(gzip.compress(lines(rows).encode()))


def write_zstandard(folder: Path, rows: list[Any]) -> None:
    if find_spec("zstandard") is None:
        absent("zstandard is not installed (`make setup` installs it)")
    import zstandard

    whole = [zstandard.compress(line.encode()) for line in lines(rows).splitlines(keepends=True)]
    (folder / "test.jsonl.zst").write_bytes(b"".join(whole))  # several frames, as pzstd writes


def write_parquet(folder: Path, rows: list[Any]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), folder / "test.parquet")


def write_array(folder: Path, rows: list[Any]) -> None:
    (folder / "test.json").write_text(json.dumps(rows))


def write_indented(folder: Path, rows: list[Any]) -> None:
    text = "\ufeff\r\n" + json.dumps(rows, indent=2, ensure_ascii=False) + "\n\n"
    (folder / "test.json").write_text(text, encoding="utf-8", newline="")


def write_packed_array(folder: Path, rows: list[Any]) -> None:
    (folder / "test.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))


def as_csv(rows: list[Any]) -> str:
    """With a column more, and with the profile as JSON text."""
    columns = dict.fromkeys(key for row in rows for key in row)
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, [*columns, "more"])
    table.writeheader()
    for row in rows:
        table.writerow({**row, "profile": json.dumps(row["profile"]), "more": 1})
    return out.getvalue()


def write_csv(folder: Path, rows: list[Any]) -> None:
    (folder / "test.csv").write_text(as_csv(rows), encoding="utf-8", newline="")


def write_quoted_csv(folder: Path, rows: list[Any]) -> None:
    pd.DataFrame(rows).assign(profile=[json.dumps(row["profile"]) for row in rows]).to_csv(
        folder / "test.csv.gz", quoting=csv.QUOTE_ALL, encoding="utf-8-sig"
    )


FORMATS = {
    "JSON array": write_array,
    "JSON array, indented, BOM": write_indented,
    "JSON array, gzip": write_packed_array,
    "CSV": write_csv,
    "CSV by pandas, quoted, BOM, gzip": write_quoted_csv,
    "JSON Lines": write_lines,
    "JSON Lines, CRLF and BOM": write_crlf,
    "gzip": write_gzip,
    "Zstandard": write_zstandard,
    "parquet": write_parquet,
    "hub": None,
}
