"""Lift of the own profile: how much, where in the text, and whether systems differ in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.metrics import title_of
from harness.record import ExampleLift, Gains, Lift, LiftPair, Record
from harness.reports.compared.contrasts import Contrasts, contrast_all, judged
from harness.reports.compared.measures import Measure
from harness.reports.compared.parts import lift_measure
from harness.reports.compared.seeds import Pooled, interval_words, over_seeds
from harness.reports.render import style
from harness.reports.render.document import Picture, Section, listed
from harness.reports.render.numbers import figure
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.systems import Board, System, having, lacking
from harness.reports.sections.columns import METHOD, cell_of
from harness.reports.sections.headline import standing
from harness.reports.sections.metric_table import pairs_table

OTHERS = {"random": "own − random other", "topic": "own − topic-matched other"}
LIFTS = {**OTHERS, "empty": "own − none"}
"""Whose profile is read instead: a user's drawn at random, one's near in topic, nobody's."""
NATS = "nats per slice token"


@dataclass(frozen=True)
class View:
    """What lift is measured on: where a record and its examples have it."""

    name: str
    pairs: Callable[[Lift], Mapping[str, Mapping[str, LiftPair]] | None]
    gains: Callable[[ExampleLift], Gains | None]


LIKELIHOOD = View("likelihood", lambda lift: lift.likelihood, lambda lift: lift.likelihood)
TEXTS = View("texts", lambda lift: lift.texts, lambda lift: lift.texts)


def lift_contrasts(board: Board, main: str) -> list[Contrasts]:
    """Systems against each other in lift over other users: one family, judged.

    On likelihood, and on written texts by the main measure where lift was measured on it. A view
    of which a record keeps no value of each example is left out.
    """
    found = []
    for view, name in ((LIKELIHOOD, "all"), (TEXTS, main)):
        part = _part(board, view)
        measures = [_measure(view, kind, name) for kind in OTHERS]
        if part.systems and all(_keeps(measures[0], system) for system in part.systems):
            found += [contrast_all(measure, part) for measure in measures]
    return judged(found)


def lift_section(boards: Sequence[Board], lifts: Mapping[str, Sequence[Contrasts]]) -> Section:
    """Gain of the own profile on likelihood (by position) and on written texts.

    lifts: task → what `lift_contrasts` says of it.
    """
    sentences, tables, pictures = [], list[Table](), []
    for board in boards:
        judged_ones = lifts[board.task]
        for contrasts in judged_ones:
            if len(contrasts.order) > 1:
                sentences.append(standing(board, contrasts))
        likely, written = _part(board, LIKELIHOOD), _part(board, TEXTS)
        if likely.systems:
            pictures.append(_picture(board, likely))
            tables.append(_likelihood_table(board, likely, judged_ones))
        if written.systems:
            tables.append(_text_table(board, written, judged_ones))
        if any(contrasts.pairs for contrasts in judged_ones):
            title = f"Lift, all pairs, {board.task}"
            tables.append(pairs_table(f"lift_pairs_{board.task}", title, judged_ones))
    text = (
        "Does the user's own profile help? The same model reads the own profile, other users'"
        " profiles (the mean where there are several) and none. Above 0 the own profile helps:"
        " own − other asks whether it matters whose profile it is, own − none whether there is any."
        " Methods that share a letter in a column were not shown to differ in it; Holm over all"
        " pairs and lifts over other users of a task.",
        *sentences,
    )
    return Section("lift", "Lift of the own profile", text if tables else (), tuple(tables),
                   tuple(pictures))  # fmt: skip


def _part(board: Board, view: View) -> Board:
    """The runs that measured lift in this view."""
    return having(board, lambda record: record.lift and view.pairs(record.lift))


def _measure(view: View, kind: str, name: str) -> Measure:
    what = "likelihood" if view is LIKELIHOOD else title_of(name)
    title = f"lift on {what}, {LIFTS[kind]}"
    scale = (NATS, 3) if view is LIKELIHOOD else ("points", 2)
    return lift_measure(view.name, view.gains, kind, name, title, *scale)


def _keeps(measure: Measure, system: System) -> bool:
    return all(any(map(measure.row, record.examples.values())) for record in system.records)


def _found(part: Board, system: System, view: View, kind: str, name: str) -> Pooled:
    """The lift of a system's runs in one number; seeds resampled where examples have values."""
    pairs = [
        _pairs(record, view)["random" if kind == "empty" else kind][name]
        for record in system.records
    ]
    said = [pair.own_empty if kind == "empty" else pair.own_other for pair in pairs]
    return over_seeds(part, system, said, _measure(view, kind, name))


def _pairs(record: Record, view: View) -> Mapping[str, Mapping[str, LiftPair]]:
    """Kind of donor → name → gains; empty where the record does not have the view."""
    return (view.pairs(record.lift) if record.lift else None) or {}


def _lifts(
    part: Board, system: System, view: View, name: str, lifts: Sequence[Contrasts]
) -> tuple[list[Cell], list[Pooled]]:
    """A system's lifts over everyone in `LIFTS`: as cells, and as the numbers behind them."""
    found = {kind: _found(part, system, view, kind, name) for kind in LIFTS}
    cells = [
        cell_of(one, _letters(_measure(view, kind, name), system, lifts))
        for kind, one in found.items()
    ]
    return cells, list(found.values())


def _letters(measure: Measure, system: System, lifts: Sequence[Contrasts]) -> str:
    """A system's letters in a lift, where systems were compared in it."""
    same = [one.letters or {} for one in lifts if one.measure.name == measure.name]
    return same[0].get(system.name, "") if same else ""


def _columns(unit: str, digits: int) -> list[Column]:
    return [Column(title, unit, "difference", digits, "higher") for title in LIFTS.values()]


def _likelihood_table(board: Board, part: Board, lifts: Sequence[Contrasts]) -> Table:
    rows, told = list[tuple[Value, ...]](), list[Pooled]()
    for system in part.systems:
        cells, found = _lifts(part, system, LIKELIHOOD, "all", lifts)
        rows.append((system.name, *cells))
        told += found
    counts = {one.lift.donors for system in part.systems for one in system.records if one.lift}
    donors = listed([str(count) for count in sorted(counts)], "or")
    over = interval_words(told) + lacking(board, part, "; ")
    users = "user" if donors == "1" else "users"
    notes = (
        f"{donors} other {users} for each text; nats per slice token, lower NLL counted as gain;"
        f" 95 % intervals over {over}.",
    )
    title = f"Lift on likelihood, {board.task}"
    return Table(f"lift_{board.task}", title, (METHOD, *_columns("nats", 3)), tuple(rows), notes)


def _text_table(board: Board, part: Board, lifts: Sequence[Contrasts]) -> Table:
    names = list(_pairs(part.systems[0].record, TEXTS)["random"])
    rows, groups, told = list[tuple[Value, ...]](), list[str](), list[Pooled]()
    for name in names:
        for system in part.systems:
            cells, found = _lifts(part, system, TEXTS, name, lifts)
            rows.append((system.name, *cells))
            groups.append(title_of(name))
            told += found
    title = f"Lift on written texts, {board.task}"
    over = interval_words(told) + lacking(board, part, "; ")
    notes = (f"Points of each measure; 95 % intervals over {over}.",)
    return Table(
        f"lift_texts_{board.task}", title, (METHOD, *_columns("", 2)), tuple(rows), notes,
        folded=len(rows) > 12, groups=tuple(groups), grouped_by="measure",
    )  # fmt: skip


def _picture(board: Board, part: Board) -> Picture:
    """Own − random other by position, of those runs that measured it."""
    systems = part.systems
    looks = style.looks(system.name for system in board.systems)
    drawing, (axes,) = style.figure(height=3.2)
    names = [key for key in _pairs(systems[0].record, LIKELIHOOD)["random"] if key != "all"]
    curves = {
        system.name: [_found(part, system, LIKELIHOOD, "random", name) for name in names]
        for system in systems
    }
    ends = style.curves(axes, curves, looks)
    axes.set_xticks(range(len(names)), [name.replace("-", "–") for name in names])
    style.reference_line(axes, 0.0, "")
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel("nats per slice token\n(dotted: no lift)")
    style.title(axes, "lift by position: own − random other", board.task)
    users = len(set(board.users.values()))
    over = interval_words(row for rows in curves.values() for row in rows)
    style.caption(drawing, "above 0 the own profile makes the reference more likely than another"
                  f" user's does; bars and bands: 95 % intervals over {over}; n = {len(board.ids)}"
                  f" texts of {users} users{lacking(board, part, '; ')}")  # fmt: skip
    style.label_ends(axes, ends)
    told = "; ".join(f"{name} ends at {figure(value, 3)}" for _, value, name, _ in ends)
    return Picture(f"lift_{board.task}", f"Lift by position, {board.task}", drawing,
                   f"Lift of the own profile by position on {board.task}: {told}")  # fmt: skip
