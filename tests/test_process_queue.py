"""The queue of processes: order, failures, cores, an end in time, signals."""

import os

import pytest

from benchmarks import process_queue
from benchmarks.process_queue import Job, run_all
from harness.errors import UsageError
from harness.sweeps import worker


@pytest.fixture
def statements(monkeypatch):
    """Jobs are Python statements."""
    monkeypatch.setattr(worker, "RUN", ("-c", "import sys; exec(sys.argv[1])"))
    monkeypatch.setattr(process_queue, "LOOK_S", 0.01)


def job(name, statement, *needs):
    return Job(name, lambda: [statement], frozenset(needs))


def test_the_queue_runs_what_is_ready_and_reports_a_failure(statements, tmp_path, capsys):
    jobs = [
        job("last", f"open(r'{tmp_path}/order', 'a').write('last ')", "first", "wrong"),
        job("first", f"open(r'{tmp_path}/order', 'a').write('first ')"),
        job("wrong", "print('the reason'); sys.exit(3)"),
        Job("known", lambda: None),
    ]
    assert run_all(jobs, 2, tmp_path / "logs") == 1
    assert (tmp_path / "order").read_text() == "first last "
    shown = capsys.readouterr()
    assert "failed   wrong: exit code 3 after 0 s" in shown.out
    assert "    the reason" in shown.out
    assert shown.err == "failed: 1\n  wrong\n"
    assert [line.split("s  ")[1] for line in shown.out.splitlines() if "known" in line] == [
        "done     known"
    ]


def test_a_job_whose_command_is_refused_fails_alone(statements, tmp_path, capsys):
    def refuse():
        raise UsageError("no choice yet")

    jobs = [Job("refused", refuse), job("other", "pass")]
    assert run_all(jobs, 1, tmp_path) == 1
    shown = capsys.readouterr().out
    assert "failed   refused: no choice yet" in shown
    assert "done     other: 0 s" in shown


def test_no_more_than_so_many_run_at_once_and_each_has_its_cores(statements, tmp_path):
    cores = len(os.sched_getaffinity(0))
    write = (
        "import os, pathlib, time; here = pathlib.Path(r'{0}'); me = here / str(os.getpid());"
        "me.touch(); time.sleep(0.05); print(len(list(here.glob('[0-9]*'))),"
        " os.environ['OMP_NUM_THREADS']); me.unlink()"
    )
    jobs = [job(f"j{number}", write.format(tmp_path)) for number in range(5)]
    assert run_all(jobs, 2, tmp_path / "logs") == 0
    found = [path.read_text().split() for path in (tmp_path / "logs").iterdir()]
    assert max(int(count) for count, _ in found) <= 2
    assert {threads for _, threads in found} == {str(max(1, cores // 2))}


def test_after_its_seconds_nothing_begins(statements, tmp_path, capsys):
    jobs = [job("first", "import time; time.sleep(0.3)"), job("second", "pass")]
    assert run_all(jobs, 1, tmp_path, seconds=0.1) == 0
    shown = capsys.readouterr().out
    assert "done     first" in shown
    assert "left: 1; the same command goes on\n  second" in shown


def test_a_signal_stops_what_runs_and_says_what_is_left(statements, tmp_path, capsys):
    stop = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    jobs = [job("first", stop), job("second", "pass")]
    assert run_all(jobs, 1, tmp_path) == 130
    shown = capsys.readouterr().out
    assert "stopping first" in shown
    assert "left: 2; the same command goes on\n  first\n  second" in shown
