"""Whose text is it: lift of the own profile, author identification, thoughts replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.record import Record
from harness.reports import style
from harness.reports.document import (
    Cell,
    Picture,
    Section,
    Table,
    estimate,
    figure,
    number,
    p_value,
    words,
)
from harness.reports.drift import over_seeds
from harness.reports.measures import TITLES
from harness.reports.systems import Board, System

OTHERS = (("own_other", "random"), ("own_other", "topic"), ("own_empty", "random"))
"""The three lifts: own − random other, own − topic-matched other, own − none."""
LIFT_NAMES = {
    ("own_other", "random"): "own − random other",
    ("own_other", "topic"): "own − topic-matched other",
    ("own_empty", "random"): "own − none",
}


def lift_section(boards: Sequence[Board]) -> Section:
    """Gain of the own profile on likelihood (by position) and on written texts."""
    tables, pictures = [], []
    for board in boards:
        having = [one for one in board.systems if all(record.lift for record in one.records)]
        likely = [one for one in having if _have(one, "likelihood")]
        if likely:
            pictures.append(_lift_picture(board, likely))
            tables.append(_lift_table(board, likely))
        written = [one for one in having if _have(one, "texts")]
        if written:
            tables.append(_text_lift_table(board, written))
    text = (
        "The same model with the user's own profile, with other users' profiles (mean over donors)"
        " and with none. Above 0 the own profile helps. Own − other asks whose profile it is, own −"
        " none whether there is any.",
    )
    return Section("lift", "Lift of the own profile", text if tables else (), tuple(tables),
                   tuple(pictures))  # fmt: skip


def authors_section(boards: Sequence[Board]) -> Section:
    """Is the text nearest to its own author's profile?"""
    tables = []
    for board in boards:
        rows = []
        ways = ("characters", "function words")
        for system in board.systems:
            found = [record.authors or {} for record in system.records]
            if not all(way in one for one in found for way in ways):
                continue
            cells = [
                _percent(over_seeds([one[way][key] for one in found]))
                for way in ways
                for key in ("top1", "mrr")
            ]
            rows.append((words(system.name), *cells))
            ends = found[0]
        if not rows:
            continue
        for what in ("ceiling", "chance"):
            cells = [number(ends[way][key].get(what), 1) for way in ways for key in ("top1", "mrr")]
            rows.append((words("references (ceiling)" if what == "ceiling" else "chance"), *cells))
        heads = ("method", "characters, top-1 %", "characters, MRR %", "function words, top-1 %",
                 "function words, MRR %")  # fmt: skip
        faint = frozenset({len(rows) - 2, len(rows) - 1})
        title = f"Author identification, {board.task}"
        tables.append(Table(f"authors_{board.task}", title, heads, tuple(rows), (), False, faint))
    text = (
        "Among the author and 7 users of the same topic, whose profile is nearest to the text?",
    )
    return Section("authors", "Author identification", text if tables else (), tuple(tables))


def controls_section(boards: Sequence[Board]) -> Section:
    """The same weights with other thoughts: what the own thoughts are needed for."""
    tables = []
    for board in boards:
        for system in board.systems:
            if all(record.controls for record in system.records):
                tables.append(_controls_table(board, system))
    text = (
        "At test time, without training anew: the same weights, other thoughts at the response's"
        " positions. A difference shows that the model depends on its thoughts, not that thoughts"
        " are useful; for that, models trained with other thoughts are compared.",
    )
    return Section("controls", "Controls", text if tables else (), tuple(tables))


def _have(system: System, name: str) -> bool:
    return all((record.lift or {}).get(name) for record in system.records)


def _lift(records: Sequence[Record], name: str, what: str, kind: str, key: str) -> dict[str, Any]:
    return over_seeds([(record.lift or {})[name][kind][key][what] for record in records])


def _lift_table(board: Board, systems: Sequence[System]) -> Table:
    rows = [
        (
            words(system.name),
            *(
                _signed(_lift(system.records, "likelihood", what, kind, "all"))
                for what, kind in OTHERS
            ),
        )
        for system in systems
    ]
    heads = ("method", *(f"{LIFT_NAMES[one]}, nats" for one in OTHERS))
    donors = (systems[0].record.lift or {}).get("donors")
    notes = (f"{donors} donors; nats per slice token, lower NLL counted as gain.",)
    title = f"Lift on likelihood, {board.task}"
    return Table(f"lift_{board.task}", title, heads, tuple(rows), notes)


def _text_lift_table(board: Board, systems: Sequence[System]) -> Table:
    names = list((systems[0].record.lift or {})["texts"]["random"])
    rows = [
        (
            words(system.name),
            words(TITLES.get(name, name)),
            *(
                _signed(_lift(system.records, "texts", what, kind, name), 2)
                for what, kind in OTHERS
            ),
        )
        for system in systems
        for name in names
    ]
    heads = ("method", "measure", *(LIFT_NAMES[one] for one in OTHERS))
    title = f"Lift on written texts, {board.task}"
    return Table(f"lift_texts_{board.task}", title, heads, tuple(rows), (), len(names) > 2)


def _lift_picture(board: Board, systems: Sequence[System]) -> Picture:
    """Own − random other by position."""
    looks = style.looks(system.name for system in board.systems)
    drawing, (axes,) = style.figure(height=3.2)
    names = [key for key in (systems[0].record.lift or {})["likelihood"]["random"] if key != "all"]
    ends = []
    for system in systems:
        rows = [_lift(system.records, "likelihood", "own_other", "random", name) for name in names]
        values = [row["value"] for row in rows]
        style.line(axes, range(len(names)), values, looks[system.name],
                   [row["low"] for row in rows], [row["high"] for row in rows])  # fmt: skip
        known = [(at, value) for at, value in enumerate(values) if value is not None]
        if known:
            ends.append((*known[-1], system.name, looks[system.name]))
    axes.set_xticks(range(len(names)), [name.replace("-", "–") for name in names])
    style.reference_line(axes, 0.0, "no lift")
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel("nats per slice token")
    style.title(axes, "lift by position: own − random other")
    style.label_ends(axes, ends)
    style.caption(drawing, f"{board.task}; above 0 the own profile makes the reference more likely"
                  " than another user's does; bands: 95 % intervals over users")  # fmt: skip
    told = "; ".join(f"{name} ends at {figure(value, 3)}" for _, value, name, _ in ends)
    return Picture(f"lift_{board.task}", f"Lift by position, {board.task}", drawing,
                   f"Lift of the own profile by position on {board.task}: {told}")  # fmt: skip


def _controls_table(board: Board, system: System) -> Table:
    """One row a kind of thoughts; differences to the own ones of the first seed, values of all."""
    found = [record.controls or {} for record in system.records]
    thoughts = list(found[0]["thoughts"])
    first = found[0]["thoughts"]
    names = [name for name in first["own"]["metrics"] if name in ("following", "bleu", "rougeL")]
    likely = all(first[thought]["likelihood"] for thought in thoughts)
    heads: list[str] = ["thoughts"]
    if likely:
        heads += ["NLL", "minus own", "p (Holm)"]
    for name in names:
        heads += [TITLES.get(name, name), "minus own", "p (Holm)"]
    rows = []
    for thought in thoughts:
        cells = [words(thought)]
        here = [one["thoughts"][thought] for one in found]
        minus = here[0]["minus_own"] or {}
        if likely:
            cells.append(_percent(over_seeds([one["likelihood"] for one in here]), 3))
            cells += _difference(minus.get("likelihood"), 3)
        for name in names:
            cells.append(_percent(over_seeds([one["metrics"][name] for one in here]), 2))
            cells += _difference((minus.get("metrics") or {}).get(name), 2)
        rows.append(tuple(cells))
    notes = [f"Holm over the family of {found[0]['family']} differences of one run."]
    if len(found) > 1:
        notes.append(f"Differences and p: seed {system.seeds[0]} only.")
    label = system.name.replace(" ", "_")
    return Table(f"controls_{label}_{board.task}", f"Other thoughts in {system.name}, {board.task}",
                 tuple(heads), tuple(rows), tuple(notes))  # fmt: skip


def _difference(found: Mapping[str, Any] | None, digits: int) -> list[Cell]:
    if not found:
        return [words("–"), words("–")]
    return [_signed(found, digits), p_value(found.get("p_holm"))]


def _signed(found: Mapping[str, Any], digits: int = 3) -> Cell:
    return estimate(found["value"], found["low"], found["high"], digits, signed=True)


def _percent(found: Mapping[str, Any], digits: int = 1) -> Cell:
    return estimate(found["value"], found["low"], found["high"], digits)
