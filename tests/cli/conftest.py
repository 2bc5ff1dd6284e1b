"""A small run from the command line."""

import pytest

from tests.support.command_line import SMALL


@pytest.fixture
def run(call, tmp_path, reviews, backbone):
    def go(method="rag", *words):
        options = ["--data", reviews, "--backbone", backbone, "--out", tmp_path / "out", *SMALL]
        return call("run", "--method", method, *options, *words)

    return go
