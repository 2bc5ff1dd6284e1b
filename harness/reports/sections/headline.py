"""The headline: which method is better, by how much, how certain, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import NLL
from harness.reports.compared.verdicts import Compared, best_floor
from harness.reports.render.numbers import estimate, figure, p_value, seconds
from harness.reports.render.plots.labels import legend, short
from harness.reports.render.plots.looks import Look, looks_of
from harness.reports.render.plots.panels import (
    Mark,
    faint,
    new_figure,
    point,
    set_caption,
    set_title,
)
from harness.reports.render.section import Part, Picture, listed
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.comparable import unequal
from harness.reports.runs.paper import reported
from harness.reports.runs.recorded_floors import best_words, meaning
from harness.reports.runs.system_costs import (
    Cost,
    machine,
    mean_cost,
    peak_mib,
    text_s,
    times_not_comparable,
    training_s,
)
from harness.reports.runs.systems import Board, System
from harness.reports.sections.system_columns import (
    P_HOLM,
    SEEDS,
    SystemColumn,
    floor_rows,
    gap_cells,
    gap_column,
    mean,
    of_systems,
    value_cell,
    values,
)

ABOUT_CHECKPOINTS = (
    "About these checkpoints: a verdict about methods needs three training seeds of each."
)
UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def reference_of(board: Board) -> System:
    """The system that the others are compared with: sft if present, else the first."""
    named = [one for one in board.systems if one.name == "sft"]
    of_method = [one for one in board.systems if one.record.method == "sft"]
    return [*named, *of_method, board.systems[0]][0]


def headline_part(compared: Sequence[Compared]) -> Part:
    """The summary over all tasks, a sentence and a figure per task, and one table."""
    sentences = [over_tasks(compared)] if len(compared) > 1 else []
    sentences += [verdict(one) for one in compared]
    sentences += [
        f"{one.board.task}: not given the same: {'; '.join(map(str, found))}."
        for one in compared
        if (found := unequal(one.board.systems))
    ]
    return Part(tuple(sentences), tuple(map(_picture, compared)), (_table(compared),))


def over_tasks(compared: Sequence[Compared]) -> str:
    """In how many tasks each method is best, and in how many significantly so."""
    first: dict[str, list[Compared]] = {}
    for one in compared:
        first.setdefault(one.main.order[0], []).append(one)
    parts = []
    for best, won in sorted(first.items(), key=lambda each: -len(each[1])):
        references = [reference_of(one.board).name for one in won]
        shown = sum(
            one.main.outcome(best, reference) in ("better", "worse")
            for one, reference in zip(won, references, strict=True)
        )
        note = f" (significantly better than {references[0]} in {shown})"
        parts.append(f"{best} in {len(won)}{'' if best == references[0] else note}")
    title = compared[0].main.measure.title
    return f"Best on {title} over {len(compared)} tasks: {'; '.join(parts)}."


def verdict(compared: Compared) -> str:
    """The best system, what it is significantly better than, and at what cost."""
    board, main = compared.board, compared.main
    text = verdict_words(board, main)
    if main.letters is None:
        return text
    about = "" if board.about == "methods" else f" {ABOUT_CHECKPOINTS}"
    return text + _floor_sentence(compared) + _cost_sentence(board, main.order[0]) + about


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
    """The best system and what it is significantly better than, or why there is no verdict."""
    measure, (best, *others) = contrasts.measure, contrasts.order
    top = contrasts.values[best]
    value = estimate(top, measure.digits)
    text = f"{board.task}: {best} scores best on {measure.title}, {value} ({measure.unit})."
    if not others:
        return text + " It is the only system, so there is nothing to compare."
    against = {other: contrasts.between(best, other) for other in others}
    if contrasts.letters is None:
        reason = next((one.reason for one in against.values() if one and one.reason), None)
        return f"{text} No verdict: {reason or 'no test was made'}."
    shown = [name for name in others if contrasts.outcome(best, name) in ("better", "worse")]
    undecided = [name for name in others if name not in shown]
    reference = reference_of(board).name
    if shown:
        named = reference if reference in shown else shown[0]
        gap, p = gap_cells(contrasts, best, named)
        by = estimate(gap, measure.digits, signed=True)
        text += f" It is significantly better than {named}: {by}, Holm p {p_value(p)}"
        rest = [name for name in shown if name != named]
        text += f"; and than {listed(rest)}." if rest else "."
    if undecided:
        text += (
            f" No significant difference from {listed(_gaps(contrasts, best, undecided), 'or')}."
        )
    return text


def _gaps(contrasts: Contrasts, best: str, others: Sequence[str]) -> list[str]:
    """Each system with the difference that the best has from it, whose interval says how sure."""
    digits = contrasts.measure.digits
    gaps = {name: gap_cells(contrasts, best, name)[0] for name in others}
    return [
        f"{name} ({estimate(gap, digits, signed=True)})" if gap else name
        for name, gap in gaps.items()
    ]


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


def time_columns(board: Board, wide: bool = False) -> list[SystemColumn]:
    """Training time and time per text; empty if machines differ."""
    columns = (Column("training", kind="seconds", wide=wide), training_s), (
        Column("time per text", kind="seconds", wide=wide), text_s
    )  # fmt: skip
    if times_not_comparable(board):
        return [(column, lambda system: None) for column, _ in columns]
    return [mean(*each) for each in columns]


def _table(compared: Sequence[Compared]) -> Table:
    """Value, difference from the reference, NLL and costs of every system in every task."""
    # 1. Rows, task by task.
    rows, groups, faint = list[tuple[Value, ...]](), list[str](), set[int]()
    for one in compared:
        table = of_systems(Table("", ""), one.board.systems, _columns(one))
        blanks = [None] * (len(table.columns) - 2)
        table = table.with_faint(
            (label, value, *blanks) for label, value in reported(one.board, one.main_name)
        )
        floors = floor_rows(one.board, [one.main_name])
        table = table.with_faint((*row, *blanks) for row in floors)
        faint |= {len(rows) + index for index in table.faint}
        rows += table.rows
        groups += [one.board.task] * len(table.rows)
    # 2. The table's head: the measure, and the reference if all tasks have the same.
    measure = compared[0].main.measure
    references = {one.board.task: reference_of(one.board).name for one in compared}
    columns = list(of_systems(Table("", ""), (), _columns(compared[0])).columns)
    same = len(set(references.values())) == 1
    if not same:
        columns[2] = gap_column(measure, "reference")
    # 3. Notes: what the intervals are over, and what does not compare.
    about = listed(list(dict.fromkeys(one.board.about for one in compared)), "or")
    over = "users and training seeds" if "methods" in about else "users, for these checkpoints"
    notes = [
        f"{measure.title}: {measure.direction}; value [95 % interval over {over}]. Superscripts are"
        f" significance letters: within a task, {about} that share a letter do not differ"
        " significantly. The best value is underlined if it is significantly better than another."
        " ↓: lower is better.",
        "p: approximate randomisation over users, and with three training seeds or more the"
        " estimate over users and seeds; Holm-corrected over all pairs and tasks on this measure.",
    ]
    if not same:
        notes.append(f"reference: {', '.join(f'{n} on {task}' for task, n in references.items())}.")
    notes += [
        f"{one.board.task}: {caveat}." for one in compared
        if (caveat := times_not_comparable(one.board))
    ]  # fmt: skip
    return Table("summary", "In one table", tuple(columns), tuple(rows), tuple(notes),
                 faint=frozenset(faint), groups=tuple(groups))  # fmt: skip


def _columns(compared: Compared) -> list[SystemColumn]:
    main, nll = compared.main, compared.contrasts.get(NLL.name)
    reference = reference_of(compared.board).name
    return [
        values(main),
        (gap_column(main.measure, reference), lambda one: gap_cells(main, one.name, reference)[0]),
        (P_HOLM, lambda one: gap_cells(main, one.name, reference)[1]),
        (
            Column("NLL", NLL.unit, "number", NLL.digits, NLL.better),
            lambda one: value_cell(nll, one.name) if nll else None,
        ),
        *time_columns(compared.board),
        mean(Column("peak MiB", "", "number", 0), peak_mib),
        SEEDS,
    ]


def _picture(compared: Compared) -> Picture:
    """Two panels: quality against training time, and against time per text."""
    board, contrasts, measure = compared.board, compared.main, compared.main.measure
    looks = looks_of(system.name for system in board.systems)
    timed = times_not_comparable(board) is None
    costs = [(training_s, "training time"), (text_s, "time per text")] if timed else []
    drawing, panels = new_figure(max(len(costs), 1), 3.1)
    for axes, (cost, what) in zip(panels, costs, strict=False):
        points = _cost_panel(axes, compared, looks, cost, what)
        if axes is panels[0]:
            legend(axes, points)
    if not costs:
        _without_time(panels[0], compared, looks)
    set_title(panels[0], f"{measure.title}, {board.task}")
    floor = _draw_floor(panels, compared)
    whiskers = f"vertical whiskers: 95 % intervals over {board.counted}"
    if costs and max(len(system.runs) for system in board.systems) > 1:
        whiskers += "; horizontal ones: from the fastest to the slowest seed"
    whiskers += f"; dotted: {floor}" if floor else ""
    whiskers += (
        f"; {machine(board.systems[0].record)}"
        if timed
        else ("; no time axis, because times are not comparable")
    )
    set_caption(drawing, f"{measure.title} in {measure.unit}, {measure.direction}; {whiskers}")
    alt = "; ".join(
        f"{name} {estimate(one, measure.digits)}" for name, one in contrasts.values.items()
    )
    return Picture(f"quality_time_{board.task}", f"{measure.title} against time, {board.task}",
                   drawing, f"{measure.title} against time on {board.task}: {alt}")  # fmt: skip


def _draw_floor(panels: Sequence[Axes], compared: Compared) -> str:
    """Draw the best floor as a level where quality is on the vertical axis; returns its words."""
    floor = best_floor(compared.board, compared.main.measure)
    if floor is None or times_not_comparable(compared.board):
        return ""
    for axes in panels:
        faint(axes, [floor.metrics[compared.main_name].value])
    return best_words(floor)


def _cost_panel(
    axes: Axes, compared: Compared, looks: Mapping[str, Look], cost: Cost, what: str
) -> list[Mark]:
    """Draw the measure against a cost, in seconds, minutes or hours.

    axes: the panel.
    compared: the systems and their values.
    looks: system → look.
    cost, what: the cost and its name.

    Returns the points, for the legend.
    """
    known = {
        system.name: Cell(mean_cost(system, cost), min(found), max(found))
        for system in compared.board.systems
        if (found := [spent for record in system.records if (spent := cost(record)) is not None])
        and len(found) == len(system.runs)
    }
    most = max((one.high or 0.0 for one in known.values()), default=0.0)
    scale, unit = next((size, name) for size, name in UNITS if most >= 2 * size or size == 1)
    points = []
    for name, one in known.items():
        x, low, high = ((end or 0.0) / scale for end in (one.value, one.low, one.high))
        y = value_cell(compared.main, name)
        if y.value is not None:
            point(axes, Cell(x, low, high), y, looks[name])
            points.append((x, y.value, looks[name]))
    measure = compared.main.measure
    axes.set_xlabel(f"{what} ({unit})")
    axes.set_ylabel(f"{measure.title}\n({measure.unit})")
    axes.margins(x=0.12, y=0.08)
    return points


def _without_time(axes: Axes, compared: Compared, looks: Mapping[str, Look]) -> None:
    """One row per system, without a time axis, because machines differ."""
    names = [system.name for system in reversed(compared.board.systems)]
    measure = compared.main.measure
    for row, name in enumerate(names):
        number = value_cell(compared.main, name)
        if number.value is not None:
            point(axes, number, Cell(row), looks[name])
    axes.set_yticks(range(len(names)), list(map(short, names)), parse_math=False)
    axes.set_xlabel(f"{measure.title} ({measure.unit})")
    axes.margins(y=0.15)
