"""verification.json: a maintainer's check of a row, valid only for the row's exact files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from harness.leaderboard.submission import EXAMPLES, Finite, Hex, Line, Name, Paragraph, Strict
from harness.leaderboard.untrusted import PREDICTIONS, SUBMISSION, VERIFICATION, read_strict
from harness.record import write_json

VERIFICATION_BYTES = 100_000
Status = Literal["verified", "self-reported", "rerun", "not reproduced"]


class Rerun(Strict):
    """The method run again on a benchmark of another seed; passes if claimed − found ≤ tolerance.

    seeds: training seeds. trains: whether the method trains.
    found: the mean over them, with its interval over users and training. each: of each seed.
    without: `found` leaving out each user in turn, for ranks. Older reruns have one training,
    without these; they are not ranked by it.
    """

    seed: int
    seeds: Annotated[tuple[int, ...], Field(max_length=100)] = ()
    trains: bool = True
    metric: Name
    claimed: Finite
    found: Finite
    low: Finite | None
    high: Finite | None
    tolerance: Finite
    each: Annotated[tuple[Finite, ...], Field(max_length=100)] = ()
    without: Annotated[tuple[Finite, ...], Field(max_length=EXAMPLES)] = ()

    @property
    def status(self) -> Status:
        return "rerun" if self.claimed - self.found <= self.tolerance else "not reproduced"


class Verification(Strict):
    """The result of checking one row.

    files: digest of submission and texts; once a row changes, its verification no longer counts.
    largest: per metric, the largest difference between claimed and recomputed numbers.
    notes: what a reader should know.
    """

    schema_version: Literal[1] = 1
    status: Status
    files: Hex
    harness: Line
    tolerance: Finite
    largest: Annotated[dict[Name, Finite], Field(max_length=60)]
    notes: Annotated[tuple[Paragraph, ...], Field(max_length=20)] = ()
    rerun: Rerun | None = None

    def after(self, rerun: Rerun | None) -> Verification:
        """The verification with a rerun and its status; unchanged without one."""
        if rerun is None:
            return self
        return self.model_copy(update={"status": rerun.status, "rerun": rerun})


def files_digest(row: Path) -> str:
    """sha256 of the names and contents of a row's files, without verification.json."""
    whole = hashlib.sha256()
    for name in (SUBMISSION, PREDICTIONS):
        path = row / name
        if path.is_file():
            with path.open("rb") as file:
                whole.update(
                    f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode()
                )
    return whole.hexdigest()


def read_verification(row: Path) -> Verification | None:
    """The row's verification; None if it has none, or if the row changed since."""
    if not (row / VERIFICATION).is_file():
        return None
    verification = read_strict(row / VERIFICATION, Verification, VERIFICATION_BYTES)
    return verification if verification.files == files_digest(row) else None


def write_verification(row: Path, verification: Verification) -> Path:
    return write_json(row / VERIFICATION, verification.model_dump(mode="json"))
