"""Calling the command line inside the test's process, and runs that it only pretends to make."""

import pytest

from harness import cli
from harness.record import Outcome, read_record
from tests.support.synthetic import write_runs

SMALL = [
    "--set", "train.lr=1e-3", "--set", "train.epochs=1", "--set", "decode.max_new_tokens=5",
    "--set", "budget.profile=80", "--set", "eval.resamples=100", "--set", "eval.floors=false",
    "--set", 'eval.metrics=["bleu","rouge1"]',
]  # fmt: skip


def harness(monkeypatch, capsys, *words):
    """Exit code, standard output and standard error of `harness WORDS`."""
    monkeypatch.setattr("sys.argv", ["harness", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed = capsys.readouterr()
    return stopped.value.code or 0, printed.out, printed.err


@pytest.fixture
def call(monkeypatch, capsys):
    return lambda *words: harness(monkeypatch, capsys, *words)


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """Runs are made up; `breaks(settings, factory)` may raise, or give fields of the record."""

    def go(breaks):
        def made_up_run(settings, method, results, *, factory, **_):
            changes = breaks(settings, factory)
            (folder,) = write_runs(
                tmp_path / "made" / f"{method} {dict(settings.method)}", [method], [settings.task],
                [settings.seed], changes=changes,
            )  # fmt: skip
            return Outcome(read_record(folder), folder, repeated=False)

        monkeypatch.setattr("harness.pipeline.single.run", made_up_run)

    return go
