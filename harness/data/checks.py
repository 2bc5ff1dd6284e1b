"""Checks on splits: no target inside its own profile, no user in two splits of a user split; which
targets are training targets too."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

from harness.data.rows import Row, data_error
from harness.data.tasks import Task
from harness.types import Entry

if TYPE_CHECKING:
    import regex

CONTAINED_FROM = 50
"""From this many characters (folded), a target also leaks by being contained in an entry."""


@dataclass(frozen=True)
class Leak:
    """A target found in its own profile: in `field` of entry number `entry` of `row`."""

    row: Row
    entry: int
    field: str
    how: str
    """Whether the field equals the target or contains it, in words for a message."""


def fold(text: str) -> str:
    """NFKC, case folding and white-space folding: texts that look the same become equal.

    Runs of combining marks are broken as in Unicode's stream-safe format (UAX 15): sorting them
    takes the square of their number, minutes for a text of nothing else.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    text = _many_marks().sub("\\g<0>\u034f", text)
    wide = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", wide).split())


@cache
def _many_marks() -> regex.Pattern[str]:
    """As many combining marks in a row as a stream-safe text may have."""
    import regex

    return regex.compile(r"\p{M}{30}")


def leaks_of(task: Task, row: Row) -> Iterator[Leak]:
    """Every profile entry that contains the row's own target, once each."""
    target = fold(row.output)
    for index, entry in enumerate(row.profile):
        for field in task.texts:
            how = contains(entry[field], target)
            if how:
                yield Leak(row, index, field, how)
                break


def holds(task: Task, profile: Sequence[Entry], targets: Sequence[str]) -> list[bool]:
    """For each folded target, whether an entry of the profile contains it, as for leaks.

    A text of the profile is folded once, so ask for all targets together.
    """
    shortest = min(map(len, targets), default=0)
    texts = (entry[field] for entry in profile for field in task.texts)
    folded = [fold(text) for text in texts if not _too_short(text, shortest)]
    return [any(_how(text, target) for text in folded) for target in targets]


def contains(text: str, target: str) -> str:
    """How a text contains a folded target, in words; "" if it does not."""
    return "" if _too_short(text, len(target)) else _how(fold(text), target)


def _too_short(text: str, characters: int) -> bool:
    return text.isascii() and len(text) < characters  # folding ASCII never lengthens it


def _how(folded: str, target: str) -> str:
    if folded == target:
        return "equal after folding"
    if len(target) >= CONTAINED_FROM and target in folded:
        return "contained after folding"
    return ""


def refuse_leaks(found: Sequence[Leak]) -> None:
    """Raises DataError naming the first of a split's leaks and how many there are."""
    if not found:
        return
    first, *others = found
    more = f"; {len(others)} more in this split" if others else ""
    raise data_error(
        f"{first.row.place}, example {first.row.id}, profile[{first.entry}].{first.field}",
        f"the example's own target ({len(first.row.output)} characters, {first.how}){more}",
        "a profile that does not contain the text to generate",
        "remove the entry, or --set data.on_leak=drop (counted)",
    )


def without_leaks(rows: Sequence[Row], found: Sequence[Leak]) -> list[Row]:
    """The rows without the profile entries that were found to contain their target."""
    leaked: dict[str, set[int]] = {}
    for leak in found:
        leaked.setdefault(leak.row.id, set()).add(leak.entry)
    kept = list(rows)
    for at, row in enumerate(rows):
        if gone := leaked.get(row.id):
            profile = (entry for index, entry in enumerate(row.profile) if index not in gone)
            kept[at] = replace(row, profile=tuple(profile))
    return kept


def refuse_shared_users(splits: Mapping[str, Sequence[Row]]) -> None:
    """Raises DataError if a user has rows in two splits: that is not a user split."""
    first_rows = {name: _first_rows(rows) for name, rows in splits.items()}
    for left, right in combinations(first_rows, 2):
        shared = [user for user in first_rows[right] if user in first_rows[left]]
        if not shared:
            continue
        user, *others = shared
        first, second = first_rows[left][user], first_rows[right][user]
        more = f"; {left} and {right} share {len(others)} more" if others else ""
        raise data_error(
            f"{second.place}, example {second.id}, user {user}",
            f"the same user as {first.place}, example {first.id}{more}",
            "no user in two splits, in the user setting",
            "keep each user in one split, or --setting temporal if users are meant to return",
        )


def also_trained(targets: Mapping[str, str], trained: Iterable[str]) -> list[str]:
    """Ids of the targets that equal a training target after folding.

    targets: example id → target. Shorter ones than CONTAINED_FROM characters (folded) are equal by
    chance, and are not named.
    """
    folded = {fold(text) for text in trained}
    own = {key: fold(text) for key, text in targets.items()}
    return [key for key, text in own.items() if len(text) >= CONTAINED_FROM and text in folded]


def _first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    first_rows: dict[str, Row] = {}
    for row in rows:
        first_rows.setdefault(row.user, row)
    return first_rows
