"""What all verbs share."""

import io
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.interruption import Stopped, ended_by_exception
from harness.paths import cache_dir, expanded
from tests.support.synthetic import write_runs


def test_debug_shows_the_traceback(monkeypatch, capsys):
    from harness.errors import UsageError

    monkeypatch.setattr("sys.argv", ["harness", "list", "nothing", "--debug"])
    with pytest.raises(UsageError, match="list got 'nothing'"):
        cli.main()


VERBS = [
    ["--help"], ["list", "options"], ["list", "presets"], ["list", "methods", "--json"],
    ["list", "examples", "--json"], ["doctor"], ["runs", "RUN"], ["show", "RUN"],
    ["compare", "RUN", "--out", "OUT"], ["no-such-verb"], ["show", "nothing-hére"],
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_verbs_print_on_terminals_without_unicode(
    tmp_path, reviews, monkeypatch, words, encoding, made_run
):
    given = [{"RUN": str(made_run), "OUT": str(tmp_path / "out")}.get(word, word) for word in words]
    if "examples" in given:
        given += ["--data", str(reviews)]
    written = {}
    for name in ("stdout", "stderr"):
        written[name] = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, name, written[name])
    monkeypatch.setattr("sys.argv", ["harness", *given])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, err = (written[name] for name in ("stdout", "stderr"))
    for stream in (out, err):
        stream.flush()
    refused = "no-such-verb" in given or "nothing-hére" in given
    assert (stopped.value.code or 0) == (2 if refused else 0)
    text = out.buffer.getvalue().decode(encoding)
    assert text or refused
    if "--json" in given:
        assert json.loads(text)


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    (folder,) = write_runs(tmp_path_factory.mktemp("made"), ["rag"], ["product_review"], [0])
    return folder


def test_a_terminated_process_ends_by_an_exception():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped, ended_by_exception():
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_user_without_a_home_has_a_cache(monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    for name in ("HARNESS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert cache_dir().name == f"flythinker-harness-{os.getuid()}"
    assert expanded("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
