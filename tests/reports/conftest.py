"""A report of six methods."""

import pytest

from harness.reports.compare_runs import compare
from tests.support.synthetic import write_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Six methods on one task with every view, 40 users."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, tasks=["product_review"], full=True)
    return out


@pytest.fixture(scope="session")
def document(runs):
    return compare([runs])
