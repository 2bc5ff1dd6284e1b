"""Significance letters (compact letter display): methods that share one do not differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from string import ascii_lowercase


def letters(ordered: Sequence[str], different: Collection[frozenset[str]]) -> dict[str, str]:
    """name → its letters.

    ordered: names from best to worst; the best one gets "a".
    different: pairs that differ significantly.

    Two names share a letter exactly where their pair is not in `different`. The insert-and-absorb
    algorithm of Piepho 2004.
    """
    columns = [set(ordered)]
    # 1. insert: a column that holds a differing pair is split in two
    for pair in different:
        first, second = pair
        split = []
        for column in columns:
            if pair <= column:
                split += [column - {first}, column - {second}]
            else:
                split.append(column)
        # 2. absorb: columns within others are dropped
        columns = _absorbed(split)
    # 3. letters, in the order of the columns' best names
    rank = {name: index for index, name in enumerate(ordered)}
    columns.sort(key=lambda column: sorted(rank[name] for name in column))
    return {
        name: "".join(letter(index) for index, column in enumerate(columns) if name in column)
        for name in ordered
    }


def letter(index: int) -> str:
    """a … z, then a1, b1, …"""
    turn, place = divmod(index, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(turn) if turn else "")


def _absorbed(columns: list[set[str]]) -> list[set[str]]:
    """The columns that are not within another one."""
    kept: list[set[str]] = []
    for column in sorted(columns, key=len, reverse=True):
        if not any(column <= other for other in kept):
            kept.append(column)
    return kept
