"""Drift under the microscope on a page: a sentence for each system, figures, then the numbers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.record.token_file import TOKENS
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import estimate, figure
from harness.reports.render.plots.labels import label_ends
from harness.reports.render.plots.looks import FAINT, Look, looks_of
from harness.reports.render.plots.panels import Mark, new_figure, set_caption, set_title
from harness.reports.render.section import Part, Picture
from harness.reports.render.table import Cell, Column, Table, file_name
from harness.reports.runs.systems import Board
from harness.reports.tokens.fading import Drifted, drifted
from harness.reports.tokens.gains import Tokens, over_of, shown_of, texts_note, tokens_of
from harness.statistics import Interval
from harness.statistics.changepoint import LOST
from harness.statistics.positions import BANDWIDTH, Band

NATS = "nats per slice token"


def fading_part(compared: Compared) -> Part:
    """At which token the user fades, for every system with tokens, and beside it the prefix."""
    board = compared.board
    found, left_out = tokens_of(board)
    systems = drifted(found)
    if not systems:
        return Part()
    boards = {one.system.name: shown_of([one]) for one in found}
    looks = looks_of(system.name for system in board.systems)
    notes = "; ".join(filter(None, (left_out, texts_note(found))))
    return Part(
        tuple(map(sentence, systems)),
        tuple(_picture(boards[one.system], one, looks[one.system]) for one in systems),
        (_table(found, systems, f"{TOKENS}: {notes}." if notes else ""),),
        facts=({"fading": [_facts(one) for one in systems]},),
    )


def sentence(one: Drifted) -> str:
    """The answer in plain words, and what the prefix has to do with it; the table has intervals."""
    found = one.fading
    if found.answer == "cannot tell":
        return f"{one.system}: whether the user fades cannot be told: {found.reason}."
    if found.answer == "does not fade":
        less = f"It falls at token {found.onset} to {_number(found.after)}" if found.falls else ""
        return (
            f"{one.system}: the user does not fade. The gain is {_number(found.total)} nats per"
            f" token; a loss of {figure(100 * LOST, 0)} % of it is excluded at every position."
            f" {less + ', which is less.' if less else ''}"
        ).rstrip()
    return (
        f"{one.system}: the user fades at token {found.onset}{_over(one)}. Before it the"
        f" user's own profile is worth {_number(found.before)} nats per token, after it"
        f" {_number(found.after)}. {_prefix(one)}"
    )


def _over(one: Drifted) -> str:
    return f", over about {one.fading.width} tokens" if one.fading.width else ""


def _prefix(one: Drifted) -> str:
    """Whether the text so far can account for the fall: where own − none falls too."""
    low, high = one.prefix.low, one.prefix.high
    if high is not None and high <= 0:
        return "The text so far is no explanation."
    if low is None or low <= 0:
        fall = f"own − none falls by {estimate(one.prefix, 3, signed=True)}"
        return f"Whether the text so far explains any of it cannot be told: {fall}."
    if one.unexplained.low is not None and one.unexplained.low > 0:
        return "The text so far can explain part of the fall."
    return "The text so far can explain the fall."


def _number(level: Interval) -> str:
    return figure(level.value, 3) if level.value is not None else "–"


def _picture(board: Board, one: Drifted, look: Look) -> Picture:
    """Above, the gain with its band and the onset; below, NLL with own profile and with none."""
    title = f"{one.system}: at which token does the user fade?"
    name = file_name(f"fading_{one.system}_{board.task}")
    return Picture(name, title, partial(_draw, board, one, look), f"{title} {sentence(one)}")


def _draw(board: Board, one: Drifted, look: Look) -> Figure:
    drawing, (above, below) = new_figure(rows=2, height=2.5)
    _curve(above, one.gain, look)
    above.axhline(0.0, color=FAINT, linewidth=0.8)
    found = one.fading
    if found.answer == "fades":
        above.axvspan(found.low, found.high, color=FAINT, alpha=0.18, linewidth=0)
        above.axvline(found.onset, color=FAINT, linewidth=1.2, linestyle="--")
    above.set_ylabel("gain of the\nown profile, nats")
    faint = Look(FAINT, "", ":", "no profile")
    marks = [_curve(below, one.own, Look(look.colour, "", "-", "own profile")),
             _curve(below, one.empty, faint)]  # fmt: skip
    below.set_ylabel("NLL, nats")
    below.set_xlabel("slice token of the reference")
    set_title(above, f"{one.system}: the gain along the text", board.task)
    shown = (
        "dashed: where the user fades, grey: its 95 % interval" if found.answer == "fades" else ""
    )
    words = [
        f"above: own − random other, {NATS}, kernel of {BANDWIDTH:g} tokens",
        "below: without a profile the model knows the user only from the text so far", shown,
        f"bands: 95 % at each position, over {board.counted}",
    ]  # fmt: skip
    set_caption(drawing, "; ".join(filter(None, words)))
    label_ends(below, marks)
    return drawing


def _curve(axes: Axes, band: Band, look: Look) -> Mark:
    axes.plot(band.x, band.value, color=look.colour, linestyle=look.line, linewidth=1.6)
    axes.fill_between(band.x, band.low, band.high, color=look.colour, alpha=0.16, linewidth=0)
    return float(band.x[-1]), float(band.value[-1]), look


def _table(found: list[Tokens], systems: list[Drifted], note: str) -> Table:
    task = found[0].board.task
    columns = (
        Column("system"), Column("answer"), Column("fades at token", "", "number", 0),
        Column("gain before", "nats", "difference", 3),
        Column("gain after", "nats", "difference", 3),
        Column("p", "Holm", "p"),
        Column("own − none before", "nats", "difference", 3, wide=True),
        Column("own − none after", "nats", "difference", 3, wide=True),
        Column("fall that the text so far leaves open", "nats", "difference", 3, wide=True),
        Column("note", kind="note", wide=True),
    )  # fmt: skip
    rows = []
    for one in systems:
        answer = one.fading
        fades = answer.answer == "fades"
        rows.append((
            one.system, answer.answer,
            Cell(answer.onset, answer.low, answer.high) if fades else None,
            Cell.of(answer.before) if fades else Cell.of(answer.total),
            Cell.of(answer.after) if fades else None, answer.p_holm,
            Cell.of(one.gap_before) if fades else None, Cell.of(one.gap_after) if fades else None,
            Cell.of(one.unexplained) if fades else None,
            answer.reason,
        ))  # fmt: skip
    return Table(
        f"fading_{task}", f"At which token the user fades, {task}", columns,
        tuple(rows),
        (
            f"Own − random other, nats per slice token; where the user does not fade, the gain over"
            f" all positions. p is one-sided, of no fall, over these systems. 95 % intervals over"
            f" {over_of(found)}.",
            *filter(None, [note]),
        ),
    )  # fmt: skip


def _facts(one: Drifted) -> dict[str, object]:
    curves = {
        name: {key: getattr(band, key).tolist() for key in ("x", "value", "low", "high")}
        for name, band in (("gain", one.gain), ("own", one.own), ("empty", one.empty))
    }
    return {
        "system": one.system,
        "seeds": one.seeds,
        "sentence": sentence(one),
        **asdict(one.fading),
        **{
            name: asdict(getattr(one, name))
            for name in ("gap_before", "gap_after", "prefix", "unexplained")
        },
        "curves": curves,
    }
