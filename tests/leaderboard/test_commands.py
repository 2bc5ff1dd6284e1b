"""harness leaderboard at the keyboard: what it prints and its exit codes."""

import json

import pytest

from harness import cli
from tests.support.boards import add_row, edit, make_board, rows_of, rules, submission


@pytest.fixture
def call(monkeypatch, capsys):
    def go(*words):
        monkeypatch.setattr("sys.argv", ["harness", "leaderboard", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return stopped.value.code or 0, printed.out, printed.err

    return go


def test_submit_verify_build(call, runs, tmp_path):
    root, out = tmp_path / "boards", tmp_path / "page"
    code, printed, _ = call(
        "submit", runs["mini"], "--boards", root, "--by", "Someone", "--open-board", "texts",
        "--name", "Plain", "--note", "a first try", "--link", "https://example.org",
    )  # fmt: skip
    assert code == 0
    assert "predictions.jsonl" in printed
    assert "open a pull request" in printed
    code, printed, _ = call("verify", "--boards", root)
    assert (code, printed.split()[0]) == (0, "verified")
    code, printed, _ = call("build", "--boards", root, "--out", out)
    assert code == 0
    assert "1 row of 1 board" in printed
    assert (out / "index.html").is_file()


def test_check_writes_no_verification(call, boards):
    row = rows_of(boards / "mini", "nonpers")
    code, printed, _ = call("verify", row, "--check")
    assert (code, printed.split()[0]) == (0, "verified")
    assert not (row / "verification.json").exists()
    call("verify", row)
    assert json.loads((row / "verification.json").read_text())["status"] == "verified"


def test_a_refused_row_exits_2_and_the_rest_continue(call, boards, reviews):
    row = rows_of(boards / "folder", "rag")
    edit(row, lambda fields: fields.update(id="../x"))
    code, printed, err = call("verify", "--boards", boards / "folder", "--data", reviews)
    assert code == 2
    assert "DataError" in err
    assert "'id': found '../x'" in err
    assert printed.startswith("verified  ")
    code, _, err = call("build", "--boards", boards / "folder", "--out", boards / "page")
    assert code == 1
    assert "left out: " in err
    assert "../x" in err


@pytest.mark.slow
def test_rerun_exits_1_if_the_claim_is_not_reached(call, boards, monkeypatch):
    row = rows_of(boards / "mini", "nonpers")
    code, printed, _ = call("verify", row, "--rerun", 1)
    assert (code, printed.split()[0]) == (0, "rerun")
    assert "on seed 1 (1 run); at most" in printed
    monkeypatch.setattr("harness.leaderboard.rerun.tolerance_of", lambda *_: -1000.0)
    code, printed, _ = call("verify", row, "--rerun", 1)
    assert code == 1
    assert printed.startswith("not reproduced  ")


RERUN = {
    "seed": 11, "metric": "following", "claimed": 60.0, "found": 40.0, "low": 35.0, "high": 45.0,
    "tolerance": 5.0,
}  # fmt: skip


FIRST = {"seeds": [], "trains": True, "each": [], "without": []}
"""Fields that reruns of one training did not have."""


@pytest.mark.parametrize(
    ("status", "claimed", "expected"), [("not reproduced", 60.0, 1), ("rerun", 44.0, 0)]
)
def test_a_later_verify_keeps_the_rerun_while_the_files_are_the_same(
    call, board, status, claimed, expected
):
    rerun = {**RERUN, "claimed": claimed}
    row = add_row(board, submission(rules(), 1), status=status, rerun=rerun)
    root = board.parents[2]
    code, printed, _ = call("verify", "--boards", root)
    assert (code, printed.startswith(status)) == (expected, True)
    verification = json.loads((row / "verification.json").read_text())
    assert (verification["status"], verification["rerun"]) == (status, {**FIRST, **rerun})
    assert verification["notes"] == [
        "no data here"
    ]  # the rest of the verification is this verify's
    edit(row, lambda fields: fields.update(note="Another note."))
    assert call("verify", "--boards", root)[0] == 0
    verification = json.loads((row / "verification.json").read_text())
    assert (verification["status"], verification["rerun"]) == ("self-reported", None)


def test_build_removes_nothing_but_an_earlier_page(call, tmp_path):
    row = add_row(make_board(tmp_path / "boards", rules()), submission(rules(), 1))
    before = sorted(path.name for path in row.iterdir())
    (tmp_path / "rows").mkdir()
    for name in ("7.js", "notes.js", "notes.txt"):
        (tmp_path / "rows" / name).touch()
    assert call("build", "--boards", tmp_path / "boards", "--out", tmp_path)[0] == 0
    assert sorted(path.name for path in row.iterdir()) == before
    found = sorted(path.name for path in (tmp_path / "rows").iterdir())
    assert found == ["0.js", "notes.js", "notes.txt"]


def test_a_plugin_of_the_rows_name_is_run(call, boards, tmp_path):
    row = rows_of(boards / "mini", "nonpers")
    edit(row, lambda fields: fields.update(method="mine"))
    code, _, err = call("verify", row, "--rerun", 1, "--check")
    assert code == 2
    assert "no method 'mine'" in err
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from baselines.nonpers import NonPers\n\nclass Mine(NonPers):\n    name = 'mine'\n"
    )
    code, printed, _ = call("verify", row, "--rerun", 1, "--plugin", plugin)
    assert (code, printed.split()[0]) == (0, "rerun")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "nowhere"], "nowhere: no such folder; expected BOARDS/TASK/SETTING/TIER/ROW"),
        (["verify", "."], "not a row of a board; expected BOARDS/TASK/SETTING/TIER/ROW"),
        (["verify", "--boards", "nowhere"], "nowhere: no board; expected TASK/SETTING/TIER"),
        (["build", "--boards", "nowhere"], "nowhere: no board"),
        (["verify", "--plugin", "x.py"], "--plugin: only --rerun SEED runs a method"),
        (["submit", "nowhere", "--by", "x"], "no record"),
    ],
)
def test_wrong_words_are_explained(call, words, message):
    code, _, err = call(*words)
    assert code == 2
    assert message in err
