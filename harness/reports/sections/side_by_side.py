"""Two systems' texts side by side, in order of disagreement."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from harness.errors import HarnessError, UsageError, counted
from harness.record import ExampleValues, read_predictions
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import NONE, figure
from harness.reports.render.section import Part, Shown, Side
from harness.reports.runs.systems import Board, System, reference_of
from harness.types import SplitData

SHOWN = 8
"""Examples shown of each task."""


def examples_part(compared: Compared, pair: str | None) -> Part:
    """Examples, and a warning about what could not be shown. For `pair` see `chosen_pair`."""
    board, measure = compared.board, compared.main.measure
    if len(board.systems) < 2:
        return Part()
    first, second = chosen_pair(compared, pair)
    data, missing = data_of(board)
    shown = disagreements(compared, (first, second), data)
    text = (
        f"{board.task}: {first.name} and {second.name}, seeds {first.seeds[0]} and"
        f" {second.seeds[0]}; {len(shown)} of {counted(len(board.ids), board.unit)}, sorted by"
        f" their difference in {measure.title}. Highlighted: words that the other text lacks at"
        f" that point.{_first_sample([first, second])}"
    )
    return Part((text,), examples=tuple(shown), warnings=(missing,) if missing else ())


def chosen_pair(compared: Compared, pair: str | None) -> tuple[System, System]:
    """The two systems in `pair`; by default the best and the reference, or the best two.

    pair: "A,B"; names may contain commas. Raises UsageError if it does not name two systems.
    """
    board, order = compared.board, compared.main.order
    by_name = {system.name: system for system in board.systems}
    if pair is None:
        others = [reference_of(board).name, *order[1:], *by_name]
        return by_name[order[0]], by_name[next(name for name in others if name != order[0])]
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
    compared: Compared, systems: tuple[System, System], data: SplitData | None
) -> list[Shown]:
    """The first seeds' texts on the examples with the largest difference, largest first."""
    # 1. Both systems' values and texts by example.
    texts = [
        {one.id: one.output for one in read_predictions(system.runs[0].folder) if one.sample == 0}
        for system in systems
    ]
    if not all(texts):
        return []
    names = [compared.main_name, *compared.contrasts]

    def values(key: str) -> list[ExampleValues]:
        return [system.record.examples.get(key, ExampleValues()) for system in systems]

    def gaps(key: str) -> tuple[float, ...]:
        pairs = [[one.numbers.get(name) for one in values(key)] for name in names]
        # a value that one of them lacks is no difference
        return tuple(
            0.0 if first is None or second is None else -abs(first - second)
            for first, second in pairs
        )

    # 2. Order by the difference on the main measure, then on the others.
    inputs = {one.id: one.input for one in data.examples} if data else {}
    references = {key: one.text for key, one in data.references.items()} if data else {}
    shown = []
    for key in sorted(compared.board.ids, key=lambda key: (gaps(key), key))[:SHOWN]:
        # 3. The texts in pieces, with the differing words highlighted.
        pieces = word_difference(*(text.get(key, "") for text in texts))
        first, second = (
            Side(system.name, part, _scores(compared, one.numbers))
            for system, part, one in zip(systems, pieces, values(key), strict=True)
        )
        main = [
            f"{system.name} {_number(one.numbers.get(compared.main_name))}"
            for system, one in zip(systems, values(key), strict=True)
        ]
        line = f"{compared.main.measure.title}: {', '.join(main)}"
        shown.append(Shown(key, line, (first, second), inputs.get(key), references.get(key)))
    return shown


def _first_sample(systems: Sequence[System]) -> str:
    """That the texts shown are one sample, and the scores above them are not of it alone."""
    samples = {system.record.samples for system in systems}
    if samples == {1}:
        return ""
    return (
        f" Texts are the first of {' and '.join(map(str, sorted(samples)))} samples; scores, and so"
        " the order, are means over all samples."
    )


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


def _scores(compared: Compared, numbers: Mapping[str, float | None]) -> str:
    """The example's values on one line."""
    return " · ".join(
        f"{one.measure.title} {_number(numbers.get(name))}"
        for name, one in compared.contrasts.items()
        if numbers.get(name) is not None
    )


def _number(value: float | None) -> str:
    return NONE if value is None else figure(value, 2)
