"""Two systems' texts side by side, in order of disagreement."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from harness.errors import HarnessError, UsageError
from harness.metrics import of_words, title_of
from harness.record import read_predictions
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import NLL, WORDS
from harness.reports.render.document import Section, Shown, Side
from harness.reports.render.numbers import figure
from harness.reports.runs.systems import Board, System
from harness.reports.sections.headline import Results, reference_of
from harness.types import SplitData

SHOWN = 8
"""Examples shown of each task."""


def examples_section(
    boards: Sequence[Board], results: Results, main: str, pair: str | None
) -> tuple[Section, list[str]]:
    """Examples of each task, and notes on what could not be shown. For `pair` see `chosen_pair`."""
    shown, notes, text = [], [], []
    for board in boards:
        if len(board.systems) < 2:
            continue
        first, second = chosen_pair(board, results[board.task][main], pair)
        data, missing = data_of(board)
        notes += [missing] if missing else []
        here = disagreements(board, (first, second), main, data)
        shown += here
        text.append(
            f"{board.task}: {first.name} and {second.name}, seeds {first.seeds[0]} and"
            f" {second.seeds[0]}; {len(here)} of {len(board.ids)} texts, sorted by their difference"
            f" in {title_of(main)}. Highlighted: words that the other text lacks at that point."
        )
    section = Section("examples", "Where two methods disagree most", tuple(text), (), (),
                      tuple(shown))  # fmt: skip
    return section, notes


def chosen_pair(board: Board, contrasts: Contrasts, pair: str | None) -> tuple[System, System]:
    """The two systems in `pair`; by default the best and the reference, or the best two.

    pair: "A,B"; names may contain commas. Raises UsageError if it does not name two systems.
    """
    by_name = {system.name: system for system in board.systems}
    if pair is None:
        best = contrasts.order[0]
        others = [reference_of(board).name, *contrasts.order[1:], *by_name]
        return by_name[best], by_name[next(name for name in others if name != best)]
    for comma in re.finditer(",", pair):
        first, second = pair[: comma.start()].strip(), pair[comma.end() :].strip()
        if first in by_name and second in by_name:
            return by_name[first], by_name[second]
    raise UsageError(
        f"--pair got {pair!r}; expected two names separated by a comma, from"
        f" {'; '.join(by_name)} ({board.task})"
    )


def data_of(board: Board) -> tuple[SplitData | None, str | None]:
    """The runs' test split, or a note on why it cannot be loaded."""
    from harness.data import load_split
    from harness.settings import RunSettings, validate

    try:
        settings = validate(RunSettings, board.systems[0].record.settings, board.task)
        return load_split(settings, "test"), None
    except HarnessError as error:
        line = str(error).splitlines()[0]
        return None, f"{board.task}: prompts and references are not shown: {line}"


def disagreements(
    board: Board, systems: tuple[System, System], main: str, data: SplitData | None
) -> list[Shown]:
    """The first seeds' texts on the examples with the largest difference, largest first."""
    # 1. Both systems' values and texts by example.
    rows = [
        {key: values.numbers for key, values in system.record.examples.items()}
        for system in systems
    ]
    outputs = [
        {text.id: text.output for text in read_predictions(system.runs[0].folder)
         if text.sample == 0}
        for system in systems
    ]  # fmt: skip
    if not all(outputs):
        return []

    def gap(key: str, name: str) -> float:
        values = [row.get(key, {}).get(name) for row in rows]
        return abs((values[0] or 0.0) - (values[1] or 0.0))

    # 2. Order by the difference on the main measure, then on ROUGE-L.
    ranked = sorted(board.ids, key=lambda key: (-gap(key, main), -gap(key, "rougeL"), key))
    inputs = {one.id: one.input for one in data.examples} if data else {}
    # 3. The texts in pieces, with the differing words highlighted.
    shown = []
    for key in ranked[:SHOWN]:
        pieces = word_difference(outputs[0].get(key, ""), outputs[1].get(key, ""))
        sides = [
            Side(system.name, part, _scores(row.get(key, {})))
            for system, part, row in zip(systems, pieces, rows, strict=True)
        ]
        reference = data.references.get(key) if data else None
        shown.append(
            Shown(
                key,
                _values_line(systems, [row.get(key, {}).get(main) for row in rows], main),
                (sides[0], sides[1]),
                inputs.get(key),
                reference.text if reference else None,
            )
        )
    return shown


def _values_line(systems: Sequence[System], values: Sequence[float | None], main: str) -> str:
    """Both systems' values, for the line above their texts."""
    named_values = [
        f"{system.name} {'–' if value is None else figure(value, 2)}"
        for system, value in zip(systems, values, strict=True)
    ]
    return f"{title_of(main)}: {', '.join(named_values)}"


def word_difference(
    first: str, second: str
) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """Each text as pieces (words, whether the other text lacks them); joined they give the text."""
    words = [re.findall(r"\s*\S+|\s+$", text) for text in (first, second)]
    bare = [[word.strip() for word in row] for row in words]
    sides: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    matcher = SequenceMatcher(None, bare[0], bare[1], autojunk=False)
    for tag, *bounds in matcher.get_opcodes():
        for side, row, (begin, end) in zip(sides, words, (bounds[:2], bounds[2:]), strict=True):
            if begin < end:
                side.append(("".join(row[begin:end]), tag != "equal"))
    return tuple(sides[0]), tuple(sides[1])


def _scores(values: Mapping[str, float | None]) -> str:
    """The example's scores on one line."""
    known = (*(name for name in values if not of_words(name)), *WORDS, NLL.name)
    return " · ".join(
        f"{title_of(name)} {figure(value, 2)}"
        for name in known
        if (value := values.get(name)) is not None
    )
