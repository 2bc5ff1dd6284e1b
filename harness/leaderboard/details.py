"""A row's details on the page: provenance, verification, curves, a few texts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from harness.leaderboard.board import Board
from harness.leaderboard.reading import PREDICTIONS, texts_of
from harness.leaderboard.schema import Slices
from harness.leaderboard.table import Entry
from harness.leaderboard.visible import visible

EXAMPLES = 3
EXCERPT = 1200
"""Characters shown of a text; the row's predictions.jsonl has all of it."""


def chosen_examples(board: Board, entry: Entry) -> list[str]:
    """The examples that the page shows; drawn by the data's fingerprint, the same for every row."""

    def draw(key: str) -> str:
        return hashlib.sha256(f"{board.test.fingerprint}\0{key}".encode()).hexdigest()

    return sorted(entry.row.examples.ids, key=draw)[:EXAMPLES]


def details(entry: Entry, folder: Path, chosen: list[str]) -> dict[str, Any]:
    """A row's details as plain data, with invisible characters spelled out."""
    row, verification = entry.row, entry.verification
    has_texts = entry.verification is not None and (folder / PREDICTIONS).is_file()
    texts = texts_of(folder, chosen) if has_texts else {}
    positions = {key: index for index, key in enumerate(row.examples.ids)}
    curves = {name: _curve(slices) for name, slices in row.slices.items()}
    curves["nll"] = _curve(row.likelihood_slices)
    facts = {
        "Method": row.method,
        "Backbone": _models(entry),
        "Run": f"{row.run.run_id}, seed {row.run.seed}, {row.run.started}",
        "Command": row.run.command,
        "Harness": f"{row.run.harness}, commit {row.run.commit or 'unknown'}"
        + ("" if row.run.clean else ", with uncommitted changes"),
        "Device": f"{row.costs.device}, {row.costs.dtype}, {row.costs.threads} threads",
    }
    return {
        "note": visible(row.note),
        "link": row.link,
        "facts": {name: visible(text) for name, text in facts.items()},
        "settings": {
            name: visible(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
            for name, value in row.run.settings.items()
        },
        "mark": {
            "notes": [visible(note) for note in verification.notes],
            "tolerance": verification.tolerance,
            "largest": verification.largest,
            "rerun": verification.rerun.model_dump() if verification.rerun else None,
        }
        if verification
        else None,
        "curves": {name: curve for name, curve in curves.items() if curve},
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


def excerpt(text: str) -> dict[str, Any]:
    """The beginning of a text, and the length of the whole text."""
    return {"shown": visible(text[:EXCERPT]), "characters": len(text)}


def _models(entry: Entry) -> str:
    backbone = entry.row.backbone
    parts = [backbone.name, f"{backbone.parameters:,} parameters"]
    if backbone.reasoner:
        parts.append(f"reasoner {backbone.reasoner}")
    if backbone.quantization:
        parts.append(backbone.quantization)
    if backbone.method_parameters:
        parts.append(f"{backbone.method_parameters:,} in all")
    return ", ".join(parts)


def _curve(slices: Slices) -> list[list[float | int | None]]:
    """(start, value, low, high) per slice; empty if no slice has a value."""
    if all(one.value is None for one in slices):
        return []
    return [[one.start, one.value, one.low, one.high] for one in slices]
