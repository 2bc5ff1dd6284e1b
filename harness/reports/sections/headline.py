"""The headline: which method is better, by how much, how certain, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes

from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import NLL
from harness.reports.render import plots
from harness.reports.render.document import Picture, Section, listed
from harness.reports.render.numbers import estimate, figure, p_value, seconds
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.paper import MARK, METRIC, reported
from harness.reports.runs.systems import Board, System
from harness.reports.sections.columns import METHOD, P_HOLM, measure_column, value_cell
from harness.reports.sections.cost_tables import (
    Cost,
    machine,
    mean_cost,
    peak_mib,
    text_s,
    times_not_comparable,
    training_s,
)
from harness.statistics.seeds import THIS_CHECKPOINT

Results = Mapping[str, Mapping[str, Contrasts]]
"""Task → measure → contrasts."""
UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def reference_of(board: Board) -> System:
    """The system that the others are compared with: sft if present, else the first."""
    plain = [one for one in board.systems if one.name == "sft"]
    return [*plain, *(one for one in board.systems if one.record.method == "sft"),
            board.systems[0]][0]  # fmt: skip


def headline_section(boards: Sequence[Board], results: Results, main: str) -> Section:
    """The summary over all tasks, a sentence and a figure per task, and one table."""
    # 1. Sentences, rows and figures, task by task.
    sentences, rows, pictures, groups, faint = [], [], [], list[str](), set[int]()
    if len(boards) > 1:
        sentences.append(over_tasks(boards, results, main))
    for board in boards:
        contrasts = results[board.task][main]
        sentences.append(verdict(board, contrasts))
        for system in board.systems:
            rows.append(_row(board, results[board.task], contrasts, system))
        if main == METRIC:
            for method, value in reported(board).items():
                faint.add(len(rows))
                rows.append((f"{method} ({MARK})", value, *[None] * 7))
        groups += [board.task] * (len(rows) - len(groups))
        pictures.append(_picture(board, contrasts))
    # 2. The table's head: the measure, and the reference if all tasks have the same.
    first = results[boards[0].task][main].measure
    references = {board.task: reference_of(board).name for board in boards}
    same = len(set(references.values())) == 1
    reference = references[boards[0].task] if same else "reference"
    columns = (
        METHOD,
        measure_column(first),
        Column(f"minus {reference}", "", "difference", first.digits),
        P_HOLM,
        Column("NLL", NLL.unit, "number", NLL.digits, "lower"),
        Column("training", kind="seconds"),
        Column("time per text", kind="seconds"),
        Column("peak MiB", "", "number", 0),
        Column("training seeds", "", "number", 0),
    )
    # 3. Notes: what the intervals are over, and what does not compare.
    several = any(len(system.runs) > 1 for board in boards for system in board.systems)
    over = "users and training seeds" if several else "users"
    notes = [
        f"{first.title}: {'lower' if first.lower_is_better else 'higher'} is better; value"
        f" [95 % interval over {over}]. Superscripts are significance letters: within a task,"
        " methods that share a letter do not differ significantly. The best value is underlined."
        " ↓: lower is better.",
        "p: approximate randomisation over users, Holm-corrected over all pairs of methods and all"
        " tasks on this measure.",
    ]
    if not same:
        notes.append(f"reference: {', '.join(f'{n} on {task}' for task, n in references.items())}.")
    notes += [
        f"{board.task}: {caveat}." for board in boards if (caveat := times_not_comparable(board))
    ]
    table = Table("summary", "In one table", columns, tuple(rows), tuple(notes), False,
                  frozenset(faint), tuple(groups))  # fmt: skip
    return Section("summary", "Which method is better", tuple(sentences), (table,), tuple(pictures))


def over_tasks(boards: Sequence[Board], results: Results, main: str) -> str:
    """In how many tasks each method is best, and in how many significantly so."""
    first: dict[str, list[Board]] = {}
    for board in boards:
        first.setdefault(results[board.task][main].order[0], []).append(board)
    parts = []
    for best, won in sorted(first.items(), key=lambda each: -len(each[1])):
        shown = sum(
            results[board.task][main].between(best, reference_of(board).name).verdict
            in ("higher", "lower")
            for board in won
            if reference_of(board).name != best
        )
        reference = reference_of(won[0]).name
        note = "" if best == reference else f" (significantly better than {reference} in {shown})"
        parts.append(f"{best} in {len(won)}{note}")
    title = results[boards[0].task][main].measure.title
    return f"Best on {title} over {len(boards)} tasks: {'; '.join(parts)}."


def verdict(board: Board, contrasts: Contrasts) -> str:
    """The best system, what it is significantly better than, and at what cost."""
    text = verdict_words(board, contrasts)
    if contrasts.letters is None:
        return text
    return text + _cost_sentence(board, contrasts.order[0]) + _checkpoint(board)


def verdict_words(board: Board, contrasts: Contrasts) -> str:
    """The best system and what it is significantly better than, or why there is no verdict."""
    measure, order = contrasts.measure, contrasts.order
    best = order[0]
    top = contrasts.values[best]
    value = estimate(top.value, top.low, top.high, measure.digits)
    text = f"{board.task}: {best} scores best on {measure.title}, {value} ({measure.unit})."
    if len(order) == 1:
        return text + " It is the only system, so there is nothing to compare."
    against = {other: contrasts.between(best, other) for other in order[1:]}
    shown = [name for name, one in against.items() if one.verdict in ("higher", "lower")]
    undecided = [name for name in against if name not in shown]
    if contrasts.letters is None:
        reason = next((one.reason for one in against.values() if one.reason), "no test was made")
        return f"{text} No verdict: {reason}."
    reference = reference_of(board).name
    if shown:
        named = reference if reference in shown else shown[0]
        gap = against[named]
        by = estimate(gap.difference, gap.low, gap.high, measure.digits, signed=True)
        text += f" It is significantly better than {named}: {by}, Holm p {p_value(gap.p_holm)}"
        rest = [name for name in shown if name != named]
        text += f"; and than {listed(rest)}." if rest else "."
    if undecided:
        text += f" No significant difference from {listed(undecided, 'or')}."
    return text


def _cost_sentence(board: Board, best: str) -> str:
    """The best system's training time and time per text, as multiples of the reference's."""
    reference = reference_of(board)
    system = next(one for one in board.systems if one.name == best)
    if system is reference or times_not_comparable(board):
        return ""
    parts = []
    for cost, what in ((training_s, "training"), (text_s, "time per text")):
        own, base = mean_cost(system, cost), mean_cost(reference, cost)
        if own is None or not base:
            continue
        parts.append(f"{what} {seconds(own)}, {figure(own / base, 1)} × that of"
                     f" {reference.name}")  # fmt: skip
    return f" Cost: {'; '.join(parts)}." if parts else ""


def _checkpoint(board: Board) -> str:
    single = all(len(system.runs) == 1 for system in board.systems)
    return f" ({THIS_CHECKPOINT}.)" if single else ""


def _row(
    board: Board, measures: Mapping[str, Contrasts], contrasts: Contrasts, system: System
) -> tuple[Value, ...]:
    name = system.name
    reference = reference_of(board)
    gap = contrasts.between(name, reference.name) if system is not reference else None
    timed = times_not_comparable(board) is None
    return (
        name,
        value_cell(contrasts, name),
        Cell(gap.difference, gap.low, gap.high) if gap else None,
        gap.p_holm if gap else None,
        value_cell(measures["nll"], name) if "nll" in measures else None,
        mean_cost(system, training_s) if timed else None,
        mean_cost(system, text_s) if timed else None,
        mean_cost(system, peak_mib),
        len(system.runs),
    )


def _picture(board: Board, contrasts: Contrasts) -> Picture:
    """Two panels: quality against training time, and against time per text."""
    measure = contrasts.measure
    looks = plots.looks(system.name for system in board.systems)
    costs = (
        []
        if times_not_comparable(board)
        else [(training_s, "training time"), (text_s, "time per text")]
    )
    drawing, panels = plots.figure(max(len(costs), 1), 1, 3.1)
    points = [
        _cost_panel(axes, board, contrasts, looks, cost, what)
        for axes, (cost, what) in zip(panels, costs, strict=False)
    ]
    if not costs:
        _without_time(panels[0], board, contrasts, looks)
    plots.title(panels[0], f"{measure.title}, {board.task}")
    users = len(set(board.users.values()))
    seeds = sorted({len(system.runs) for system in board.systems})
    seed_count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    over = f"{users} users ({len(board.ids)} texts)"
    over += f" and {seed_count} training seeds" if seeds[-1] > 1 else ", one training seed"
    whiskers = f"vertical whiskers: 95 % intervals over {over}"
    whiskers += (
        "; horizontal ones: from the fastest to the slowest seed" if seeds[-1] > 1 and costs else ""
    )
    whiskers += f"; {machine(board.systems[0])}" if costs else "; machines differ, so no time axis"
    sense = "lower" if measure.lower_is_better else "higher"
    plots.caption(drawing, f"{measure.title} in {measure.unit}, {sense} is better; {whiskers}")
    for axes, named in zip(panels, points, strict=False):
        plots.label_points(axes, named)
    alt = "; ".join(
        f"{name} {estimate(one.value, one.low, one.high, measure.digits)}"
        for name, one in contrasts.values.items()
    )
    return Picture(f"quality_time_{board.task}", f"{measure.title} against time, {board.task}",
                   drawing, f"{measure.title} against time on {board.task}: {alt}")  # fmt: skip


def _cost_panel(
    axes: Axes,
    board: Board,
    contrasts: Contrasts,
    looks: Mapping[str, plots.Look],
    cost: Cost,
    what: str,
) -> list[tuple[float, float, str, plots.Look]]:
    """Draw the measure against a cost, in seconds, minutes or hours.

    Args: `axes`, the panel; `board` and `contrasts`, the systems and their values; `looks`, system
    → look; `cost` and `what`, the cost and its name. Returns the points, for `label_points`.
    """
    measure = contrasts.measure
    known = {
        system.name: [found for record in system.records if (found := cost(record)) is not None]
        for system in board.systems
        if mean_cost(system, cost) is not None and contrasts.values[system.name].value is not None
    }
    most = max((max(spread) for spread in known.values()), default=0.0)
    scale, unit = next((size, name) for size, name in UNITS if most >= 2 * size or size == 1)
    points = []
    for name, spread in known.items():
        x, one = fmean(spread) / scale, contrasts.values[name]
        assert one.value is not None
        plots.point(axes, x, one.value, looks[name], (min(spread) / scale, max(spread) / scale),
                    (one.low, one.high))  # fmt: skip
        points.append((x, one.value, name, looks[name]))
    axes.set_xlabel(f"{what} ({unit})")
    axes.set_ylabel(f"{measure.title}\n({measure.unit})")
    axes.margins(x=0.12, y=0.08)
    return points


def _without_time(
    axes: Axes, board: Board, contrasts: Contrasts, looks: Mapping[str, plots.Look]
) -> None:
    """One row per system, without a time axis, because machines differ."""
    for row, system in enumerate(reversed(board.systems)):
        one = contrasts.values[system.name]
        if one.value is not None:
            plots.point(axes, one.value, row, looks[system.name], (one.low, one.high))
    axes.set_yticks(
        range(len(board.systems)),
        [plots.short(system.name) for system in reversed(board.systems)],
        parse_math=False,
    )
    axes.set_xlabel(f"{contrasts.measure.title} ({contrasts.measure.unit})")
    axes.margins(y=0.15)
