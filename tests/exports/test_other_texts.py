"""Exports and the Python interface refuse other texts than those of the scores."""

import re
from dataclasses import replace

import pytest

from harness import load_runs
from harness.errors import DataError
from harness.exports import export
from harness.record import PREDICTIONS, texts_digest, write_record
from tests.support.exported import sources


@pytest.mark.parametrize(
    ("to", "texts"),
    [("csv", False), ("parquet", True), ("inspect", True), ("inspect", False), ("eee", True)],
)
def test_other_texts_than_those_of_the_scores_are_refused(results, tmp_path, to, texts):
    run = next(run for run in load_runs(results) if run.status == "complete")
    record = replace(run.record, texts=texts_digest(run.predictions()))
    path = write_record(record, run.path).parent / PREDICTIONS
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), "utf-8")
    message = f"{re.escape(str(path))}: other texts than the record's"
    with pytest.raises(DataError, match=message):
        export(to, sources(load_runs(run.path), texts), tmp_path / "out")
    (found,) = load_runs(run.path)
    for read in (found.predictions, found.examples):
        with pytest.raises(DataError, match=message):
            read()
