"""What all verbs share."""

import pytest

from harness import cli


def test_debug_shows_the_traceback(monkeypatch, capsys):
    from harness.errors import UsageError

    monkeypatch.setattr("sys.argv", ["harness", "list", "nothing", "--debug"])
    with pytest.raises(UsageError, match="list got 'nothing'"):
        cli.main()
