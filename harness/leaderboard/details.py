"""A row's details on the page: provenance, verification, curves, a few texts."""

from __future__ import annotations

import hashlib

from harness.leaderboard.board import Board
from harness.leaderboard.page_data import Entry
from harness.leaderboard.submission import Slices
from harness.leaderboard.untrusted import PREDICTIONS, texts_of
from harness.record.visible import all_visible, visible

EXAMPLES = 3
EXCERPT = 1200
"""Characters shown of a text; the row's predictions.jsonl has all of it."""
SHOWN = {"note", "link", "method", "backbone", "run", "costs"}
"""Parts of a submission that the page shows as they are."""


def chosen_examples(board: Board, entry: Entry) -> list[str]:
    """The examples that the page shows; drawn by the data's fingerprint, the same for every row."""

    def draw(key: str) -> str:
        return hashlib.sha256(f"{board.test.fingerprint}\0{key}".encode()).hexdigest()

    return sorted(entry.row.examples.ids, key=draw)[:EXAMPLES]


def details(entry: Entry, chosen: list[str]) -> dict[str, object]:
    """A row's details as plain data, with invisible characters spelled out.

    Of several samples the texts are the first; scores are means over all.
    """
    row, verification = entry.row, entry.verification
    has_texts = verification is not None and (entry.folder / PREDICTIONS).is_file()
    texts = texts_of(entry.folder, chosen) if has_texts else {}
    positions = {key: index for index, key in enumerate(row.examples.ids)}
    curves = {name: _curve(slices) for name, slices in row.slices.items()}
    curves["nll"] = _curve(row.likelihood_slices)
    parts = row.model_dump(include=SHOWN, exclude={"run": {"settings"}})
    return {
        **{name: all_visible(part) for name, part in parts.items()},
        "settings": {
            name: visible(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
            for name, value in row.run.settings.items()
        },
        "verification": all_visible(verification.model_dump()) if verification else None,
        "curves": {name: curve for name, curve in curves.items() if curve},
        "samples": row.test.samples,
        "examples": [
            {
                "id": key,
                "text": excerpt(texts[key]) if key in texts else None,
                "scores": {
                    name: column[positions[key]]
                    for name, column in row.examples.scores.items()
                    if key in positions
                },
            }
            for key in chosen
        ],
    }


def excerpt(text: str) -> dict[str, str | int]:
    """The beginning of a text, and the length of the whole text."""
    return {"shown": visible(text[:EXCERPT]), "characters": len(text)}


def _curve(slices: Slices) -> list[tuple[float | None, ...]]:
    """(start, value, low, high) per slice; empty if no slice has a value."""
    if all(part.value is None for part in slices):
        return []
    return [(part.start, part.value, part.low, part.high) for part in slices]
