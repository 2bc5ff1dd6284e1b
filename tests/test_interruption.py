"""A signal ends a process, also where Python drops the exception that its handler raised."""

from __future__ import annotations

import subprocess
import sys
from subprocess import CompletedProcess

import pytest

PROGRAM = """
import os, signal, sys, time, weakref
from harness.interruption import Stopped, ended_by_exception


def signalled(*_):
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)  # the exception comes in here, and goes no further


class Deleted:
    __del__ = signalled


class Referred:
    pass


def deleted():
    Deleted()


def referred():
    target = Referred()
    kept.append(weakref.ref(target, signalled))


kept = []
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
try:
    with ended_by_exception():
        {way}()
        print("dropped", flush=True)
        {then}
        print("went on")
except KeyboardInterrupt as stopped:
    time.sleep(0.5)  # ten times as long as a signal waits to be sent again
    print("saved")
    sys.exit(getattr(stopped, "exit_code", 130))
"""


def ran(way: str, name: str, then: str) -> CompletedProcess[str]:
    code = PROGRAM.format(way=way, name=name, then=then)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.parametrize("way", ["deleted", "referred"])
def test_a_signal_is_not_lost_where_python_drops_its_exception(way: str, name: str, code: int):
    done = ran(way, name, "time.sleep(30)")
    # sent again once: what it ended was not ended again
    assert (done.stdout.split(), done.returncode, done.stderr) == (["dropped", "saved"], code, "")


def test_a_program_that_ended_meanwhile_is_not_killed():
    done = ran("deleted", "SIGTERM", "'nothing is left to do'")
    assert (done.stdout.split("\n"), done.returncode) == (["dropped", "went on", ""], 0)


def test_other_dropped_exceptions_are_still_reported():
    code = PROGRAM.format(way="deleted", name="SIGTERM", then="time.sleep(1)")
    code = code.replace("os.kill(os.getpid(), signal.SIGTERM)", "raise ValueError('an own fault')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.split("\n") == ["dropped", "went on", ""]
    assert "ValueError: an own fault" in done.stderr
