"""Profile swap: the lift of the user's own profile, overall, by position, and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.metrics import title_of
from harness.record import ExampleLift, Gains, Lift, LiftPair, Record
from harness.reports.compared.contrasts import Contrasts, contrast_all, judge_family
from harness.reports.compared.measures import Measure
from harness.reports.compared.parts import lift_measure
from harness.reports.compared.seeds import Pooled, interval_words, over_seeds
from harness.reports.render import plots
from harness.reports.render.document import Picture, Section, listed
from harness.reports.render.numbers import figure
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.systems import Board, System, having, lacking
from harness.reports.sections.columns import METHOD, cell_of
from harness.reports.sections.headline import verdict_words
from harness.reports.sections.metric_table import pairs_table

OTHERS = {"random": "own − random other", "topic": "own − topic-matched other"}
LIFTS = {**OTHERS, "empty": "own − none"}
"""Whose profile replaces the user's: a random user's, a topic-matched user's, or none."""
NATS = "nats per slice token"


@dataclass(frozen=True)
class View:
    """What lift is computed on.

    pairs: reads a record's lifts. gains: reads an example's gains.
    """

    name: str
    pairs: Callable[[Lift], Mapping[str, Mapping[str, LiftPair]] | None]
    gains: Callable[[ExampleLift], Gains | None]


LIKELIHOOD = View("likelihood", lambda lift: lift.likelihood, lambda lift: lift.likelihood)
TEXTS = View("texts", lambda lift: lift.texts, lambda lift: lift.texts)


def lift_contrasts(board: Board, main: str) -> list[Contrasts]:
    """Systems compared in lift over other users; one family for Holm's correction.

    On likelihood, and on generated texts by the main measure if runs have it. A view is left out if
    a record holds no values by example.
    """
    found = []
    for view, name in ((LIKELIHOOD, "all"), (TEXTS, main)):
        part = _part(board, view)
        measures = [_measure(view, kind, name) for kind in OTHERS]
        if part.systems and all(_has_values(measures[0], system) for system in part.systems):
            found += [contrast_all(measure, part) for measure in measures]
    return judge_family(found)


def lift_section(boards: Sequence[Board], lifts: Mapping[str, Sequence[Contrasts]]) -> Section:
    """Lift of the user's own profile on likelihood (by position) and on generated texts.

    lifts: task → its `lift_contrasts`.
    """
    sentences, tables, pictures = [], list[Table](), []
    for board in boards:
        of_board = lifts[board.task]
        for contrasts in of_board:
            if len(contrasts.order) > 1:
                sentences.append(verdict_words(board, contrasts))
        on_likelihood, on_texts = _part(board, LIKELIHOOD), _part(board, TEXTS)
        if on_likelihood.systems:
            pictures.append(_picture(board, on_likelihood))
            tables.append(_likelihood_table(board, on_likelihood, of_board))
        if on_texts.systems:
            tables.append(_text_table(board, on_texts, of_board))
        if any(contrasts.pairs for contrasts in of_board):
            title = f"Lift, all pairs, {board.task}"
            tables.append(pairs_table(f"lift_pairs_{board.task}", title, of_board))
    text = (
        "Does the user's own profile help? The same model gets the user's own profile, other"
        " users' profiles (averaged if there are several), and none. Above 0, the user's profile"
        " helps: own − other asks whether it matters whose profile it is, own − none whether a"
        " profile matters at all. Methods that share a letter do not differ significantly. Holm's"
        " correction covers, within a task, all pairs on all lifts over other users.",
        *sentences,
    )
    return Section("lift", "Profile swap", text if tables else (), tuple(tables),
                   tuple(pictures))  # fmt: skip


def _part(board: Board, view: View) -> Board:
    """The runs that have lift in this view."""
    return having(board, lambda record: record.lift and view.pairs(record.lift))


def _measure(view: View, kind: str, name: str) -> Measure:
    what = "likelihood" if view is LIKELIHOOD else title_of(name)
    title = f"lift on {what}, {LIFTS[kind]}"
    scale = (NATS, 3) if view is LIKELIHOOD else ("points", 2)
    return lift_measure(view.name, view.gains, kind, name, title, *scale)


def _has_values(measure: Measure, system: System) -> bool:
    return all(any(map(measure.row, record.examples.values())) for record in system.records)


def _pooled(part: Board, system: System, view: View, kind: str, name: str) -> Pooled:
    """The lift of a system over its seeds, which are resampled if examples have values."""
    pairs = [
        _pairs(record, view)["random" if kind == "empty" else kind][name]
        for record in system.records
    ]
    estimates = [pair.own_empty if kind == "empty" else pair.own_other for pair in pairs]
    return over_seeds(part, system, estimates, _measure(view, kind, name))


def _pairs(record: Record, view: View) -> Mapping[str, Mapping[str, LiftPair]]:
    """Kind of donor → name → gains; empty if the record lacks the view."""
    return (view.pairs(record.lift) if record.lift else None) or {}


def _lifts(
    part: Board, system: System, view: View, name: str, lifts: Sequence[Contrasts]
) -> tuple[list[Cell], list[Pooled]]:
    """A system's lift over each kind in `LIFTS`, as cells and as the pooled numbers."""
    found = {kind: _pooled(part, system, view, kind, name) for kind in LIFTS}
    cells = [
        cell_of(one, _letters(_measure(view, kind, name), system, lifts))
        for kind, one in found.items()
    ]
    return cells, list(found.values())


def _letters(measure: Measure, system: System, lifts: Sequence[Contrasts]) -> str:
    """A system's significance letters in a lift; "" if systems were not compared in it."""
    same = [one.letters or {} for one in lifts if one.measure.name == measure.name]
    return same[0].get(system.name, "") if same else ""


def _columns(unit: str, digits: int) -> list[Column]:
    return [Column(title, unit, "difference", digits, "higher") for title in LIFTS.values()]


def _likelihood_table(board: Board, part: Board, lifts: Sequence[Contrasts]) -> Table:
    rows, pooled = list[tuple[Value, ...]](), list[Pooled]()
    for system in part.systems:
        cells, found = _lifts(part, system, LIKELIHOOD, "all", lifts)
        rows.append((system.name, *cells))
        pooled += found
    counts = {one.lift.donors for system in part.systems for one in system.records if one.lift}
    donors = listed([str(count) for count in sorted(counts)], "or")
    over = interval_words(pooled) + lacking(board, part, "; ")
    users = "user" if donors == "1" else "users"
    notes = (
        f"{donors} other {users} per text; nats per slice token, a gain is a lower NLL;"
        f" 95 % intervals over {over}.",
    )
    title = f"Lift on likelihood, {board.task}"
    return Table(f"lift_{board.task}", title, (METHOD, *_columns("nats", 3)), tuple(rows), notes)


def _text_table(board: Board, part: Board, lifts: Sequence[Contrasts]) -> Table:
    names = list(_pairs(part.systems[0].record, TEXTS)["random"])
    rows, groups, pooled = list[tuple[Value, ...]](), list[str](), list[Pooled]()
    for name in names:
        for system in part.systems:
            cells, found = _lifts(part, system, TEXTS, name, lifts)
            rows.append((system.name, *cells))
            groups.append(title_of(name))
            pooled += found
    title = f"Lift on generated texts, {board.task}"
    over = interval_words(pooled) + lacking(board, part, "; ")
    notes = (f"Points of each measure; 95 % intervals over {over}.",)
    return Table(
        f"lift_texts_{board.task}", title, (METHOD, *_columns("", 2)), tuple(rows), notes,
        folded=len(rows) > 12, groups=tuple(groups), grouped_by="measure",
    )  # fmt: skip


def _picture(board: Board, part: Board) -> Picture:
    """Own − random other by position, for the runs that have it."""
    systems = part.systems
    looks = plots.looks(system.name for system in board.systems)
    drawing, (axes,) = plots.figure(height=3.2)
    names = [key for key in _pairs(systems[0].record, LIKELIHOOD)["random"] if key != "all"]
    curves = {
        system.name: [_pooled(part, system, LIKELIHOOD, "random", name) for name in names]
        for system in systems
    }
    ends = plots.curves(axes, curves, looks)
    axes.set_xticks(range(len(names)), [name.replace("-", "–") for name in names])
    plots.reference_line(axes, 0.0, "")
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel("nats per slice token\n(dotted: no lift)")
    plots.title(axes, "lift by position: own − random other", board.task)
    users = len(set(board.users.values()))
    over = interval_words(row for rows in curves.values() for row in rows)
    plots.caption(drawing, "above 0, a user's profile makes the reference more likely than another"
                  f" user's does; bars and bands: 95 % intervals over {over}; n = {len(board.ids)}"
                  f" texts of {users} users{lacking(board, part, '; ')}")  # fmt: skip
    plots.label_ends(axes, ends)
    curve_ends = "; ".join(f"{name} ends at {figure(value, 3)}" for _, value, name, _ in ends)
    alt = f"Lift of the user's profile by position on {board.task}: {curve_ends}"
    return Picture(f"lift_{board.task}", f"Lift by position, {board.task}", drawing, alt)
