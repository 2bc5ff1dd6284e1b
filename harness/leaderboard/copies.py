"""The same texts under two names, found by their scores: for boards without texts too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from harness.errors import HarnessError
from harness.leaderboard.board import Place
from harness.leaderboard.mark import read_mark
from harness.leaderboard.reading import read_submission
from harness.leaderboard.schema import Submission

SHARE = 0.9
"""From this share of examples with the same scores on, a row is a copy of another."""


class Originals:
    """The rows of a board by the scores of their examples.

    Texts whose BLEU, ROUGE and other scores agree to four decimals are the same texts as far
    as a board can tell. A row that cannot be read is no original. An example that scores 0
    throughout says nothing.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def _holders(self) -> dict[int, list[str]]:
        """Scores of an example → names of the rows that have them."""
        found: dict[int, list[str]] = defaultdict(list)
        for row in self.place.rows():
            try:
                submission = read_submission(row)
            except HarnessError:
                continue
            for key in _telling(submission):
                found[key].append(row.name)
        return found

    def repeated_by(self, row: Path, submission: Submission) -> str | None:
        """Which other row this one repeats, in words; None where it repeats none.

        A row with a valid mark was there before those without and repeats none of them.
        """
        own = list(_telling(submission))
        shared = Counter(
            name for key in own for name in self._holders.get(key, ()) if name != row.name
        )
        for name, same in shared.most_common():
            if same < SHARE * len(own):
                break
            if _marked(row) and not _marked(row.with_name(name)):
                continue
            return (
                f"its texts are those of {name}: {same} of {len(own)} examples score the same on"
                " every metric. One text, one row: a greedy run without training writes the same"
                " under every seed"
            )
        return None


def _marked(row: Path) -> bool:
    try:
        return row.is_dir() and read_mark(row) is not None
    except HarnessError:
        return False


def _telling(row: Submission) -> Iterator[int]:
    """One number an example that stands for all its scores; none for one without any."""
    names = sorted(row.examples.scores)
    columns = [row.examples.scores[name] for name in names]
    for key, scores in zip(row.examples.ids, zip(*columns, strict=True), strict=True):
        if any(scores):
            yield hash((key, *scores))
