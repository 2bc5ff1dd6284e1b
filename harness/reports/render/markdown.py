"""One table as Markdown."""

from __future__ import annotations

import re

from harness.reports.render.table import Table


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


def plain(text: str) -> str:
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", text)


def _cell(text: str) -> str:
    return plain(text).replace("\n", " ")
