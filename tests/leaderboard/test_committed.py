"""The rows in the repository: complete, verified, and unchanged since their verification."""

from pathlib import Path

import pytest

from harness.leaderboard.board import boards
from harness.leaderboard.build import build
from harness.leaderboard.plausible import TOLERANCE
from harness.leaderboard.recomputed import numbers
from harness.leaderboard.untrusted import read_submission, read_texts
from harness.leaderboard.verification import read_verification
from harness.leaderboard.verify_rows import differences, load_test

ROOT = Path(__file__).parents[2] / "leaderboards"


def test_every_row_is_shown_with_its_verification(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.leaderboard.build.floors_of", lambda board: [])  # a minute
    built = build(ROOT, tmp_path / "page")
    rows = [row for place in boards(ROOT) for row in place.rows()]
    assert not built.left_out
    assert built.rows == len(rows) >= 6
    for row in rows:
        verification = read_verification(row)
        assert verification is not None
        assert verification.status in ("verified", "rerun")


@pytest.mark.slow
def test_every_row_is_scored_again_to_the_same_numbers():
    """On the metrics that this version still computes in the same way."""
    for place in boards(ROOT):
        test = load_test(place.board)
        for row in place.rows():
            again = numbers(test, read_texts(row), place.board.scoring())
            gaps = dict(differences(read_submission(row), again))
            same = [
                name
                for name, metric in again.metrics.items()
                if metric.signature == place.board.metrics[name]
            ]
            assert set(place.board.metrics) <= set(same)
            assert max(gaps[name] for name in same) <= TOLERANCE
