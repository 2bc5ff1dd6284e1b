"""harness leaderboard at the keyboard: what it prints and its exit codes."""

import json

import pytest

from harness import cli
from tests.leaderboard.test_rows import edit, rows_of


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
    assert "1 rows of 1 boards" in printed
    assert (out / "index.html").is_file()


def test_check_writes_no_mark(call, boards):
    row = rows_of(boards / "mini", "nonpers")
    code, printed, _ = call("verify", row, "--check")
    assert (code, printed.split()[0]) == (0, "verified")
    assert not (row / "verification.json").exists()
    call("verify", row)
    assert json.loads((row / "verification.json").read_text())["status"] == "verified"


def test_a_refused_row_is_exit_2_and_stops_no_other(call, boards, reviews):
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


def test_rerun_is_exit_1_where_the_claim_is_not_reached(call, boards, monkeypatch):
    row = rows_of(boards / "mini", "nonpers")
    code, printed, _ = call("verify", row, "--rerun", 1)
    assert (code, printed.split()[0]) == (0, "rerun")
    assert "on seed 1; at most" in printed
    monkeypatch.setattr("harness.leaderboard.rerun.tolerance_of", lambda *a, trains: -1000.0)
    code, printed, _ = call("verify", row, "--rerun", 1)
    assert code == 1
    assert printed.startswith("not reproduced  ")


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
        (["verify", "."], "no row of a board; expected BOARDS/TASK/SETTING/TIER/ROW"),
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
