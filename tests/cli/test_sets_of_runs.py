"""Sets of runs, each with plugins of its own, are made by one process."""

import pytest

from harness.cli.each_run import each_run
from harness.cli.options import RunOptions
from harness.cli.requests import requested
from harness.cli.sweep_jobs import read_sweep
from harness.errors import UsageError

PLUGIN = """
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
from harness.method import Method

class Mine(Method):
    name, trains = "{method}", True

TASK = replace(PRODUCT_REVIEW, name="{task}")
"""
SET = """
[[runs]]
methods = "sft"
tasks = "{task}"
plugins = ["{file}"]
method.flops_of = "{method}"
"""


@pytest.fixture
def asked(tmp_path, reviews, backbone):
    """A file with a set of runs for each method and task, whose plugin files have one name."""

    def written(*names):
        text = f'out = "{tmp_path / "out"}"\ndata.source = "{reviews}"\n'
        text += f'model.backbone = "{backbone}"\n'
        for number, (method, task) in enumerate(names):
            file = tmp_path / str(number) / "own.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(PLUGIN.format(method=method, task=task))
            text += SET.format(method=method, task=task, file=file)
        path = tmp_path / "sets.toml"
        path.write_text(text)
        return path

    return written


def of_run_file(path):
    requests, _ = requested(None, RunOptions(), None, None, None, path)
    return each_run(requests)


def of_sweep(path):
    return read_sweep(path, RunOptions(), None).jobs()


@pytest.mark.parametrize("jobs_of", [of_run_file, of_sweep])
def test_each_set_knows_the_plugins_of_all(asked, jobs_of):
    found = jobs_of(asked(("one", "task_one"), ("two", "task_two")))
    # a run is made when all sets have been read: the first one's method must still be known
    assert [job.factory(job.settings).options.flops_of for job in found] == ["one", "two"]
    with pytest.raises(UsageError, match="a task called 'task_one' exists already"):
        jobs_of(asked(("one", "task_one"), ("two", "task_one")))


def test_a_file_that_two_sets_name_in_two_ways_is_one_plugin(asked, tmp_path):
    path = asked(("one", "task_one"))
    again = SET.format(method="one", task="task_one", file=tmp_path / "0" / ".." / "0" / "own.py")
    path.write_text(path.read_text() + again)
    assert len(of_run_file(path)) == 1


@pytest.mark.parametrize("jobs_of", [of_run_file, of_sweep])
def test_sets_that_would_silently_be_one_run_are_refused(asked, jobs_of):
    path = asked(("one", "task_one"))
    second = SET.format(method="one", task="task_one", file=path.parent / "0" / "own.py")
    path.write_text(path.read_text() + second + 'train.sharding = "full"\n')
    with pytest.raises(UsageError, match="'full' and 'none' for the same run of sft"):
        jobs_of(path)
