"""The page: each text with its tokens coloured by what thoughts move, and details on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from harness.paths import refuse_file
from harness.record import write_json
from harness.record.inspected import InspectedExample, InspectedThought, Inspection
from harness.record.visible import json_text, visible
from harness.reports.inspected.tables import most_moved, sentence, shown, tables
from harness.reports.render.pages import page
from harness.reports.render.report_files import PAGE

DATA = "inspection.json"


@dataclass(frozen=True)
class Piece:
    """A token or thought as the page shows it.

    words: its text, or the thought's number.
    heat: 0–100, the root of its KL as a share of the largest.
    label: what a screen reader says.
    thought: whether it is a thought before the text.
    """

    words: str
    heat: int
    label: str
    thought: bool = False


def write_inspection(found: Inspection, out: Path) -> list[Path]:
    """The page and its data below `out`. Raises UsageError if `out` is a file."""
    refuse_file(out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / PAGE
    file.write_text(visible(to_html(found)), encoding="utf-8")
    return [file, write_json(out / DATA, found)]


def to_html(found: Inspection) -> str:
    """One page that opens from disk and requests nothing."""
    most = max((_largest(one) for one in found.examples), default=0.0)
    return page(
        "inspect",
        f"Thoughts of {found.method}, {found.run}",
        found=found,
        sentence=sentence(found),
        most=most,
        means=tables(found),
        moved=[most_moved(one) for one in found.examples],
        pieces=[list(_pieces(one, most)) for one in found.examples],
        details=json_text([_details(one) for one in found.examples]).replace("<", "\\u003c"),
    )


def _largest(example: InspectedExample) -> float:
    return max([*(one.kl for one in example.tokens), *(one.kl for one in example.thoughts)])


def _pieces(example: InspectedExample, most: float) -> Iterator[Piece]:
    """Thoughts before the text, if they are, then its tokens."""

    def heat(kl: float) -> int:
        return round(100 * sqrt(kl / most)) if most > 0 else 0

    if example.before_text:
        for number, thought in enumerate(example.thoughts, 1):
            label = f"thought {number}, {thought.kl:.3f} nats"
            yield Piece(f"thought {number}", heat(thought.kl), label, thought=True)
    for index, token in enumerate(example.tokens):
        label = f"token {index}, {shown(token.text)}, {token.kl:.3f} nats"
        yield Piece(token.text, heat(token.kl), label)


def _details(example: InspectedExample) -> list[dict[str, object]]:
    """What the panel shows of each piece, in the pieces' order."""
    before = example.before_text
    own = {} if before else {each.position: each for each in example.thoughts}
    found = [
        {"name": f"thought {number}", "kl": thought.kl, **_thought(thought)}
        for number, thought in enumerate(example.thoughts if before else (), 1)
    ]
    for index, token in enumerate(example.tokens):
        about: dict[str, object] = {"name": f"token {index}: {shown(token.text)}", "kl": token.kl}
        if token.kinds:
            about["kinds"] = ", ".join(token.kinds)
        found.append(about | (_thought(own[index]) if index in own else {}))
    return found


def _thought(thought: InspectedThought) -> dict[str, object]:
    cosines = [round(one, 3) for one in thought.cosines]
    return {"nearest": [shown(one) for one in thought.nearest], "cosines": cosines}
