"""The order of the tests."""

from __future__ import annotations

import pytest

LONG = (
    "tests/test_process.py",
    "tests/test_readme.py",
    "tests/examples/test_package.py",
    "tests/test_contributing.py",
    "tests/test_plugins.py",
    "tests/cli/test_ablate.py",
)
"""Files of few tests that take longest. `make test` keeps this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that processes that share the tests end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
