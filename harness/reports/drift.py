"""How quality changes along the text: one curve a system in every view, and the slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from harness.record import Record
from harness.reports import style
from harness.reports.document import Cell, Picture, Section, Table, estimate, listed, words
from harness.reports.headline import Found, value_cell
from harness.reports.measures import TITLES
from harness.reports.systems import Board, System

Slices = Sequence[Mapping[str, Any]]
SEEDS = "with several seeds: mean, and from the lowest to the highest end of the seeds' intervals"


@dataclass(frozen=True)
class View:
    """One way to look at drift. slices: a record's rows by slice; slope: its drift, or None."""

    name: str
    title: str
    unit: str
    slices: Callable[[Record], Slices | None]
    slope: Callable[[Record], Mapping[str, Any] | None]
    worse: str = "falls"


def views_of(board: Board, main: str) -> list[View]:
    """The views that every run of the board has, primary ones first."""
    record = board.systems[0].record
    forced = (record.forced or {}).get("metrics", {})
    scored = next((name for name in (main, "rougeL", "bleu", *forced) if name in forced), None)
    free = next((name for name in (main, "rougeL", "bleu") if name in record.slices), None)
    found = [
        View("likelihood", "likelihood: NLL of the reference", "nats per slice token",
             _at("likelihood", "slices"), _at("likelihood", "drift"), "rises"),
        View("relative", "likelihood beside the untrained backbone", "nats per slice token",
             _at("likelihood", "relative", "slices"), _at("likelihood", "relative", "drift"),
             "rises"),
        View("forced_following", "forced: preferences followed in the next 100 tokens",
             "% of calls", _at("forced", "following", "slices"),
             _at("forced", "following", "drift")),
        View("following", "preferences followed in the free text", "% of calls",
             _at("following", "slices"), _nothing),
    ]  # fmt: skip
    if scored:
        title = f"forced: {TITLES.get(scored, scored)} of the next 100 tokens"
        found.insert(2, View("forced", title, "0–100",
                             _at("forced", "metrics", scored, "slices"),
                             _at("forced", "metrics", scored, "drift")))  # fmt: skip
    if free:
        found.append(View("free", f"free text: {TITLES.get(free, free)} (descriptive)", "0–100",
                          _at("slices", free), _nothing))  # fmt: skip
    records = [one for system in board.systems for one in system.records]
    return [view for view in found if all(view.slices(one) for one in records)]


def drift_section(boards: Sequence[Board], found: Found, main: str) -> Section:
    """A picture and a table of slopes for each task."""
    pictures, tables = [], []
    for board in boards:
        views = views_of(board, main)
        if not views:
            continue
        pictures += [_picture(board, view) for view in views]
        table = _slopes(board, views, found)
        tables += [table] if table.rows else []
        tables.append(_numbers(board, views))
    if not pictures:
        return Section("drift", "Drift along the text")
    text = (
        "Primary views: the likelihood of the reference, and forced writing (the reference is given"
        " up to a place, the next 100 tokens are written and scored). The free text's slices depend"
        " on alignment and are descriptive. A slope stands on the texts that reach every slice.",
    )
    return Section("drift", "Drift along the text", text, tuple(tables), tuple(pictures))


def merged(system: System, view: View) -> list[dict[str, Any]]:
    """A system's rows by slice, over its seeds."""
    rows = [list(view.slices(record) or ()) for record in system.records]
    return [over_seeds(same) for same in zip(*rows, strict=True)]


def over_seeds(same: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One estimate a seed → their mean, with the hull of their intervals; see `SEEDS`."""
    values = [one["value"] for one in same if one.get("value") is not None]
    lows = [one["low"] for one in same if one.get("low") is not None]
    highs = [one["high"] for one in same if one.get("high") is not None]
    return {
        **same[0],
        "value": fmean(values) if values else None,
        "low": min(lows) if lows else None,
        "high": max(highs) if highs else None,
    }


def _picture(board: Board, view: View) -> Picture:
    looks = style.looks(system.name for system in board.systems)
    drawing, (axes,) = style.figure(height=3.3)
    ends, names, counts = [], [], []
    for system in board.systems:
        rows = merged(system, view)
        names = [row["slice"].replace("-", "–") for row in rows]
        counts = [row.get("examples") for row in rows]
        values = [row["value"] for row in rows]
        style.line(axes, range(len(rows)), values, looks[system.name],
                   [row.get("low") for row in rows], [row.get("high") for row in rows])  # fmt: skip
        known = [(at, value) for at, value in enumerate(values) if value is not None]
        if known:
            ends.append((*known[-1], system.name, looks[system.name]))
    labels = [
        f"{name}\nn = {count}" if count is not None else name
        for name, count in zip(names, counts, strict=True)
    ]
    axes.set_xticks(range(len(names)), labels)
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel(view.unit)
    style.title(axes, f"{view.title}")
    style.label_ends(axes, ends)
    seeds = max(len(system.runs) for system in board.systems)
    told = f"; {SEEDS}" if seeds > 1 else ""
    style.caption(drawing, f"{board.task}; {view.unit}; bands: 95 % intervals over users{told};"
                  f" worse where it {view.worse}")  # fmt: skip
    alt = f"{view.title} on {board.task} by position: " + "; ".join(
        f"{name} ends at {value:.2f}" for _, value, name, _ in ends
    )
    return Picture(f"drift_{view.name}_{board.task}", view.title, drawing, alt)


def _slopes(board: Board, views: Sequence[View], found: Found) -> Table:
    """Slopes of the views that have one, and the compared slope of NLL with its letters."""
    compared = found[board.task].get("nll_drift")
    sloped = [
        view
        for view in views
        if all(view.slope(record) for system in board.systems for record in system.records)
        and not (compared and view.name == "likelihood")
    ]
    rows = []
    for system in board.systems:
        cells = [
            _estimate(over_seeds([view.slope(record) or {} for record in system.records]))
            for view in sloped
        ]
        own = [value_cell(compared, system.name)] if compared else []
        rows.append((words(system.name), *own, *cells))
    named = [
        f"{view.name.replace('_', ' ')}, {view.unit.split(' per ')[0]} per 100 tokens"
        for view in sloped
    ]
    heads = [
        "method",
        *(["likelihood, nats per 100 tokens"] if compared else []),
        *named,
    ]
    down = [view.name.replace("_", " ") for view in sloped if view.worse == "falls"]
    notes = ["NLL: above 0 the end of a text is harder than its beginning."]
    if down:
        notes.append(f"{listed(down)}: below 0 the end is worse than the beginning.")
    if compared:
        notes.append("Letters as in the tables of scores.")
    title = f"Slopes, {board.task}"
    return Table(f"drift_{board.task}", title, tuple(heads), tuple(rows), tuple(notes))


def _numbers(board: Board, views: Sequence[View]) -> Table:
    """The points of the curves, for whoever wants to plot them anew."""
    rows = []
    for view in views:
        for system in board.systems:
            for row in merged(system, view):
                rows.append((words(view.name), words(system.name), words(row["slice"]),
                             _estimate(row, 3)))  # fmt: skip
    heads = ("view", "method", "slice", "value [95 %]")
    return Table(f"curves_{board.task}", f"Points of the curves, {board.task}", heads,
                 tuple(rows), (), True)  # fmt: skip


def _estimate(found: Mapping[str, Any], digits: int = 3) -> Cell:
    return estimate(found.get("value"), found.get("low"), found.get("high"), digits)


def _nothing(record: Record) -> None:
    return None


def _at(field: str, *path: str) -> Callable[[Record], Any]:
    """The value at a path below a field of the record, None where the path ends early."""

    def found(record: Record) -> Any:
        value = getattr(record, field)
        for key in path:
            value = (value or {}).get(key)
        return value

    return found
