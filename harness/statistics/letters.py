"""Compact letter display: methods that were not shown to differ share a letter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase


def letters(ordered: Sequence[str], different: Collection[frozenset[str]]) -> dict[str, str]:
    """name → its letters, for names from best to worst and the pairs shown to differ.

    Two names share a letter exactly where their pair is not in `different`. Insert and absorb,
    Piepho 2004. The best name has "a".
    """
    columns = [set(ordered)]
    for pair in different:
        one, other = pair
        split = []
        for column in columns:
            if pair <= column:
                split += [column - {one}, column - {other}]
            else:
                split.append(column)
        columns = _absorbed(split)
    place = {name: at for at, name in enumerate(ordered)}
    columns.sort(key=lambda column: sorted(place[name] for name in column))
    return {
        name: "".join(letter(at) for at, column in enumerate(columns) if name in column)
        for name in ordered
    }


def letter(at: int) -> str:
    """a … z, then a1, b1, …"""
    turn, place = divmod(at, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(turn) if turn else "")


def _absorbed(columns: list[set[str]]) -> list[set[str]]:
    """Without columns that another one holds."""
    kept: list[set[str]] = []
    for column in sorted(columns, key=len, reverse=True):
        if not any(column <= other for other in kept):
            kept.append(column)
    return kept
