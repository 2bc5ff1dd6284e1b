"""What the page gets of a row when it is opened."""

from harness.leaderboard.board import read_board
from harness.leaderboard.details import chosen_examples, details
from harness.leaderboard.page_data import Entry
from harness.leaderboard.untrusted import PREDICTIONS, read_submission
from harness.leaderboard.verification import Verification, files_digest
from tests.support.boards import add_row, make_board, rules, submission


def test_an_escape_in_an_id_does_not_hide_its_text(tmp_path):
    board = make_board(tmp_path, rules())
    folder = add_row(board, submission(rules(), 1))
    path = folder / PREDICTIONS
    path.write_text(path.read_text().replace('"product_', '"\\u0070roduct_'))
    fields = {"status": "verified", "harness": "1", "tolerance": 0.01, "largest": {}}
    verification = Verification(files=files_digest(folder), **fields)
    entry = Entry(folder, read_submission(folder), verification)
    shown = details(entry, chosen_examples(read_board(board).board, entry))["examples"]
    assert [each["text"] is None for each in shown] == [False] * len(shown)


def test_a_curve_without_any_value_is_none(tmp_path):
    board = make_board(tmp_path, rules())
    row = submission(rules(), 1)
    for one in row["likelihood_slices"]:
        one.update(value=None, low=None, high=None)
    row["slices"]["bleu"][1]["value"] = None
    folder = add_row(board, row)
    entry = Entry(folder, read_submission(folder), None)
    curves = details(entry, chosen_examples(read_board(board).board, entry))["curves"]
    assert set(curves) == {"following", "bleu", "rouge1", "rougeL", "meteor"}
    assert curves["bleu"][1] == (100, None, None, None)


def test_the_page_learns_of_how_many_samples_its_texts_are_the_first(tmp_path):
    for count in (1, 3):
        test = {**rules(tier=f"of{count}"), "samples": count}
        board = make_board(tmp_path, test)
        folder = add_row(board, submission(test, 1))
        entry = Entry(folder, read_submission(folder), None)
        found = details(entry, chosen_examples(read_board(board).board, entry))
        assert found["samples"] == count
