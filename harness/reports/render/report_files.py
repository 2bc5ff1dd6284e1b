"""A report as files: page, Markdown, JSON, figures, and tables as CSV and LaTeX."""

from __future__ import annotations

from pathlib import Path

from harness.paths import refuse_file
from harness.record import write_json
from harness.record.visible import visible
from harness.reports.render.latex import to_latex
from harness.reports.render.pages import to_html, to_markdown
from harness.reports.render.plots.images import save
from harness.reports.render.section import Document
from harness.reports.render.spreadsheet import to_csv

PAGE, MARKDOWN, COMPARISONS = "index.html", "report.md", "comparisons.json"
TABLES = {".csv": to_csv, ".tex": to_latex}
"""Suffix of a table's file → its renderer."""


def write_report(document: Document, out: Path) -> list[Path]:
    """Write page, Markdown, JSON, figures and tables below `out`; returns their paths.

    Raises UsageError if `out` is a file.
    """
    refuse_file(out)
    texts = {out / PAGE: to_html(document), out / MARKDOWN: to_markdown(document)}
    for section in document.sections:
        for table in section.tables:
            for suffix, render in TABLES.items():
                texts[out / "tables" / (table.file + suffix)] = render(table)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(visible(text), encoding="utf-8")
    write_json(out / COMPARISONS, document.facts)
    figures = [
        path
        for section in document.sections
        for picture in section.pictures
        for path in save(picture.drawing, out / "figures" / picture.file)
    ]
    return [*texts, out / COMPARISONS, *figures]
