"""A report of six methods."""

from functools import partial

import pytest

from harness.reports.compare_runs import compare
from harness.statistics import Panel
from tests.support.synthetic import write_runs


@pytest.fixture(scope="package", autouse=True)
def few_draws():
    """Intervals from 400 draws of users: their figures are tested with the statistics."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.reports.runs.systems.Panel", partial(Panel, resamples=400))
        yield


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Six methods on one task with every view, 40 users."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, tasks=["product_review"], full=True)
    return out


@pytest.fixture(scope="package")
def document(runs, few_draws):
    return compare([runs])
