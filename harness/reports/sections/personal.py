"""Whose text is it: author identification, and thoughts replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.compared.measures import TITLES
from harness.reports.compared.parts import author_measure
from harness.reports.compared.seeds import interval_words, over_seeds, spanned
from harness.reports.render.document import (
    Cell,
    Section,
    Table,
    estimate,
    listed,
    number,
    p_value,
    words,
)
from harness.reports.runs.systems import Board, System, having, lacking


def authors_section(boards: Sequence[Board]) -> Section:
    """Is the text nearest to its own author's profile?"""
    tables = []
    others = set()
    for board in boards:
        rows, told = [], list[Mapping[str, Any]]()
        ways = ("characters", "function words")
        part = having(board, lambda record: "characters" in (record.authors or {}))
        for system in part.systems:
            found = [record.authors or {} for record in system.records]
            here = [
                over_seeds(board, system, [one[way][key] for one in found],
                           author_measure(way, key))
                for way in ways
                for key in ("top1", "mrr")
            ]  # fmt: skip
            rows.append((words(system.name), *map(_plain, here)))
            told += here
            ends = found[0]
        if not rows:
            continue
        for what in ("ceiling", "chance"):
            cells = [number(ends[way][key].get(what), 1) for way in ways for key in ("top1", "mrr")]
            rows.append((words("references (ceiling)" if what == "ceiling" else "chance"), *cells))
        heads = ("method", "characters, top-1 %", "characters, MRR %", "function words, top-1 %",
                 "function words, MRR %")  # fmt: skip
        faint = frozenset({len(rows) - 2, len(rows) - 1})
        others.add(str(ends.get("others", "some")))
        title = f"Author identification, {board.task}"
        notes = (f"Intervals: 95 % over {interval_words(told)}{lacking(board, part, '; ')}.",)
        tables.append(
            Table(f"authors_{board.task}", title, heads, tuple(rows), notes, False, faint)
        )
    text = (
        f"Among the author and {listed(sorted(others), 'or')} users of the same topic, whose"
        " profile is nearest to the text, by runs of characters and by function words? Top-1: how"
        " often it is the author's; MRR: mean of 1 over the author's place.",
    )
    return Section("authors", "Author identification", text if tables else (), tuple(tables))


def controls_section(boards: Sequence[Board]) -> Section:
    """The same weights with other thoughts: what the own thoughts are needed for."""
    tables = []
    for board in boards:
        for system in having(board, lambda record: record.controls).systems:
            tables.append(_controls_table(board, system))
    text = (
        "Does the model use its thoughts? At test time, without training anew: the same weights,"
        " other thoughts at the response's positions. A difference shows that the model depends on"
        " its thoughts, not that thoughts are useful; for that, models trained with other thoughts"
        " are compared.",
    )
    return Section("controls", "Controls", text if tables else (), tuple(tables))


def _controls_table(board: Board, system: System) -> Table:
    """One row a kind of thoughts, with its differences to the own ones; see `_together`."""
    found = [record.controls or {} for record in system.records]
    thoughts = list(found[0]["thoughts"])
    thoughts = [one for one in thoughts if all("missing" not in each["thoughts"].get(
        one, {"missing": "not asked for"}) for each in found)]  # fmt: skip
    first = found[0]["thoughts"]
    names = [name for name in ("following", "bleu", "rougeL") if name in first["own"]["metrics"]]
    likely = all(first[thought]["likelihood"] for thought in thoughts)
    heads: list[str] = ["thoughts"]
    if likely:
        heads += ["NLL ↓", "NLL minus own", "p (Holm)"]
    for name in names:
        title = TITLES.get(name, name)
        heads += [title, f"{title} minus own", "p (Holm)"]
    rows = []
    for thought in thoughts:
        cells = [words(thought)]
        here = [one["thoughts"][thought] for one in found]
        minus = [one["minus_own"] or {} for one in here]
        if likely:
            cells.append(_plain(spanned([one["likelihood"] for one in here]), 3))
            cells += _together([one.get("likelihood") for one in minus], 3)
        for name in names:
            cells.append(_plain(spanned([one["metrics"][name] for one in here]), 2))
            cells += _together([(one.get("metrics") or {}).get(name) for one in minus], 2)
        rows.append(tuple(cells))
    notes = [
        f"Holm over the {found[0]['family']} differences of a run. NLL above 0 and scores below 0:"
        " the model writes worse without its own thoughts."
    ]
    every = next(one for one in board.systems if one.name == system.name)
    if len(system.runs) < len(every.runs):
        notes.append(
            f"Of the training seeds {listed(list(map(str, every.seeds)))} these were measured in"
            f" {listed(list(map(str, system.seeds)))} alone: they speak of"
            f" {'that checkpoint' if len(system.runs) == 1 else 'those checkpoints'}."
        )
    if len(found) > 1:
        notes.append(
            f"Means over {len(found)} training seeds. Records keep no value of each example here,"
            " so seeds are not resampled: an interval goes from the lowest to the highest end of"
            " the seeds' intervals over users, and p is the largest of the seeds'."
        )
    label = system.name.replace(" ", "_")
    return Table(f"controls_{label}_{board.task}", f"Other thoughts in {system.name}, {board.task}",
                 tuple(heads), tuple(rows), tuple(notes))  # fmt: skip


def _together(found: Sequence[Mapping[str, Any] | None], digits: int) -> list[Cell]:
    """A difference of every seed in one: mean and span, and the largest p.

    The largest p tests whether each seed's model shows it, which is more than their mean needs.
    """
    known = [one for one in found if one]
    if not known or len(known) < len(found):
        return [words("–"), words("–")]
    p_values = [one.get("p_holm") for one in known]
    largest = None if None in p_values else max(p for p in p_values if p is not None)
    return [_signed(spanned(known), digits), p_value(largest)]


def _signed(found: Mapping[str, Any], digits: int = 3) -> Cell:
    return estimate(found["value"], found["low"], found["high"], digits, signed=True)


def _plain(found: Mapping[str, Any], digits: int = 1) -> Cell:
    return estimate(found["value"], found["low"], found["high"], digits)
