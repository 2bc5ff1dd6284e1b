"""The rows that the repository carries: whole, marked, and still what their marks speak of."""

from pathlib import Path

import pytest

from harness.leaderboard.board import boards
from harness.leaderboard.build import build
from harness.leaderboard.mark import Mark, read_mark
from harness.leaderboard.verify import verify_all

ROOT = Path(__file__).parents[2] / "leaderboards"


def test_every_row_is_shown_with_its_mark(tmp_path):
    built = build(ROOT, tmp_path / "page")
    rows = [row for place in boards(ROOT) for row in place.rows()]
    assert not built.left_out
    assert built.rows == len(rows) >= 8
    for row in rows:
        mark = read_mark(row)
        assert mark is not None
        assert mark.status in ("verified", "rerun")


@pytest.mark.slow
def test_every_row_is_scored_again_to_the_same_numbers():
    places = [(place, place.rows()) for place in boards(ROOT)]
    for row, found in verify_all(places, None):
        assert isinstance(found, Mark), (row, found)
        assert max(found.largest.values()) <= found.tolerance
