"""Records as rows of plain values: one for a run, one for an example."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.record.estimates import HasInterval, Json
from harness.record.examples import ExampleValues
from harness.record.schema import Record
from harness.types import Prediction

Value = str | int | float | bool | None
Row = dict[str, Value]
RUN: Mapping[str, Callable[[Path, Record], Value]] = {
    "run": lambda folder, _: str(folder),
    "kind": lambda _, record: record.kind,
    "method": lambda _, record: record.method,
    "task": lambda _, record: record.task,
    "seed": lambda _, record: record.seed,
    "status": lambda _, record: record.status,
    "started": lambda _, record: record.started,
    "preset": lambda _, record: _plain(record.settings.get("preset")),
    "data": lambda _, record: record.data.source,
    "setting": lambda _, record: record.data.setting,
    "backbone": lambda _, record: record.backbone.name,
    "parameters": lambda _, record: record.backbone.method_parameters,
    "examples": lambda _, record: record.n.planned,
    "failed": lambda _, record: record.n.failed,
    "empty": lambda _, record: record.n.empty,
}
"""Column → what a run in a folder is."""
COSTS: Mapping[str, Callable[[Record], Value]] = {
    "training_s": lambda record: record.training and record.training.seconds_total,
    "training_flops": lambda record: _float(record.training and record.training.flops_total),
    "steps": lambda record: record.training and record.training.steps,
    "lr": lambda record: record.training and record.training.lr,
    "val_loss": lambda record: record.training and record.training.val_loss,
    "seconds_per_example": lambda record: record.inference and record.inference.seconds_per_example,
    "time_to_first_token_s": lambda record: (
        record.inference and record.inference.time_to_first_token_s
    ),
    "tokens_per_s": lambda record: record.inference and record.inference.tokens_per_s,
    "visible_tokens": lambda record: record.inference and record.inference.visible_tokens,
    "hidden_tokens": lambda record: record.inference and record.inference.hidden_tokens,
    "peak_memory_mib": lambda record: record.peak_memory_mib,
    "wall_s": lambda record: record.wall_s,
    "device": lambda record: record.device.device,
    "dtype": lambda record: record.device.dtype,
}
"""Column → what a run cost, and where."""


@dataclass(frozen=True)
class _Example:
    """An example of a run. texts: its samples, in order."""

    folder: Path
    record: Record
    id: str
    texts: Sequence[Prediction]
    values: ExampleValues

    @property
    def text(self) -> Prediction | None:
        """The first sample."""
        return self.texts[0] if self.texts else None

    @property
    def generated(self) -> Prediction | None:
        """The same if a run made it; nobody counted the tokens of others."""
        return self.text if self.text and self.text.generated else None


EXAMPLE: Mapping[str, Callable[[_Example], Value]] = {
    "run": lambda one: str(one.folder),
    "method": lambda one: one.record.method,
    "task": lambda one: one.record.task,
    "seed": lambda one: one.record.seed,
    "id": lambda one: one.id,
    "user_id": lambda one: one.text.user_id if one.text else None,
    "output": lambda one: one.text.output if one.text else None,
    "samples": lambda one: len(one.texts),
    "tokens": lambda one: one.generated.tokens if one.generated else None,
    "hidden_tokens": lambda one: one.generated.hidden_tokens if one.generated else None,
    "capped": lambda one: one.generated.capped if one.generated else None,
    "error": lambda one: one.text.error if one.text else None,
    "user": lambda one: one.values.user,
}
"""Column → what an example is, and its text."""
OF_DATA = ("input", "reference")
"""Columns of examples that are read from the run's data."""
NLL = "nll"
OPTION = "method."
"""How the columns of a method's own options begin."""
VALUE_AND_ENDS = ("", "_low", "_high")
"""How the columns of a metric end."""
APART = tuple(f"metric{end}." for end in VALUE_AND_ENDS)
"""How they begin for a metric whose name is taken."""


def is_taken(metric: str, quality: Collection[str]) -> bool:
    """Whether a metric of this name has a column that a table uses for something else.

    quality: names of the measures of text quality.
    """
    return (
        metric in (NLL, *RUN, *COSTS, *EXAMPLE, *OF_DATA, *quality)
        or metric.startswith((OPTION, *APART))
        or metric.endswith(VALUE_AND_ENDS[1:])
    )


def columns_of(metric: str, record: Record) -> tuple[str, str, str]:
    """Columns of a metric's value, lower and upper end: NAME, NAME_low and NAME_high.

    In records from before such names were refused, a metric may have a name that is taken: its
    columns are metric.NAME, metric_low.NAME and metric_high.NAME.
    """
    if is_taken(metric, record.quality):
        value, low, high = (f"{begin}{metric}" for begin in APART)
    else:
        value, low, high = (f"{metric}{end}" for end in VALUE_AND_ENDS)
    return value, low, high


def run_row(folder: Path, record: Record) -> Row:
    """A run as one row: what it is, every metric with its interval, and its costs.

    The columns of a metric are those of `columns_of`; an own option of the method is method.NAME.
    """
    row: Row = {name: read(folder, record) for name, read in RUN.items()}
    options = record.settings.get("method")
    if isinstance(options, Mapping):
        row |= {f"{OPTION}{key}": _plain(value) for key, value in options.items()}
    for name, score in record.metrics.items():
        row |= _ends(columns_of(name, record), score)
    if record.likelihood is not None:
        row |= _ends([f"{NLL}{end}" for end in VALUE_AND_ENDS], record.likelihood)
    return row | {name: read(record) for name, read in COSTS.items()}


def example_rows(folder: Path, record: Record, texts: Iterable[Prediction]) -> Iterator[Row]:
    """A run's examples, one row each: the first sample's text, and the mean scores of all samples.

    folder: of the run. texts: its predictions. An example without values yet has its text alone.
    """
    samples: dict[str, list[Prediction]] = {}
    for text in texts:
        samples.setdefault(text.id, []).append(text)
    scored = {name for values in record.examples.values() for name in values.scores}
    columns = {name: columns_of(name, record)[0] for name in scored}
    for key in dict.fromkeys([*record.examples, *samples]):
        found = sorted(samples.get(key, ()), key=lambda text: text.sample)
        values = record.examples.get(key, ExampleValues())
        one = _Example(folder, record, key, found, values)
        scores = {columns[name]: value for name, value in values.scores.items()}
        nll = {} if values.likelihood is None else {NLL: values.likelihood.mean}
        about = {name: read(one) for name, read in EXAMPLE.items()}
        yield {**about, **scores, **nll, **values.quality}


def _ends(columns: Sequence[str], score: HasInterval) -> Row:
    return dict(zip(columns, (score.value, score.low, score.high), strict=True))


def _float(value: int | None) -> float | None:
    """An estimate that may be larger than a column of integers holds."""
    return None if value is None else float(value)


def _plain(value: Json) -> Value:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
