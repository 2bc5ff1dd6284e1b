"""Work shared by forked processes: in order, all of it, and by no more cores than are allowed."""

from __future__ import annotations

import os

import pytest

from harness.data.processes import by_processes, usable_cores


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("threads", "expected"), [(None, 2), ("1", 1), ("8", 2), ("0", 2), ("many", 2)]
)
def test_cores_are_those_of_the_process_up_to_its_threads(threads, expected, monkeypatch):
    if threads is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert usable_cores() == expected


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_than_linux_use_one_process(system, monkeypatch):
    monkeypatch.setattr("sys.platform", system)
    assert usable_cores() == 1


def test_results_come_in_order_from_other_processes():
    found = list(by_processes(lambda start: (start, os.getpid()), range(20)))
    assert [start for start, _ in found] == list(range(20))
    assert os.getpid() not in {process for _, process in found}


def test_one_core_or_one_piece_needs_no_process(monkeypatch):
    assert list(by_processes(lambda start: os.getpid(), [5])) == [os.getpid()]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert set(by_processes(lambda start: os.getpid(), range(9))) == {os.getpid()}


def test_an_error_of_the_work_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(by_processes(lambda start: 1 // start, range(3)))


def test_work_of_a_process_that_dies_is_done_in_this_one(caplog):
    here = os.getpid()

    def work(start):
        if start == 3 and os.getpid() != here:
            os._exit(9)  # as when the system is out of memory
        return start

    assert list(by_processes(work, range(8))) == list(range(8))
    assert "continuing with one process" in caplog.text
