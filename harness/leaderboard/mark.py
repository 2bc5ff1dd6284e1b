"""verification.json: what a board's keeper found out about a row, valid for exactly its files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from harness.leaderboard.reading import MARK, PREDICTIONS, SUBMISSION, read_model
from harness.leaderboard.schema import Finite, Hex, Line, Name, Paragraph, Strict
from harness.record import write_json

MARK_BYTES = 100_000
Status = Literal["verified", "self-reported", "rerun", "not reproduced"]


class Rerun(Strict):
    """The method run again on a test set of another seed: `claimed` − `found` ≤ `tolerance`."""

    seed: int
    metric: Name
    claimed: Finite
    found: Finite
    low: Finite | None
    high: Finite | None
    tolerance: Finite


class Mark(Strict):
    """`files` is a digest of submission and texts: a row that changed since has no mark.

    largest: per metric the largest difference between claimed and recomputed numbers. notes:
    what a reader should know.
    """

    schema_version: Literal[1] = 1
    status: Status
    files: Hex
    harness: Line
    tolerance: Finite
    largest: Annotated[dict[Name, Finite], Field(max_length=60)]
    notes: Annotated[tuple[Paragraph, ...], Field(max_length=20)] = ()
    rerun: Rerun | None = None


def files_digest(row: Path) -> str:
    """sha256 over the names and contents of a row's files, its mark left out."""
    whole = hashlib.sha256()
    for name in (SUBMISSION, PREDICTIONS):
        path = row / name
        if path.is_file():
            with path.open("rb") as file:
                whole.update(
                    f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode()
                )
    return whole.hexdigest()


def read_mark(row: Path) -> Mark | None:
    """The row's mark; None where there is none, or where the row changed since."""
    if not (row / MARK).is_file():
        return None
    mark = read_model(row / MARK, Mark, MARK_BYTES)
    return mark if mark.files == files_digest(row) else None


def with_known_rerun(row: Path, mark: Mark) -> Mark:
    """`mark` with the rerun of the mark that the row has, and the status that follows from it."""
    known = read_mark(row)
    if known is None or known.rerun is None:
        return mark
    return mark.model_copy(update={"status": known.status, "rerun": known.rerun})


def write_mark(row: Path, mark: Mark) -> Path:
    return write_json(row / MARK, mark.model_dump(mode="json"))
