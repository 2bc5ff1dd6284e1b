"""A document as Markdown, and its tables as CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

from harness.reports.render.document import Cell, Document, Section, Shown, Table

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "−": "$-$", "–": "--", "×": r"$\times$", "↓": r"$\downarrow$", "·": r"$\cdot$",
    "λ": r"$\lambda$", "<": r"$<$", ">": r"$>$",
}  # fmt: skip


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What text begins with that a spreadsheet computes, or reads past."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def to_markdown(document: Document) -> str:
    """The report as GitHub-flavoured Markdown; pictures are links into figures/."""
    lines = [f"# {_plain(document.title)}", "", _plain(document.subtitle), ""]
    if document.warnings:
        lines += ["**Before you believe a number**", ""]
        lines += [f"- {_plain(line)}" for line in document.warnings]
        lines.append("")
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip() + "\n"


def to_csv(table: Table) -> str:
    """Numbers at full precision; a column with intervals has two more, for their ends.

    Text that a spreadsheet would compute has an apostrophe in front.
    """
    table = ungrouped(table)
    columns = list(zip(*table.rows, strict=True))
    wide = [any(cell.low is not None for cell in column) for column in columns]
    marked = [any(cell.letters for cell in column) for column in columns]
    heads: list[str] = []
    for head, ends, shared in zip(table.heads, wide, marked, strict=True):
        heads += [head, *([f"{head} low", f"{head} high"] if ends else [])]
        heads += [f"{head} letters"] if shared else []
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_inert, heads))
    for row in table.rows:
        fields: list[object] = []
        for cell, ends, shared in zip(row, wide, marked, strict=True):
            fields.append(_value(cell))
            fields += [cell.low, cell.high] if ends else []
            fields += [cell.letters] if shared else []
        writer.writerow(fields)
    return buffer.getvalue()


def to_latex(table: Table) -> str:
    """A booktabs table; significance letters are superscripts, the best value is bold."""
    table = ungrouped(table)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex(table.title)}. {latex(' '.join(table.notes))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.heads) - 1)}}}",
        r"\toprule",
        " & ".join(latex(head) for head in table.heads) + r" \\",
        r"\midrule",
    ]
    lines += [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def ungrouped(table: Table) -> Table:
    """The same table with its rows' groups as a first column."""
    if not table.groups:
        return table
    rows = tuple((Cell(group), *row) for group, row in zip(table.groups, table.rows, strict=True))
    return replace(table, heads=("task", *table.heads), rows=rows, groups=())


def latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(LATEX.get(character, character) for character in text)


def _section(section: Section) -> list[str]:
    lines = [f"## {_plain(section.title)}", ""]
    for paragraph in section.text:
        lines += [_plain(paragraph), ""]
    for picture in section.pictures:
        lines += [f"![{_plain(picture.alt)}](figures/{picture.file}.svg)", ""]
    for table in section.tables:
        lines += _table(table)
    for shown in section.examples:
        lines += _example(shown)
    return lines


def _table(table: Table) -> list[str]:
    table = ungrouped(table)
    head = f"**{_plain(table.title)}** ([CSV](tables/{table.file}.csv),"
    lines = [f"{head} [LaTeX](tables/{table.file}.tex))", ""]
    lines.append("| " + " | ".join(_cell(head) for head in table.heads) + " |")
    lines.append("|" + "---|" * len(table.heads))
    for row in table.rows:
        shown = []
        for cell in row:
            text = _cell(cell.text) + (f" {cell.letters}" if cell.letters else "")
            shown.append(f"**{text}**" if cell.strong else text)
        lines.append("| " + " | ".join(shown) + " |")
    lines.append("")
    for note in table.notes:
        lines += [f"{_plain(note)}", ""]
    return lines


def _example(shown: Shown) -> list[str]:
    lines = [f"### {_plain(shown.id)}", "", _plain(shown.gap), ""]
    for name, text in (("input", shown.input), ("reference", shown.reference)):
        if text is not None:
            lines += [f"{name}:", "", *_quoted(text), ""]
    for side in shown.sides:
        text = "".join(piece for piece, _ in side.pieces)
        lines += [f"{_plain(side.name)} ({side.scores}):", "", *_quoted(text), ""]
    return lines


def _quoted(text: str) -> list[str]:
    return [f"> {_plain(line)}" for line in text.splitlines()] or ["> (empty)"]


def _plain(text: str) -> str:
    """Text that Markdown takes as text: no tags, no links, no emphasis."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


def _cell(text: str) -> str:
    return _plain(text).replace("\n", " ")


def _value(cell: Cell) -> object:
    if cell.value is not None:
        return cell.value
    return "" if cell.text == "–" else _inert(cell.text)


def _inert(text: str) -> str:
    """Text that is no formula; a number stays one."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text


def _latex_cell(cell: Cell) -> str:
    text = latex(cell.text)
    if cell.strong:
        text = rf"\textbf{{{text}}}"
    return text + (rf"$^{{\mathrm{{{cell.letters}}}}}$" if cell.letters else "")
