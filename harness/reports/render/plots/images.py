"""A figure as files, and as an element of a page."""

from __future__ import annotations

import io
import re
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from harness.record.visible import visible
from harness.reports.render.plots.looks import FAINT, GRID, INK, PAPER, RC
from harness.reports.render.plots.panels import caption_of, set_caption

NO_DATE = {"Date": None, "Creator": None}
"""Metadata with which the same figure has the same bytes."""


def save(drawing: Figure, path: Path) -> list[Path]:
    """Write `path` as SVG and PNG (its suffix is replaced); the same figure, the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(path.name + suffix) for suffix in (".svg", ".png")]
    buffer = io.StringIO()
    with matplotlib.rc_context(RC):
        drawing.savefig(buffer, format="svg", facecolor=PAPER, metadata=NO_DATE)
        drawing.set_layout_engine("none")  # both files have one layout, found once
        drawing.savefig(written[1], facecolor=PAPER, dpi=160, metadata={"Software": None})
    # its comments have the texts, and XML cannot hold most of what is hidden in them
    written[0].write_text(visible(buffer.getvalue()), encoding="utf-8")
    return written


def inline_svg(drawing: Figure, title: str, prefix: str) -> str:
    """The figure as an <svg> element for a page, which colours its ink by `currentColor`.

    `title` is what a screen reader says; `prefix` keeps ids apart between figures of one page. The
    caption is left out: the page has it as text, which wraps and grows as its reader wants.
    """
    buffer, words = io.StringIO(), caption_of(drawing)
    drawing.supxlabel("")
    with matplotlib.rc_context(RC):
        drawing.savefig(buffer, format="svg", transparent=True, metadata=NO_DATE)
    set_caption(drawing, words)
    text = visible(buffer.getvalue())
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", text)
    for colour, variable in ((INK, "currentColor"), (FAINT, "var(--faint)"), (GRID, "var(--grid)")):
        text = text.replace(colour, variable)
    name = escape(title, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1).strip()
