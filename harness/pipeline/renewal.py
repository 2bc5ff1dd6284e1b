"""`--fresh`: delete what an earlier command left of a run. Imports nothing slow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.record import RECORD, read_word, write_text
from harness.record.dated import beside

ONCE = "HARNESS_FRESH_ONCE"
"""Environment variable that names a sweep to the commands that it starts. A command that is lost is
started again as it was: what it has done for this sweep is not deleted."""
DELETED_FOR = "fresh.txt"
"""In a run's folder: the sweep for which what was there before was deleted."""


def delete_run(folder: Path) -> None:
    """Delete what an earlier run left in its folder, its record first.

    Raises UsageError if something cannot be deleted: it must not be shown as the new run.
    """
    sweep = os.environ.get(ONCE)
    if sweep and read_word(folder / DELETED_FOR) == sweep:
        return
    try:
        (folder / RECORD).unlink(missing_ok=True)
        for each in (folder, beside(folder)):
            if each.exists():
                shutil.rmtree(each)
    except OSError as error:
        raise UsageError(
            f"--fresh: {error.filename or folder} cannot be deleted ({error.strerror}); expected a"
            " run that can be replaced. Delete it, or name another --out"
        ) from error
    if sweep:
        write_text(folder / DELETED_FOR, sweep)
