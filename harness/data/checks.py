"""What no split may hold: a target inside its own profile, a user on both sides of a user split."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.data.rows import Row, data_error
from harness.data.tasks import Task

CONTAINED_FROM = 50
"""Folded targets of at least this many characters leak by being contained, not only by equality."""


@dataclass(frozen=True)
class Leak:
    """Where the target of `row` stands: in `field` of its profile entry `entry`."""

    row: Row
    entry: int
    field: str
    how: str


def fold(text: str) -> str:
    """NFKC, case folding, white-space folding: what looks the same becomes the same."""
    if text.isascii():
        return " ".join(text.lower().split())
    wide = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", wide).split())


def leaks(task: Task, rows: Sequence[Row]) -> Iterator[Leak]:
    """Every profile entry that holds its row's own target, once each."""
    for row in rows:
        target = fold(row.output)
        for index, entry in enumerate(row.profile):
            for field in task.texts:
                how = _holds(entry[field], target)
                if how:
                    yield Leak(row, index, field, how)
                    break


def _holds(text: str, target: str) -> str:
    if text.isascii() and len(text) < len(target):
        return ""  # folding ASCII never lengthens it
    folded = fold(text)
    if folded == target:
        return "equal after folding"
    if len(target) >= CONTAINED_FROM and target in folded:
        return "contained after folding"
    return ""


def refuse_leaks(task: Task, rows: Sequence[Row]) -> None:
    """Raises DataError naming the first leak and how many there are."""
    found = list(leaks(task, rows))
    if not found:
        return
    first = found[0]
    more = f"; {len(found) - 1} more in this split" if found[1:] else ""
    raise data_error(
        f"{first.row.place}, example {first.row.id}, profile[{first.entry}].{first.field}",
        f"the example's own target ({len(first.row.output)} characters, {first.how}){more}",
        "a profile that does not hold the text to be written",
        "remove the entry, or --set data.on_leak=drop (counted)",
    )


def drop_leaks(task: Task, rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows without the profile entries that hold their target, and how many those were."""
    gone: dict[str, set[int]] = {}
    for leak in leaks(task, rows):
        gone.setdefault(leak.row.id, set()).add(leak.entry)
    kept = [_without(row, gone[row.id]) if row.id in gone else row for row in rows]
    return kept, sum(map(len, gone.values()))


def _without(row: Row, entries: set[int]) -> Row:
    kept = tuple(entry for index, entry in enumerate(row.profile) if index not in entries)
    return replace(row, profile=kept)


def refuse_shared_users(splits: Mapping[str, Sequence[Row]]) -> None:
    """Raises DataError where one user has rows in two splits: not a user split."""
    firsts = {name: _first_rows(rows) for name, rows in splits.items()}
    for one, other in combinations(firsts, 2):
        shared = [user for user in firsts[other] if user in firsts[one]]
        if not shared:
            continue
        first, second = firsts[one][shared[0]], firsts[other][shared[0]]
        more = f"; shared too: {len(shared) - 1} more of {one} and {other}" if shared[1:] else ""
        raise data_error(
            f"{second.place}, example {second.id}, user {shared[0]}",
            f"the user of {first.place}, example {first.id}{more}",
            "a user setting: no user in two splits",
            "keep each user in one split, or --setting temporal if users are meant to return",
        )


def _first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    firsts: dict[str, Row] = {}
    for row in rows:
        firsts.setdefault(row.user, row)
    return firsts
