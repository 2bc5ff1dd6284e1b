"""A signal ends a process, also where Python drops the exception that its handler raised."""

from __future__ import annotations

import subprocess
import sys
from subprocess import CompletedProcess

import pytest

PROGRAM = """
import os, signal, sys, time, weakref
from harness import interruption


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
interruption.AGAIN_S = {again}
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
with interruption.ended_by_exception():
    try:
        {way}()
        print("dropped", flush=True)
        {then}
    except KeyboardInterrupt as stopped:
        time.sleep({again} + 0.5)  # a signal that was sent once more would come in here
        print("saved")
        sys.exit(getattr(stopped, "exit_code", 130))
time.sleep({again} + 0.5)
print("ended")
"""


def ran(code: str) -> CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.parametrize("way", ["deleted", "referred"])
def test_a_signal_is_not_lost_where_python_drops_its_exception(way: str, name: str, code: int):
    done = ran(PROGRAM.format(way=way, name=name, then="time.sleep(30)", again=0.05))
    # sent again once: what it ended was not ended again
    assert (done.stdout.split()[-1:], done.returncode, done.stderr) == (["saved"], code, "")


def test_a_program_that_ended_meanwhile_is_not_killed():
    done = ran(PROGRAM.format(way="deleted", name="SIGTERM", then="pass", again=1.0))
    assert (done.stdout.split(), done.returncode) == (["dropped", "ended"], 0)


def test_other_dropped_exceptions_are_still_reported():
    code = PROGRAM.format(way="deleted", name="SIGTERM", then="time.sleep(1)", again=0.05)
    signal, fault = "os.kill(os.getpid(), signal.SIGTERM)", "raise ValueError('an own fault')"
    assert signal in code
    done = ran(code.replace(signal, fault))
    assert done.stdout.split() == ["dropped", "ended"]
    assert "ValueError: an own fault" in done.stderr
