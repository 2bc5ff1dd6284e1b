"""A document as Markdown, and one table."""

from __future__ import annotations

import re

from harness.reports.render.section import Document, Section, Shown
from harness.reports.render.table import Table


def to_markdown(document: Document) -> str:
    """The report as GitHub-flavoured Markdown; pictures are links into figures/."""
    lines = [f"# {_plain(document.title)}", "", _plain(document.subtitle), ""]
    if document.warnings:
        lines += ["**Warnings**", ""]
        lines += [f"- {_plain(line)}" for line in document.warnings]
        lines.append("")
    for section in document.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip() + "\n"


def titled(table: Table) -> str:
    """A table below its title, for pasting into a page."""
    return f"**{table.title}**\n\n{table_as_markdown(table)}"


def table_as_markdown(table: Table) -> str:
    """Only the grid of heads and rows; the best value is bold."""
    table = table.ungrouped()
    lines = [
        "| " + " | ".join(_cell(column.head) for column in table.columns) + " |",
        "| " + " | ".join("--:" if one.numeric else "---" for one in table.columns) + " |",
    ]
    for row in table.shown():
        shown = []
        for field in row:
            text = " ".join(filter(None, (_cell(field.text), field.ends, field.letters)))
            shown.append(f"**{text}**" if field.best else text)
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


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
    head = f"**{_plain(table.title)}** ([CSV](tables/{table.file}.csv),"
    lines = [f"{head} [LaTeX](tables/{table.file}.tex))", "", table_as_markdown(table), ""]
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
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


def _cell(text: str) -> str:
    return _plain(text).replace("\n", " ")
