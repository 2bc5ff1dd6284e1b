"""harness compare: what it prints and writes, and its errors."""

import json
import sys

import pytest
from typer.testing import CliRunner

from harness.cli import app, main
from tests.support.synthetic import write_runs


def test_the_command_writes_and_prints_one_json_document(tmp_path):
    write_runs(tmp_path / "runs", ["flythinker", "rag"], ["product_review"])
    words = [
        "compare",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "r"),
        "--json",
        "--metric",
        "nll",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["main"] == "nll"
    assert "flythinker scores best on NLL" in done.stderr
    assert (tmp_path / "r" / "index.html").is_file()


def test_errors_of_the_command_have_no_traceback_and_leave_nothing(tmp_path, monkeypatch, capsys):
    out = tmp_path / "report"
    monkeypatch.setattr(sys, "argv", ["harness", "compare", str(tmp_path), "--out", str(out)])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("DataError: ")
    assert not out.exists()
