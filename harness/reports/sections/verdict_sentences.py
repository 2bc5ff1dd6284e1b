"""The verdict in words: which system is best, by how much, how certain, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from harness.reports.compared.contrasts import Contrasts, Outcome
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import estimate, figure, p_value, seconds
from harness.reports.render.section import listed
from harness.reports.runs.recorded_floors import meaning
from harness.reports.runs.system_costs import (
    mean_cost,
    text_s,
    times_not_comparable,
    training_s,
)
from harness.reports.runs.systems import Board, reference_of, variants
from harness.reports.sections.system_columns import (
    gap_cells,
)

ABOUT_CHECKPOINTS = (
    "About these checkpoints: a verdict about methods needs three training seeds of each."
)

ABOVE: Mapping[Outcome, str] = {
    "better": ", significantly",
    "worse": ", significantly worse on the examples that both have",
    "open": "",
    "untested": ", not tested",
}
"""What follows the difference of a variant whose value is better than the best method's."""


def over_tasks(compared: Sequence[Compared]) -> str:
    """In how many tasks each method is best, alone or alike, and in how many significantly so."""
    first: dict[tuple[str, ...], list[Compared]] = {}
    for one in compared:
        first.setdefault(tuple(best_methods(one.board, one.main)), []).append(one)
    parts = []
    for best, won in sorted(first.items(), key=lambda each: -len(each[1])):
        shown: dict[str, int] = {}  # reference → tasks in which all of the best are better
        for one in won:
            reference = reference_of(one.board).name
            if reference not in best:
                better = all(one.main.outcome(name, reference) == "better" for name in best)
                shown[reference] = shown.get(reference, 0) + better
        than = listed([f"than {name} in {count}" for name, count in shown.items()])
        note = f" (significantly better {than})" if shown else ""
        alike = " alike" if len(best) > 1 else ""
        parts.append(f"{listed(best)}{alike} in {len(won)}{note}")
    title = compared[0].main.measure.title
    return f"Best on {title} over {len(compared)} tasks: {'; '.join(parts)}."


def verdict(compared: Compared) -> str:
    """The best system, what it is significantly better than, and at what cost."""
    board, main = compared.board, compared.main
    text = verdict_words(board, main)
    if main.letters is None:
        return text
    about = "" if board.about == "methods" else f" {ABOUT_CHECKPOINTS}"
    return (
        text + _floor_sentence(compared) + _cost_sentence(board, best_methods(board, main)) + about
    )


def lift_verdict(board: Board, contrasts: Contrasts) -> str:
    """The words on one lift; whether they are about checkpoints depends on the runs that have it.

    board: the task's; systems without this lift are not in its pairs.
    """
    text = verdict_words(board, contrasts)
    about = {one.about for one in contrasts.pairs.values()}
    claims = contrasts.letters is not None and "checkpoints" in about
    return f"{text} {ABOUT_CHECKPOINTS}" if claims else text


def _floor_sentence(compared: Compared) -> str:
    """A warning if a floor wins on the main measure."""
    floor = compared.won_by_floors.get(compared.main_name)
    if floor is None:
        return ""
    value = figure(floor.metrics[compared.main_name].value or 0.0, compared.main.measure.digits)
    return (
        f" But {floor.method} ({meaning(floor)}) scores {value} without a model, so this measure"
        " does not show which texts are better."
    )


def verdict_words(board: Board, contrasts: Contrasts) -> str:
    """The best method and what it is significantly better than, or why there is no verdict.

    Methods of one value are named together; tests are of the first of them. Variants of a method
    that score better than every method are named last.
    """
    measure, alike = contrasts.measure, best_methods(board, contrasts)
    best, top = alike[0], contrasts.values[alike[0]]
    above = list(takewhile(lambda name: not _equal(contrasts, name, best), contrasts.order))
    others = [name for name in contrasts.order if name not in (best, *above)]
    value = estimate(top, measure.digits)
    of = " of the methods" if above else ""
    verb = "scores best" if len(alike) == 1 else "score alike"
    if 1 < len(alike) < len(contrasts.order):
        verb += " and best"
    text = f"{board.task}: {listed(alike)} {verb}{of} on {measure.title}, {value} ({measure.unit})."
    if not others and not above:
        return text + " It is the only system, so there is nothing to compare."
    against = {other: contrasts.between(best, other) for other in (*above, *others)}
    if contrasts.letters is None:
        reason = next((one.reason for one in against.values() if one and one.reason), None)
        return f"{text} No verdict: {reason or 'no test was made'}."
    outcomes = {name: contrasts.outcome(best, name) for name in others}
    shown = [name for name in others if outcomes[name] == "better"]
    worse = [name for name in others if outcomes[name] == "worse"]
    undecided = [name for name in others if outcomes[name] == "open"]
    reference = reference_of(board).name
    if shown:
        named = reference if reference in shown else shown[0]
        gap, p = gap_cells(contrasts, best, named)
        by = estimate(gap, measure.digits, signed=True)
        text += f" It is significantly better than {named}: {by}, Holm p {p_value(p)}"
        rest = [name for name in shown if name != named]
        text += f"; and than {listed(rest)}." if rest else "."
    if worse:
        gaps = listed(_gaps(contrasts, best, worse))
        text += f" It is significantly worse than {gaps} on the examples that both have."
    if undecided:
        text += (
            f" No significant difference from {listed(_gaps(contrasts, best, undecided), 'or')}."
        )
    text += _untested(contrasts, best, [one for one in others if outcomes[one] == "untested"])
    return text + _above(contrasts, best, above) + _other_examples(contrasts, board.unit)


def _untested(contrasts: Contrasts, best: str, others: Sequence[str]) -> str:
    """The systems that the best was not tested against, by the reason; "" if there are none."""
    by_reason: dict[str, list[str]] = {}
    for name in others:
        one = contrasts.between(best, name)
        by_reason.setdefault((one and one.reason) or "no test was made", []).append(name)
    parts = [f"{listed(names, 'or')} ({why})" for why, names in by_reason.items()]
    return f" Not tested against {'; or '.join(parts)}." if parts else ""


def _other_examples(contrasts: Contrasts, unit: str) -> str:
    """How many texts have a value, if not the same ones in every system; "" if they are.

    unit: what one of them is called.
    """
    known = {name: contrasts.examples[name] for name in contrasts.order}
    own = {name: contrasts.own[name] for name in contrasts.order}
    if len({*known.values(), *own.values()}) < 2:
        return ""
    by_count: dict[str, list[str]] = {}
    for name, ids in own.items():
        every = f" but {len(known[name])} in every seed" if known[name] != ids else ""
        by_count.setdefault(f"{len(ids)}{every}", []).append(name)
    values = ", ".join(f"{listed(names)} on {count}" for count, names in by_count.items())
    shared = len(frozenset.intersection(*known.values()))
    over = f"the {shared} shared" if len(known) == 2 else f"the {unit}s that both systems have"
    return (
        f" Not all have values on the same {unit}s ({values}): each value is over a system's own,"
        f" differences are over {over}."
    )


def best_methods(board: Board, contrasts: Contrasts) -> list[str]:
    """The systems with the best value among those with one that are not variants of a method."""
    known = tuple(one for one in board.systems if one.name in contrasts.order)
    apart = variants(replace(board, systems=known))
    methods = [name for name in contrasts.order if name not in apart]
    return [name for name in methods if _equal(contrasts, name, methods[0])]


def _equal(contrasts: Contrasts, first: str, second: str) -> bool:
    """Whether two systems have one and the same value."""
    return contrasts.values[first].value == contrasts.values[second].value


def _above(contrasts: Contrasts, best: str, above: Sequence[str]) -> str:
    """The variants that score better than the best method, and whether significantly so."""
    if not above:
        return ""
    digits = contrasts.measure.digits
    parts = []
    for name in above:
        gap, _ = gap_cells(contrasts, name, best)
        by = estimate(gap, digits, signed=True) if gap else "better"
        parts.append(f"{name} ({by}{ABOVE[contrasts.outcome(name, best)]})")
    return f" Other settings of a method here, or controls, score better than it: {listed(parts)}."


def _gaps(contrasts: Contrasts, best: str, others: Sequence[str]) -> list[str]:
    """Each system with the difference that the best has from it, whose interval says how sure."""
    digits = contrasts.measure.digits
    gaps = {name: gap_cells(contrasts, best, name)[0] for name in others}
    return [
        f"{name} ({estimate(gap, digits, signed=True)})" if gap else name
        for name, gap in gaps.items()
    ]


def _cost_sentence(board: Board, best: Sequence[str]) -> str:
    """The best system's training time and time per text, as multiples of the reference's.

    Empty if several are best.
    """
    reference = reference_of(board)
    system = next(one for one in board.systems if one.name == best[0])
    if len(best) > 1 or system is reference or times_not_comparable(board):
        return ""
    parts = []
    for cost, what in ((training_s, "training"), (text_s, "time per text")):
        own, base = mean_cost(system, cost), mean_cost(reference, cost)
        if own is None or not base:
            continue
        parts.append(f"{what} {seconds(own)}, {figure(own / base, 1)} × that of"
                     f" {reference.name}")  # fmt: skip
    return f" Cost: {'; '.join(parts)}." if parts else ""
