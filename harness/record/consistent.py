"""Parts of a record that must fit each other: what no single field can say."""

from __future__ import annotations

from collections.abc import Iterator

from harness.record.examples import ExampleValues
from harness.record.schema import Record


def misfit(record: Record) -> str | None:
    """The first field that contradicts another one, and how; None in every record of a run."""
    if "test" not in record.data.splits:
        return "data.splits: no test split; expected the examples of the scores"
    return _unequal(_slices(record), "slices") or _unequal(_widths(record), "numbers")


def _unequal(lengths: Iterator[tuple[str, str, int]], what: str) -> str | None:
    """A message on the first (field, group, length) whose group began with another length."""
    first: dict[str, tuple[str, int]] = {}
    for field, group, length in lengths:
        other, expected = first.setdefault(group, (field, length))
        if length != expected:
            return f"{field}: {length} {what}; expected {expected}, as in {other}"
    return None


def _slices(record: Record) -> Iterator[tuple[str, str, int]]:
    """Every list with a number for each slice of the target."""
    for name, metric in record.slices.items():
        yield f"slices.{name}", "", len(metric)
    for name, curve in (record.forced.metrics if record.forced else {}).items():
        yield f"forced.metrics.{name}.slices", "", len(curve.slices)
    if record.likelihood:
        yield "likelihood.slices", "", len(record.likelihood.slices)
        if record.likelihood.relative:
            yield "likelihood.relative.slices", "", len(record.likelihood.relative.slices)
    for name, thought in (record.controls.thoughts if record.controls else {}).items():
        place = f"controls.thoughts.{name}"
        if thought.likelihood:
            yield f"{place}.likelihood.slices", "", len(thought.likelihood.slices)
        if thought.minus_own and thought.minus_own.likelihood:
            yield (
                f"{place}.minus_own.likelihood.slices", "",
                len(thought.minus_own.likelihood.slices),
            )  # fmt: skip
    for key, values in record.examples.items():
        for field, length in _of_example(values):
            yield f"examples.{key}.{field}", "", length


def _of_example(values: ExampleValues) -> Iterator[tuple[str, int]]:
    own = values.likelihood
    if own:
        for field in ("nll", "slice_tokens", "model_tokens", "positions"):
            if (values_by_slice := getattr(own, field)) is not None:
                yield f"likelihood.{field}", len(values_by_slice)
    if values.base_nll is not None:
        yield "base_nll", len(values.base_nll)
    for name, scores in values.forced.items():
        yield f"forced.{name}", len(scores)
    for name, rows in values.forced_rows.items():
        yield f"forced_rows.{name}", len(rows)


def _widths(record: Record) -> Iterator[tuple[str, str, int]]:
    """Rows of a metric: as many samples in every example, as many numbers in every row."""
    for key, values in record.examples.items():
        for name, rows in values.rows.items():
            yield f"examples.{key}.rows.{name}", f"samples of {name}", len(rows)
            for row in rows:
                yield f"examples.{key}.rows.{name}", name, len(row)
        for name, windows in values.forced_rows.items():
            for window in windows:
                if window is not None:
                    yield f"examples.{key}.forced_rows.{name}", name, len(window)
