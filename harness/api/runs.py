"""Runs on disk as Python objects and as data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

from harness.api.paths import path_of, paths_of
from harness.engine.quiet import quiet_libraries
from harness.record import Record, find_runs, read_record, recorded_texts
from harness.record.tables import OF_DATA, columns_of, example_rows, run_row
from harness.registry import register_plugins
from harness.settings import RunSettings, validate
from harness.types import Prediction

if TYPE_CHECKING:
    import pandas as pd

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]
SHOWN = ("method", "task", "seed", "status")
"""Columns of a table in a notebook, before the metrics."""


@dataclass(frozen=True, repr=False)
class Run:
    """One run: its folder, its record, its texts. It is a path too, that of its folder.

    path: the folder.
    record: everything about the run but its texts (docs/record.md lists the fields).
    """

    path: Path
    record: Record

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def method(self) -> str:
        return self.record.method

    @property
    def task(self) -> str:
        return self.record.task

    @property
    def seed(self) -> int:
        return self.record.seed

    @property
    def status(self) -> str:
        """complete, running (not finished), or failed (generation failed on some example)."""
        return self.record.status

    @cached_property
    def scores(self) -> dict[str, float | None]:
        """Metric → value, without intervals; None where it cannot be computed."""
        return {name: score.value for name, score in self.record.metrics.items()}

    def predictions(self) -> list[Prediction]:
        """The texts, read from disk; the last of each example and sample.

        Raises DataError if they are not those that the scores were computed from.
        """
        return recorded_texts(self.path, self.record)

    def examples(self, references: bool = False) -> pd.DataFrame:
        """A row for each example; see `Runs.examples`."""
        return Runs((self,)).examples(references)

    def __repr__(self) -> str:
        about = f"{self.method} on {self.task}, seed {self.seed}, {self.status}"
        return f"Run({about}: {self.path})"

    def _repr_html_(self) -> str:
        return Runs((self,))._repr_html_()


class Runs(Sequence[Run]):
    """Several runs, in order. A slice is again `Runs`."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = tuple(runs)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Run | Runs:
        return Runs(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        names = ", ".join(f"{run.method} {run.task} seed {run.seed}" for run in self._runs)
        return f"Runs({names})"

    def to_pandas(self) -> pd.DataFrame:
        """A row for each run: what it is, every metric with its 95 % interval, and its costs.

        A metric has three columns, e.g. `bleu`, `bleu_low` and `bleu_high`. Times are wall seconds.
        """
        import pandas as pd

        return pd.DataFrame([run_row(run.path, run.record) for run in self._runs])

    def examples(self, references: bool = False) -> pd.DataFrame:
        """A row for each example of each run: its text, its scores, its NLL.

        references: also give the columns `input` and `reference`, read from the run's data.

        Raises DataError if these data or the texts have changed since the run.
        """
        import pandas as pd

        rows = [row for run in self._runs for row in _rows(run, references)]
        return pd.DataFrame(rows)

    def export(
        self, to: str, out: str | Path, *, texts: bool = True, plugin: Paths = ()
    ) -> list[Path]:
        """Write the finished runs in another tool's format (docs/exports.md); returns the files.

        to: csv, parquet, eee, inspect or model-index.
        out: a file or a folder, as the format says.
        texts: whether texts may be in the export.
        plugin: a file, or several, with the metrics of your own that the runs have.

        Raises UsageError for an unknown format, and where there is no finished run.
        """
        from harness.exports import Source, export

        known_from(plugin)
        runs = [Source(run.path, run.record, texts) for run in self._runs]
        return export(str(to), runs, path_of(out, "out"))

    def _repr_html_(self) -> str:
        import pandas as pd

        table = [
            {name: getattr(run, name) for name in SHOWN}
            | {columns_of(name, run.record)[0]: value for name, value in run.scores.items()}
            for run in self._runs
        ]
        frame = pd.DataFrame(table)
        return str(frame.to_html(index=False, float_format="{:.2f}".format, na_rep="–"))


def load_runs(paths: Paths = "results", *, floors: bool = False) -> Runs:
    """All runs at or below a folder, or several folders.

    paths: folders; a `Run` is its own.
    floors: also the floors, texts made from the data alone that are recorded beside the runs.

    Raises DataError if there is no run, or if a record cannot be read.
    Raises UsageError for what is no path.
    """
    several = paths_of(paths, "paths")
    found = (Run(folder, read_record(folder)) for folder in find_runs(several))
    return Runs(run for run in found if floors or run.record.kind != "floor")


def known_from(plugin: Paths) -> None:
    """Make what plugin files bring known by name; without a file, what is known stays."""
    if files := paths_of(plugin, "plugin"):
        register_plugins(files)


def _rows(run: Run, references: bool) -> Iterator[dict[str, object]]:
    """The examples of a run, with input and reference if asked for."""
    rows = example_rows(run.path, run.record, run.predictions())
    if not references:
        yield from map(dict, rows)
        return
    from harness.data.load import load_split, refuse_other_data

    quiet_libraries()
    record = run.record
    split = load_split(validate(RunSettings, record.settings, str(run.path)), "test")
    refuse_other_data(run.path, record, split, "leave references out")
    inputs = {example.id: example.input for example in split.examples}
    for row in rows:
        key = str(row["id"])
        given = (inputs[key], split.references[key].text)
        yield {**row, **dict(zip(OF_DATA, given, strict=True))}
