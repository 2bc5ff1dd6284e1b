"""What the terminal's table says of a record's views, a function a view."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics import of_words
from harness.metrics.letters import unseen_words
from harness.record import Curve, HasInterval, MetricScore, Record, SliceEstimate
from harness.reports.render.table import Cell, Column, Value
from harness.types import Score

Row = tuple[str, Value, str]
"""Measure, value with its interval, of what."""
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
    """What stands beside a metric: why it has no value, or `scale` and what it does not see."""
    if score.missing:
        return score.missing
    return f"{scale}, {unseen_words(score.unseen)}" if score.unseen else scale


def following_rows(record: Record) -> list[Row]:
    """Preference following of the built-in benchmark, between its floor and its ceiling."""
    found = record.following
    if found is None:
        return []
    ends = (found.chance, found.floor, found.ceiling)
    rows: list[Row] = [
        ("  calls followed by", " · ".join(_plain(end, 1) for end in ends),
         "chance, another author's text, the reference"),
        by_position(found.slices, 1),
    ]  # fmt: skip
    held = found.held_out
    if held.value is not None:
        of = f"chance {_plain(held.chance, 1)}"
        rows.append(("  kind never trained", held.value, of))
    return rows


def _plain(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def by_position(slices: Sequence[SliceEstimate], digits: int) -> Row:
    """One value a slice of the target."""
    values = [_plain(each.value, digits) for each in slices]
    starts = ", ".join(str(each.start) for each in slices)
    return ("  by position", " · ".join(values), f"slices from {starts}")


def likelihood_rows(record: Record) -> list[Row]:
    """NLL of the references, overall, by slice and beside the untrained backbone."""
    found = record.likelihood
    if found is None or found.value is None:
        return []
    rows: list[Row] = [
        ("NLL of references", number(found), "nats per slice token, lower is better")
    ]
    rows += position_rows(found, 3, "nats")
    beside = found.relative
    if beside is not None:
        rows.append(("  − untrained backbone", number(beside, 3), "below 0: found more likely"))
        rows += position_rows(beside, 3, "nats")
    return rows


def position_rows(view: Curve, digits: int, unit: str) -> list[Row]:
    """A view by slice, and its drift where some text reaches every slice."""
    rows = [by_position(view.slices, digits)]
    drift = view.drift
    if drift.value is not None:
        of = f"{unit} per 100 tokens, {drift.examples} texts that reach every slice"
        rows.append(("  drift", number(drift, digits), of))
    return rows


def forced_rows(record: Record) -> list[Row]:
    """The windows written after the reference: following on mini, and the first metric."""
    found = record.forced
    if found is None:
        return []
    others = [name for name in found.metrics if not of_words(name)]
    shown = [*others, *[name for name in found.metrics if of_words(name)][:1]]
    rows: list[Row] = []
    for name, view in ((name, found.metrics[name]) for name in shown):
        of = f"next {found.window} tokens after the reference so far"
        rows += [(f"forced: {name}", number(view), of), *position_rows(view, 1, "points")]
    return rows


def lift_rows(record: Record) -> list[Row]:
    """What the own profile gains over other users' profiles and over none."""
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
    return rows


def author_rows(record: Record) -> list[Row]:
    """How often the own profile is the nearest one."""
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


def control_rows(record: Record) -> list[Row]:
    """What other thoughts change, on likelihood and on the first metric."""
    found = record.controls
    rows: list[Row] = []
    for name, control in found.thoughts.items() if found else ():
        if control.missing:
            rows.append((f"thoughts: {name}", None, control.missing))
        apart = control.minus_own
        if apart is None or found is None:
            continue
        first = next(iter(apart.metrics), "")
        main = next(iter(record.metrics), "")
        metric = main if main in apart.metrics else first
        changes = (("NLL", apart.likelihood, 3), (metric, apart.metrics.get(metric), 2))
        for what, change, digits in changes:
            if change is not None:
                of = f"{what} − own"
                if change.p_holm is not None:
                    of += f", p {change.p_holm:.3f} (Holm, {found.family})"
                rows.append((f"thoughts: {name}", number(change, digits), of))
    return rows
