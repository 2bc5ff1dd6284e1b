"""A terminal that closes ends a process like Ctrl-C; what is to be saved is saved."""

import os
import pty
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from harness.interruption import StopRequest, Stopped, ended_by_exception

state = Path(sys.argv[1])
said = []


def say(text):
    print(text, flush=True)
    said.append(text)


with ended_by_exception():
    try:
        {body}
    except Stopped as stopped:
        print("a line for a terminal that is gone", flush=True)
        if {again}:
            os.kill(os.getpid(), signal.SIGHUP)  # the shell sends it too
        state.write_text(f"{{stopped}} {{len(said)}}")
        sys.exit(stopped.exit_code)
"""
STEPS = """
        with StopRequest(say) as request:
            state.write_text("begun")
            while not request.asked:
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGHUP)
"""
ANYWHERE = """
        state.write_text("begun")
        time.sleep(60)
"""


def begin(program: str, state: Path, terminal: int | None = None, handler=signal.SIG_DFL):
    """A process at work; with a terminal, one that has this terminal alone."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(state)], stdin=terminal, stdout=terminal,
        stderr=terminal, preexec_fn=partial(signal.signal, signal.SIGHUP, handler),
    )  # fmt: skip
    while not state.exists() or state.read_text() != "begun":
        assert process.poll() is None
    return process


@pytest.mark.parametrize(("body", "said"), [(STEPS, 1), (ANYWHERE, 0)], ids=["steps", "anywhere"])
def test_a_closed_terminal_stops_a_process_once_and_breaks_no_output(tmp_path, body, said):
    state = tmp_path / "state"
    ours, theirs = pty.openpty()
    process = begin(PROGRAM.format(body=body, again=True), state, theirs)
    os.close(theirs)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 129
    assert state.read_text() == f"SIGHUP {said}"


def test_a_process_under_nohup_goes_on(tmp_path):
    state = tmp_path / "state"
    ends = ANYWHERE.replace("60", "1") + '        state.write_text("to the end")\n'
    process = begin(PROGRAM.format(body=ends, again=False), state, handler=signal.SIG_IGN)
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    assert state.read_text() == "to the end"
