"""Ctrl-C: what is kept, and the command that goes on."""

import pytest


@pytest.fixture
def interrupted(monkeypatch):
    def stops(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.pipeline.single.run", stops)


def test_a_stopped_run_names_what_is_kept_and_the_command_that_goes_on(run, interrupted):
    code, _, err = run("rag", "--fresh")
    assert code == 130
    assert "Stopped. Kept: the last checkpoint of training if there is one, and every text" in err
    assert "To go on: harness run --method rag --data" in err
    assert "--fresh" not in err.partition("To go on:")[2]  # it would delete what is kept


def test_a_verb_that_keeps_nothing_says_so(call, tmp_path, monkeypatch):
    def stops(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.runs.find_runs", stops)
    code, _, err = call("runs", tmp_path)
    assert (code, err) == (130, f"\nStopped. Again: harness runs {tmp_path}\n")
