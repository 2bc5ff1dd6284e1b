"""Copy or character? on a page: a sentence for each system, the figure, then the numbers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from matplotlib.figure import Figure

from harness.metrics.slices import slice_names
from harness.record.token_file import TOKENS, Kind
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import figure
from harness.reports.render.plots.looks import FAINT, Look
from harness.reports.render.plots.panels import new_figure, point, set_caption, set_title
from harness.reports.render.section import Part, Picture, listed
from harness.reports.render.table import Cell, Column, Table
from harness.reports.runs.systems import Board
from harness.reports.tokens.copied import KindGain, Split, split_of
from harness.reports.tokens.gains import over_of, shown_of, texts_note, tokens_of

WORDS: dict[Kind, str] = {
    "copy": "copied phrases",
    "subject": "words of the subject",
    "style": "style",
}
LOOKS: dict[Kind, Look] = {
    "copy": Look("#d55e00", "s", "-", WORDS["copy"]),
    "subject": Look("#009e73", "D", "-", WORDS["subject"]),
    "style": Look("#0072b2", "o", "-", WORDS["style"]),
}
NATS = "nats per slice token"
TITLE = "What the gain of a user's own profile consists of"


def copied_part(compared: Compared) -> Part:
    """What the gain of the user's own profile consists of, for every system with tokens."""
    board = compared.board
    found, left_out = tokens_of(board)
    splits = [split_of(one) for one in found]
    if not splits:
        return Part()
    notes = "; ".join(filter(None, (left_out, texts_note(found))))
    note = f"{TOKENS}: {notes}." if notes else ""
    board, over = shown_of(found), over_of(found)
    return Part(
        tuple(map(sentence, splits)),
        (_picture(board, splits, over, note),),
        (_table(board, splits, over, note), _positions(board, splits)),
        facts=({"copied": [_facts(one) for one in splits]},),
    )


def sentence(one: Split) -> str:
    """The answer in plain words, the largest part first; the table has the intervals."""
    if not one.gains:
        return f"{one.system}: the user's own profile shows no gain, so nothing is split."
    parts = sorted(one.kinds, key=lambda each: -(each.share.value or 0.0))
    shares = [f"{figure(each.share.value or 0.0, 0)} % {WORDS[each.kind]}" for each in parts]
    return f"{one.system}: the gain of the user's own profile is {listed(shares)}."


def _picture(board: Board, splits: list[Split], over: str, note: str) -> Picture:
    """A row for each system with a point for each kind: what adds up to the lift."""
    alt = f"{TITLE} on {board.task}: " + " ".join(map(sentence, splits))
    return Picture(f"copied_{board.task}", TITLE, partial(_draw, board, splits, over, note), alt)


def _draw(board: Board, splits: list[Split], over: str, note: str) -> Figure:
    drawing, (axes,) = new_figure(height=2.1 + 0.52 * len(splits))
    axes.axvline(0.0, color=FAINT, linewidth=0.8)
    rows = list(reversed(splits))
    for row, one in enumerate(rows):
        for at, each in enumerate(one.kinds):
            place = row + 0.22 * (1 - at)
            point(axes, Cell.of(each.gain), Cell(place), LOOKS[each.kind])
    axes.set_yticks(range(len(rows)), [one.system for one in rows], parse_math=False)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"part of the gain, {NATS}")
    handles = [
        axes.plot([], [], color=look.colour, marker=look.marker, linestyle="", label=look.name)[0]
        for look in LOOKS.values()
    ]
    drawing.legend(
        handles=handles, loc="outside upper left", ncols=3, fontsize=9, frameon=False,
        handletextpad=0.2, columnspacing=1.0,
    )  # fmt: skip
    set_title(axes, TITLE, board.task)
    words = [f"own − random other; the three parts add up to the lift; 95 % intervals over"
             f" {over}", note.rstrip(".")]  # fmt: skip
    set_caption(drawing, "; ".join(filter(None, words)))
    return drawing


def _table(board: Board, splits: list[Split], over: str, note: str) -> Table:
    columns = (
        Column("tokens"),
        Column("share of tokens", "%", "number", 1, wide=True),
        Column("share of the gain", "%", "number", 0),
        Column("own − random other", "nats", "difference", 3),
        Column("per token of the kind", "nats", "difference", 3),
        Column("own − topic-matched other", "nats", "difference", 3, wide=True),
        Column("own − none", "nats", "difference", 3, wide=True),
    )
    rows = tuple(
        (
            WORDS[each.kind], Cell.of(each.tokens), Cell.of(each.share), Cell.of(each.gain),
            Cell.of(each.per_token), Cell.of(each.topic), Cell.of(each.empty),
        )
        for one in splits
        for each in one.kinds
    )  # fmt: skip
    notes = (
        f"Nats per slice token of the whole text, mean over texts: the three rows add up to the"
        " lift. Share of tokens, per token of the kind: over slice tokens in which a token of the"
        f" backbone ends{_uncounted(splits)}. 95 % intervals over {over}.",
        *filter(None, [note]),
    )
    return Table(
        f"copied_{board.task}", f"Gain by kind of token, {board.task}", columns, rows, notes,
        groups=tuple(one.system for one in splits for _ in one.kinds), grouped_by="system",
    )  # fmt: skip


def _uncounted(splits: list[Split]) -> str:
    """`, all but 1.2 % (sft, rag), 0.8 % (cot)`; the names only where shares differ."""
    by_share: dict[str, list[str]] = {}
    for one in splits:
        if one.uncounted is not None:
            by_share.setdefault(f"{figure(one.uncounted, 1)} %", []).append(one.system)
    parts = [f"{share} ({', '.join(names)})" for share, names in by_share.items()]
    parts = parts if len(parts) > 1 else list(by_share)
    return f", all but {', '.join(parts)}" if parts else ""


def _positions(board: Board, splits: list[Split]) -> Table:
    """The gain per token of a kind in each slice."""
    names = slice_names(board.systems[0].record.slice_starts)
    columns = (
        Column("tokens"),
        *(Column(name.replace("-", "–"), "nats", "difference", 3) for name in names),
    )
    rows: tuple[tuple[str | float | Cell | None, ...], ...] = tuple(
        (WORDS[each.kind], *(Cell.of(each.by_slice[name]) for name in names))
        for one in splits
        for each in one.kinds
    )
    return Table(
        f"copied_positions_{board.task}", f"Gain per token by kind and position, {board.task}",
        columns, rows, ("Own − random other, nats per token of the kind in that slice, as above.",),
        folded=True,
        groups=tuple(one.system for one in splits for _ in one.kinds), grouped_by="system",
    )  # fmt: skip


def _facts(one: Split) -> dict[str, object]:
    return {
        "system": one.system,
        "seeds": one.seeds,
        "sentence": sentence(one),
        "total": asdict(one.total),
        "kinds": {each.kind: _kind_facts(each) for each in one.kinds},
    }


def _kind_facts(each: KindGain) -> dict[str, object]:
    fields = asdict(each)
    del fields["kind"]
    return fields
