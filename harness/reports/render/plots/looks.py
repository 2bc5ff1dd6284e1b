"""What every figure looks like: ink, fonts, and a colour, marker and line for each method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

INK, FAINT, GRID, PAPER = "#1b1f24", "#5d6570", "#d9dde2", "#ffffff"
WIDTH = 5.2
"""Inches of one panel: its 10-point text is still read when a phone shows it 358 pixels wide."""
RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "svg.fonttype": "none",  # text stays text: searchable, small, and the page can colour it
    "svg.hashsalt": "harness",  # the same figure gives the same bytes
    "path.simplify": False,
}


@dataclass(frozen=True)
class Look:
    """How one method is drawn. `line` is a matplotlib line style; `name` labels it."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]
    name: str = ""


METHOD_LOOKS = {
    "nonpers": Look("#7a7f87", "x", (0, (1, 1.5))),
    "rag": Look("#e69f00", "v", (0, (4, 1.5, 1, 1.5))),
    "sft": Look("#d55e00", "s", "--"),
    "cot": Look("#cc79a7", "^", (0, (6, 2))),
    "coconut": Look("#009e73", "D", "-."),
    "flythinker": Look("#0072b2", "o", "-"),
}
"""Okabe and Ito's colours, which colour-blind readers tell apart; the rest serves print."""
FURTHER_LOOKS = (
    Look("#56b4e9", "P", (0, (3, 1, 1, 1, 1, 1))),
    Look("#8c6d1f", "*", (0, (5, 1))),
    Look("#4b3f9e", "h", (0, (2, 2))),
    Look("#a63d57", "<", (0, (8, 2, 1, 2))),
    Look("#3f7d20", ">", (0, (1, 3))),
)
"""For plugins and for the values of an ablation, in the order in which they are named."""


def looks_of(names: Iterable[str]) -> dict[str, Look]:
    """Name → look: the six methods have theirs, others get the further ones in order.

    After those, colours come again with other markers.
    """
    distinct, count = dict.fromkeys(names), len(FURTHER_LOOKS)
    further = [name for name in distinct if name not in METHOD_LOOKS]
    found = {}
    for at, name in enumerate(further):
        marker = FURTHER_LOOKS[(at + at // count) % count].marker
        found[name] = replace(FURTHER_LOOKS[at % count], marker=marker)
    return {name: replace(METHOD_LOOKS.get(name) or found[name], name=name) for name in distinct}
