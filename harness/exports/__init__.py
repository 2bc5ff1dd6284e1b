"""Runs in the formats of other tools, one file a format.

A format is a module here with a docstring (its first line is its help) and

    def write(runs: Sequence[Source], out: Path) -> list[Path]

which returns the files that it wrote. Its name is the module's, with - for _. Nothing else lists
it. It may also have `remarks(out: Path) -> list[str]`: lines for the screen after writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from harness.errors import UsageError, did_you_mean
from harness.metrics import better_of, is_known, metric_class, unit_of
from harness.record import Likelihood, MetricScore, Record, recorded_texts
from harness.record.tables import Row, example_rows, run_row
from harness.registry import known_methods, table
from harness.settings import RunSettings, validate
from harness.types import Example, Prediction

if TYPE_CHECKING:
    from pandas import DataFrame

INTERVAL = "over users: bootstrap-t; Student's t below 10 users or where over half of them tie"
"""How an interval is computed (docs/metrics.md); a record does not say which of the two it is."""
Save = Callable[["DataFrame", Path], object]
"""Writes a table to a file."""
PROJECT = "flythinker-harness"
"""What exports call this harness."""


@dataclass(frozen=True)
class Source:
    """A run to export.

    folder, record: the run.
    texts: whether its texts may be in the export.
    """

    folder: Path
    record: Record
    texts: bool = True

    @property
    def row(self) -> Row:
        """The run in one row: metrics with intervals, costs."""
        return run_row(self.folder, self.record)

    def example_rows(self) -> list[Row]:
        """Its examples, a row each; without texts if they must not be exported."""
        rows = list(example_rows(self.folder, self.record, self.predictions))
        return rows if self.texts else [_without_text(row) for row in rows]

    @cached_property
    def predictions(self) -> list[Prediction]:
        """All its texts: every sample of every example. Raises DataError as `recorded_texts`."""
        return recorded_texts(self.folder, self.record)

    @cached_property
    def examples(self) -> dict[str, tuple[Example, str]]:
        """Example id → the example and its reference, from the data that the run was made with.

        Raises DataError if these have changed, UsageError for a task that is not known here.
        """
        from harness.data.load import load_split, refuse_other_data

        refuse_unknown("task", self.record.task, self.record)
        settings = validate(RunSettings, self.record.settings, str(self.folder))
        split = load_split(settings, "test")
        refuse_other_data(self.folder, self.record, split, "export with --no-texts")
        return {each.id: (each, split.references[each.id].text) for each in split.examples}


@dataclass(frozen=True)
class Headline:
    """A metric of a run that has a value, with what is known about the metric.

    title: its name for readers. unit: of its values. lower: whether lower is better.
    signature: how it was computed.
    examples, users: those with a value.
    """

    name: str
    title: str
    unit: str
    lower: bool
    value: float
    low: float | None
    high: float | None
    signature: str
    examples: int
    users: int


def headlines(record: Record) -> list[Headline]:
    """Every metric of a run that has a value, and the NLL of the references as `nll`.

    Raises UsageError for a metric that is not known here: records lack its unit and direction.
    """
    scores: dict[str, MetricScore | Likelihood] = {**record.metrics}
    if record.likelihood is not None:
        scores["nll"] = record.likelihood
    found = []
    for name, score in scores.items():
        if score.value is not None:
            each = record.examples.values()  # a metric of all texts may have no value of any
            known = [one for one in each if one.numbers.get(name) is not None] or each
            found.append(Headline(
                name, *_about(name, record), score.value, score.low, score.high, score.signature,
                examples=len(known), users=len({one.user for one in known}),
            ))  # fmt: skip
    return found


def refuse_unknown(kind: str, name: str, record: Record) -> None:
    """Raises UsageError if the metric, task or method of a run is not known here.

    kind: "metric", "task" or "method".
    name: of it.
    record: of the run, for the message.
    """
    known = (
        is_known(name)
        if kind == "metric"
        else name in (known_methods() if kind == "method" else table(kind))
    )
    if not known:
        raise UsageError(
            f"{record.task}, {record.method}, {record.run_id}: the {kind} {name!r} is not known\n"
            f"  mend      give its file with --plugin FILE, or install its package"
        )


def formats() -> tuple[str, ...]:
    """Names of the formats. Imports none of them."""
    return tuple(each.name.replace("_", "-") for each in iter_modules(__path__))


def described(name: str) -> str:
    """The first line of a format's docstring."""
    return (_module(name).__doc__ or "").partition("\n")[0]


def export(to: str, runs: Iterable[Source], out: Path) -> list[Path]:
    """Write runs in a format; returns the files.

    to: name of the format.
    out: file or folder, as the format says.

    Raises UsageError for an unknown format, and where there is no finished run.
    """
    known = formats()
    if to not in known:
        raise UsageError(
            f"--to {to}: no such format.{did_you_mean(to, known)} Known: {', '.join(known)}"
        )
    finished = [run for run in runs if exportable(to, run)]
    if not finished:
        raise UsageError("no finished run to export; `harness runs` lists what is there")
    files: list[Path] = _module(to).write(finished, out)
    return files


def remarks(to: str, out: Path) -> list[str]:
    """What the user of an export must know, a line each; [] for most formats."""
    lines: list[str] = getattr(_module(to), "remarks", lambda _: [])(out)
    return lines


def exportable(to: str, run: Source) -> bool:
    """Whether a format takes a run: a finished one, or any if its module says `UNFINISHED`."""
    return run.record.status != "running" or getattr(_module(to), "UNFINISHED", False)


def one_file(out: Path, *suffixes: str) -> bool:
    """Whether `out` is to be a file of these suffixes; else it is a folder.

    Raises UsageError for another suffix, and for a folder where a file is.
    """
    if out.suffix in suffixes and not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        return True
    if out.is_file() or (out.suffix and not out.is_dir()):
        raise UsageError(f"--out {out}: expected a folder, or a file *{' or *'.join(suffixes)}")
    out.mkdir(parents=True, exist_ok=True)
    return False


def write_tables(runs: Sequence[Source], out: Path, suffix: str, save: Save) -> list[Path]:
    """Tables in a folder: `runs` has a row a run, `examples` a row an example; or `runs` in a file.

    out: the file or folder.
    suffix: of the files.
    save: writes a table to a file.
    """
    import pandas as pd

    rows = [run.row for run in runs]
    if one_file(out, suffix):
        tables = {out: rows}
    else:
        examples = [row for run in runs for row in run.example_rows()]
        tables = {out / f"runs{suffix}": rows, out / f"examples{suffix}": examples}
    for path, content in tables.items():
        save(pd.DataFrame(content, dtype=object), path)  # a count stays one beside an empty cell
    return list(tables)


def _about(name: str, record: Record) -> tuple[str, str, bool]:
    """Title, unit, and whether lower is better. Raises UsageError if the metric is not known."""
    if name == "nll":
        return "NLL of the references", "nats per slice token", True
    refuse_unknown("metric", name, record)
    title = (metric_class(name).title or name) if name in table("metric") else name
    return title, unit_of(name), better_of(name) == "lower"


def _without_text(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("output", "user_id")}


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
