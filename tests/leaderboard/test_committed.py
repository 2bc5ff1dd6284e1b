"""The rows in the repository: complete, verified, and unchanged since their verification."""

from pathlib import Path

import pytest

from harness.leaderboard.board import boards
from harness.leaderboard.build import build
from harness.leaderboard.verification import Verification, read_verification
from harness.leaderboard.verify_rows import verify_all

ROOT = Path(__file__).parents[2] / "leaderboards"


def test_every_row_is_shown_with_its_verification(tmp_path):
    built = build(ROOT, tmp_path / "page")
    rows = [row for place in boards(ROOT) for row in place.rows()]
    assert not built.left_out
    assert built.rows == len(rows) >= 8
    for row in rows:
        verification = read_verification(row)
        assert verification is not None
        assert verification.status in ("verified", "rerun")


@pytest.mark.slow
def test_every_row_is_scored_again_to_the_same_numbers():
    places = [(place, place.rows()) for place in boards(ROOT)]
    for row, found in verify_all(places, None):
        assert isinstance(found, Verification), (row, found)
        assert max(found.largest.values()) <= found.tolerance
