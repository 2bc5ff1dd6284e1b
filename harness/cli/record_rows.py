"""The rows of a record's views in the terminal's table, one function per view."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics import of_words
from harness.metrics.coverage import unseen_words
from harness.record import Curve, HasInterval, MetricScore, Record, SliceEstimate
from harness.reports.render.table import Cell, Column, Value
from harness.types import Score

Row = tuple[str, Value, str]
"""Measure, value with its interval, a note on it."""
VALUE = "value [95 % interval over users]"
COLUMNS = (
    Column("measure"),
    Column(VALUE, kind="number"),
    Column("of", kind="note"),
)


def number(found: HasInterval, digits: int = 2) -> Cell:
    """A number with its interval."""
    return Cell(found.value, found.low, found.high, digits=digits)


def remark(score: MetricScore | Score, scale: str) -> str:
    """The note on a metric: why it has no value, or `scale` and what it does not see."""
    if score.missing:
        return score.missing
    return f"{scale}, {unseen_words(score.unseen)}" if score.unseen else scale


def quality_rows(record: Record) -> list[Row]:
    """Length, repetition, variety and copying, beside those of the references."""
    found = record.quality.values()
    if not found:
        return []
    values = " · ".join(_plain(one.value, 1) for one in found)
    of_references = " · ".join(_plain(one.references, 1) for one in found)
    names = ", ".join(name.replace("_", " ") for name in record.quality)
    return [("  text quality", values, f"{names} (%); references {of_references}")]


def breakdown_rows(record: Record) -> list[Row]:
    """Metrics that count places, e.g. preferences followed, with floor and ceiling."""
    rows: list[Row] = []
    for name, found in record.breakdowns.items():
        ends = (found.chance, found.floor, found.ceiling)
        rows += [
            (f"  {name} by", " · ".join(_plain(end, 1) for end in ends),
             "chance, another author's text, the reference"),
            by_position(record.slices[name], 1),
        ]  # fmt: skip
        held = found.groups.get("held_out", {}).get("all")
        if held is not None and held.value is not None:
            rows.append(("  kind never trained", held.value, f"chance {_plain(held.chance, 1)}"))
    return rows


def _plain(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def by_position(slices: Sequence[SliceEstimate], digits: int) -> Row:
    """One value per slice of the reference."""
    values = [_plain(each.value, digits) for each in slices]
    starts = ", ".join(str(each.start) for each in slices)
    return ("  by position", " · ".join(values), f"slices from {starts}")


def likelihood_rows(record: Record) -> list[Row]:
    """NLL of the references, overall, by slice and relative to the base model."""
    found = record.likelihood
    if found is None or found.value is None:
        return []
    rows: list[Row] = [
        ("NLL of references", number(found), "nats per slice token, lower is better")
    ]
    rows += position_rows(found, 3, "nats")
    relative = found.relative
    if relative is not None:
        rows.append(
            ("  − base model", number(relative, 3), "below 0: more likely than to the base model")
        )
        rows += position_rows(relative, 3, "nats")
    return rows


def position_rows(view: Curve, digits: int, unit: str) -> list[Row]:
    """A view by slice, and its drift if a text reaches every slice."""
    rows = [by_position(view.slices, digits)]
    drift = view.drift
    if drift.value is not None:
        of = f"{unit} per 100 tokens, {drift.examples} texts that reach every slice"
        rows.append(("  drift", number(drift, digits), of))
    return rows


def continuation_rows(record: Record) -> list[Row]:
    """Continuations of the reference: the data source's own metric, and the first of words."""
    found = record.forced
    if found is None:
        return []
    others = [name for name in found.metrics if not of_words(name)]
    shown = [*others, *[name for name in found.metrics if of_words(name)][:1]]
    rows: list[Row] = []
    for name, view in ((name, found.metrics[name]) for name in shown):
        of = f"the next {found.window} tokens, given the reference so far"
        rows += [(f"continuation: {name}", number(view), of), *position_rows(view, 1, "points")]
    return rows


def lift_rows(record: Record) -> list[Row]:
    """Profile swap: what the user's own profile adds over others' and over none."""
    found = record.lift
    if found is None:
        return []
    rows: list[Row] = []
    main = next(iter(record.metrics), "")
    views = (("NLL", found.likelihood, "all", "nats", 3),
             (main, found.texts, main, "points", 2))  # fmt: skip
    for what, pairs, key, unit, digits in views:
        for kind, named in (pairs or {}).items():
            if key not in named:
                continue
            pair = named[key]
            other = number(pair.own_other, digits)
            rows.append((f"lift {what}", other, f"own − {kind} other, {unit}"))
            if kind == "random":  # the same for every kind
                rows.append((f"lift {what}", number(pair.own_empty, digits), f"own − none, {unit}"))
    if found.tied:
        rows.append(("lift topics", str(found.tied), "examples whose topic users BM25 cannot rank"))
    return rows


def author_rows(record: Record) -> list[Row]:
    """Author identification: how often the user's own profile is the nearest."""
    found = record.authors
    if found is None:
        return []
    by = (("characters", found.characters), ("function words", found.function_words))
    return [
        (
            f"author by {features}",
            number(scores.top1),
            f"own profile nearest, %; references {_plain(scores.top1.ceiling, 1)}, chance"
            f" {_plain(scores.top1.chance, 1)}",
        )
        for features, scores in by
        if scores is not None
    ]


def thought_rows(record: Record) -> list[Row]:
    """Thought replacement: its change of likelihood and of the first metric."""
    found = record.controls
    rows: list[Row] = []
    for name, replaced in found.thoughts.items() if found else ():
        if replaced.missing:
            rows.append((f"thoughts: {name}", None, replaced.missing))
        minus_own = replaced.minus_own
        if minus_own is None or found is None:
            continue
        first = next(iter(minus_own.metrics), "")
        main = next(iter(record.metrics), "")
        metric = main if main in minus_own.metrics else first
        changes = (("NLL", minus_own.likelihood, 3), (metric, minus_own.metrics.get(metric), 2))
        for what, change, digits in changes:
            if change is not None:
                of = f"{what} − own"
                if change.p_holm is not None:
                    of += f", p {change.p_holm:.3f} (Holm, {found.family})"
                rows.append((f"thoughts: {name}", number(change, digits), of))
    return rows
