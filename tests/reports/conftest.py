"""A report of six methods."""

from contextlib import contextmanager
from functools import partial

import pytest

from harness.reports.compare_runs import compare
from harness.statistics import Panel
from tests.support.synthetic import write_runs


@contextmanager
def draws(number):
    """Intervals of comparisons come from so many resamples of users instead of 2000."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.reports.runs.systems.Panel", partial(Panel, resamples=number))
        yield


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """What an interval is worth is tested with the statistics."""
    with draws(400):
        yield


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Six methods on one task with every view, 40 users."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, tasks=["product_review"], full=True)
    return out


@pytest.fixture(scope="session")
def document(runs):
    with draws(400):
        return compare([runs])
