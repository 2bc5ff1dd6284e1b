"""`--processes N`: start N processes of this command, watch them, and end all when one fails."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from harness.cli.options import RESUMED, stopped_message
from harness.cli.screen import command_line, screen
from harness.data.processes import available_cores
from harness.errors import UsageError, is_lost_process
from harness.interruption import handled, note

PARENT = "HARNESS_PARENT_PIPE"
"""Environment variable of a process that was started here: a pipe that closes with the parent."""
LOST = 75
"""Exit code of a process that ended because another one had ended."""
PATIENCE_S = 20.0
"""Seconds for the other processes to end by themselves."""
LINES = 15
"""Lines shown of what a process printed before it failed."""


def processes_of(
    asked: int | None, launched: bool, environment: Mapping[str, str] = os.environ
) -> int:
    """How many processes to start; 1 in a process that was started together with others.

    asked: --processes. launched: whether it was. Raises UsageError for a number that cannot be.
    """
    if asked is not None and asked < 1:
        raise UsageError(f"--processes {asked}; expected 1 or more")
    if not launched:
        return asked or 1
    if asked not in (None, int(environment["WORLD_SIZE"])):
        raise UsageError(
            f"--processes {asked} in one of {environment['WORLD_SIZE']} processes (WORLD_SIZE);"
            " expected the same number. Leave out --processes where a launcher starts them"
        )
    return 1


def start(count: int) -> int:
    """Run this command in `count` processes; the exit code of the first one.

    The first one prints, and gets the signals that this process gets. If another one fails, all are
    ended, and one message says why; then the exit code is 1.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reading, writing = os.pipe()
    with TemporaryDirectory(prefix="harness-") as folder:
        logs = [Path(folder) / f"{index}.log" for index in range(count)]
        children = [_child(index, count, port, reading, log) for index, log in enumerate(logs)]
        os.close(reading)
        try:
            with _forwarded(children) as signals:
                _wait(children)
            reason = _reason(children, logs) if len(signals) < 2 else None
        finally:
            for child in children:
                child.kill()
                child.wait()
            os.close(writing)
    if len(signals) > 1:
        screen(stderr=True).print(stopped_message("run"))
        return 128 + signals[0]
    if reason is None:
        return children[0].returncode
    again = command_line().replace(" --fresh", "")
    screen(stderr=True).print(
        f"{reason}\nAll processes were ended. Kept: {RESUMED['run']}. To go on: {again}"
    )
    return 1


def _child(index: int, count: int, port: int, pipe: int, log: Path) -> subprocess.Popen[bytes]:
    """Start one process. The first one has this terminal, the others write to a file."""
    threads = str(max(1, available_cores() // count))
    numbers = {
        "RANK": index, "LOCAL_RANK": index, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, PARENT: pipe,
    }  # fmt: skip
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    environment = {"OMP_NUM_THREADS": threads, **loopback, **os.environ}
    environment |= {name: str(value) for name, value in numbers.items()}
    command = [sys.executable, "-m", "harness", *sys.argv[1:]]
    with log.open("wb") as file:
        output = None if index == 0 else file
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=[pipe], start_new_session=True,
        )  # fmt: skip


@contextmanager
def _forwarded(children: Sequence[subprocess.Popen[bytes]]) -> Iterator[list[int]]:
    """Inside, a first signal goes to the first process, which saves and ends; a second ends all.

    Yields the signals so far.
    """
    signals = list[int]()

    def forward(number: int, frame: FrameType | None) -> None:
        note(number)
        for child in children if signals else children[:1]:
            child.send_signal(signal.SIGKILL if signals else number)
        signals.append(number)

    with handled(forward):
        yield signals


def _wait(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until all have ended, or a while after the first one ended or another one failed."""
    first, others = children[0], children[1:]
    while first.poll() is None and not any(child.poll() for child in others):
        time.sleep(0.1)
    until = time.monotonic() + (PATIENCE_S if first.poll() is None else PATIENCE_S / 4)
    while time.monotonic() < until and any(child.poll() is None for child in children):
        time.sleep(0.1)


def _reason(children: Sequence[subprocess.Popen[bytes]], logs: Sequence[Path]) -> str | None:
    """Why a process failed that is not the first one, or that could not say so itself."""
    codes = [child.returncode for child in children]
    if codes[0] not in (None, LOST) and codes[0] >= 0:
        return None  # it has said so
    for index, code in enumerate(codes):
        if code not in (None, 0, LOST):
            how = f"ended with exit code {code}"
            if code < 0:
                name = signal.Signals(-code).name
                how = f"was ended by {name}" + " (memory?)" * (code == -signal.SIGKILL)
            said = logs[index].read_text("utf-8", "replace").strip().splitlines()[-LINES:]
            said = [line for line in said if not line.startswith("[W")]  # gloo's warnings
            return "\n".join([f"process {index} of {len(codes)} {how}", *(f"  {s}" for s in said)])
    return f"a process of {len(codes)} was lost"


def watch_parent() -> None:
    """End this process if the one that started it is killed; it can then not be stopped by hand."""
    if PARENT not in os.environ:
        return
    pipe = int(os.environ[PARENT])

    def wait() -> None:
        os.read(pipe, 1)  # nothing ever comes: it returns when the parent has ended
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(6 * PATIENCE_S)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def followed(runs: Sequence[Callable[[], None]]) -> None:
    """Do the runs in a process that is not the first one; without a word if that one ended."""
    try:
        for run in runs:
            run()
    except RuntimeError as error:
        if is_lost_process(error):
            raise SystemExit(LOST) from None
        raise
