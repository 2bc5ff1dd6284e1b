"""Certificates on a page: the sentence first, then the figure, then the numbers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from matplotlib.figure import Figure

from harness.reports.certificate.certificates import NOT_RUN, Certificate, certificates
from harness.reports.certificate.rule import Carries, Explains, Gap
from harness.reports.compared.measures import NLL
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import estimate
from harness.reports.render.plots.looks import FAINT, GRID, Look
from harness.reports.render.plots.panels import new_figure, point, set_caption, set_title
from harness.reports.render.section import Part, Picture
from harness.reports.render.table import Cell, Column, Table, file_name

USER: dict[Carries, str] = {
    "YES": "its thoughts carry the user: with another user's thoughts {texts} less {so}",
    "NO": "its thoughts do not carry the user: with another user's thoughts {texts} {alike}",
    "CANNOT TELL": "whether its thoughts carry the user cannot be told",
}
GENERATED = {"texts": "its texts are", "so": "personal"}
LIKELIHOOD = {"texts": "the user's real texts are", "so": "likely"}
"""What `USER` speaks of: the texts that a model generates, or the references under it."""
GAIN: dict[Explains, str] = {
    "NOTHING TO EXPLAIN": "it has no gain over sft that would need an explanation",
    "COMPUTE": "its gain over sft is compute: sft with as much arithmetic or as many parameters"
    " has it too",
    "MORE THAN COMPUTE": "its gain over sft is more than compute: it is better than sft with as"
    " much arithmetic and than sft with as many parameters",
    "CANNOT TELL": "what explains its gain over sft cannot be told",
}
COLOUR = "#0b5fa5"


def certificate_part(compared: Compared) -> Part:
    """A sentence, a figure and a table for each system with latent thoughts."""
    found = certificates(compared)
    part = Part(facts=({"certificates": [_facts(one) for one in found]},))
    for one in found:
        part += Part((sentence(one),), (_picture(compared, one),), (_table(compared, one),))
    return part


def _facts(one: Certificate) -> dict[str, object]:
    return {
        "system": one.system,
        "measure": one.measure.name,
        "margin": one.margin,
        "carries": one.carries,
        "explains": one.explains,
        "sentence": sentence(one),
        "gaps": [asdict(gap) for gap in one.gaps],
    }


def sentence(one: Certificate) -> str:
    """Both answers in plain words."""
    words = LIKELIHOOD if one.measure.name == NLL.name else GENERATED
    alike = f"as {words['so']}, within the margin" if one.margin else f"no less {words['so']}"
    user = USER[one.carries].format(**words, alike=alike)
    return f"{one.system}: {user}; {GAIN[one.explains]}.{_missing(one)}"


def _missing(one: Certificate) -> str:
    """What the answers lack."""
    absent = [
        gap.name + gap.why.removeprefix(NOT_RUN) for gap in one.gaps if gap.why.startswith(NOT_RUN)
    ]
    return f" Not run: {', '.join(absent)}." if absent else ""


def _picture(compared: Compared, one: Certificate) -> Picture:
    title = f"Do the thoughts of {one.system} carry the user, and what explains its gain?"
    words = "; ".join(f"{gap.name} {_number(gap, one.measure.digits)}" for gap in one.gaps)
    file = file_name(f"certificate_{one.system}_{compared.board.task}")
    return Picture(file, title, partial(_draw, compared, one), f"{title} {words}")


def _draw(compared: Compared, one: Certificate) -> Figure:
    board, measure = compared.board, one.measure
    drawing, (axes,) = new_figure(height=2.6)
    shown = [gap for gap in reversed(one.gaps) if gap.value is not None]
    axes.axvspan(-one.margin, one.margin, color=GRID, alpha=0.5, linewidth=0)
    axes.axvline(0.0, color=FAINT, linewidth=0.8)
    look = Look(COLOUR, "o", "-", one.system)
    for row, gap in enumerate(shown):
        point(axes, Cell.of(gap), Cell(row), look)
    axes.set_yticks(range(len(shown)), [gap.name for gap in shown], parse_math=False)
    axes.set_xlabel(f"{measure.title} ({measure.unit}); right: better")
    axes.margins(y=0.15)
    set_title(axes, f"{one.system}, {board.task}")
    grey = f"; grey: ± {one.margin:g}, which counts as no difference" if one.margin else ""
    set_caption(drawing, f"95 % intervals over {board.counted}{grey}")
    return drawing


def _table(compared: Compared, one: Certificate) -> Table:
    columns = (
        Column("question"), Column("answer"), Column("decided by"),
        Column(one.measure.title, one.measure.unit, "difference", one.measure.digits),
        Column("note", kind="note"),
    )  # fmt: skip
    questions = [
        ("Do thoughts carry the user?", one.carries, one.own_other),
        ("Does it depend on thoughts? (proves nothing)", "", one.own_none),
        ("What explains the gain over sft?", one.explains, one.gain),
        ("", "", one.flops),
        ("", "", one.parameters),
    ]
    rows = tuple(
        (question, answer, gap.name, Cell.of(gap), gap.why) for question, answer, gap in questions
    )
    name = file_name(f"certificate_{one.system}_{compared.board.task}")
    title = f"Certificate of {one.system}, {compared.board.task}"
    note = (
        f"{_margin(one)} Only gaps about methods decide: three training seeds of each trained side,"
        " twenty users."
    )
    return Table(name, title, columns, rows, (note,))


def _margin(one: Certificate) -> str:
    """Which difference counts as none."""
    if one.margin:
        return f"Margin, fixed beforehand: {one.margin:g} {one.measure.unit}."
    return (
        "No margin is fixed for this measure: NO, NOTHING TO EXPLAIN and COMPUTE need an interval"
        " that does not reach above 0."
    )


def _number(gap: Gap, digits: int) -> str:
    return gap.why if gap.value is None else estimate(gap, digits, True)
