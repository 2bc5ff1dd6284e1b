"""Rows with the same texts, found by their scores, so that boards without texts are covered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from harness.errors import HarnessError
from harness.leaderboard.board import Place
from harness.leaderboard.public_names import skeleton
from harness.leaderboard.submission import Submission
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verification import read_verification

LATER = " (neither is verified: the later one gives way)"
SHARE = 0.9
"""A row is a duplicate if at least this share of its examples has the same scores."""


class Originals:
    """The rows of a board by the scores of their examples.

    Texts whose scores agree to four decimals on every metric count as the same texts. Rows that
    cannot be read and examples that score 0 on every metric are ignored.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def _holders(self) -> dict[int, list[str]]:
        """Scores of an example → names of the rows that have them."""
        found: dict[int, list[str]] = defaultdict(list)
        for name, submission in self._readable.items():
            for key in _fingerprints(submission):
                found[key].append(name)
        return found

    @cached_property
    def _readable(self) -> dict[str, Submission]:
        """Row → its submission, of every row that can be read."""
        found = {}
        for row in self.place.rows():
            with suppress(HarnessError):
                found[row.name] = read_submission(row)
        return found

    def faults(self, row: Path, submission: Submission) -> Iterator[str]:
        """Messages on a row whose texts or whose name are another's."""
        for found in (self.duplicate_of(row, submission), self.looks_like(row, submission)):
            if found:
                yield found

    def looks_like(self, row: Path, submission: Submission) -> str | None:
        """A message naming another group's row whose name is taken for this one's; else None."""
        own = skeleton(submission.name)
        for name, other in self._readable.items():
            same = name != row.name and skeleton(other.name) == own
            if same and (other.name, other.by) != (submission.name, submission.by):
                if other.name == submission.name or _is_verified(row):
                    continue  # who submits distinguishes equal names; a verified row was first
                return (
                    f"name: {submission.name!r} looks like {other.name!r} of"
                    f" {name}{_later(row, name)}; choose a name that a reader does not take for it"
                )
        return None

    def duplicate_of(self, row: Path, submission: Submission) -> str | None:
        """A message naming the row that this one duplicates; None if it duplicates none.

        A verified row came before unverified ones, so it duplicates none of them.
        """
        own = list(_fingerprints(submission))
        shared = Counter(
            name for key in own for name in self._holders.get(key, ()) if name != row.name
        )
        for name, same in shared.most_common():
            if same < SHARE * len(own):
                break
            if _is_verified(row) and not _is_verified(row.with_name(name)):
                continue
            return (
                f"duplicates the texts of {name}{_later(row, name)}: {same} of {len(own)} examples"
                " score the same on every metric. Submit one row for the same texts: a greedy run"
                " without training generates the same with every seed"
            )
        return None


def _later(row: Path, other: str) -> str:
    """A remark on a row that lies beside another one, if nothing says which of them was first."""
    return LATER if row.is_dir() and not _is_verified(row.with_name(other)) else ""


def _is_verified(row: Path) -> bool:
    try:
        return row.is_dir() and read_verification(row) is not None
    except HarnessError:
        return False


def _fingerprints(row: Submission) -> Iterator[int]:
    """One hash per example of all its scores; examples without a score other than 0 have none."""
    names = sorted(row.examples.scores)
    columns = [row.examples.scores[name] for name in names]
    for key, scores in zip(row.examples.ids, zip(*columns, strict=True), strict=True):
        if any(scores):
            yield hash((key, *scores))
