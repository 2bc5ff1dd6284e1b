"""What a job's log says: how far it is, and why it failed."""

from __future__ import annotations

import re
from pathlib import Path

STEP = re.compile(rb"^(\S[^\n/]*?) (\d+)/(\d+) ", re.MULTILINE)
"""A line of progress, as harness.progress prints it without a terminal: `training 3/50 loss 2`."""
READ = 4096


def progress(log: Path) -> str:
    """The last step that a log tells of, e.g. `training 3/50`; "" if there is none yet."""
    found = STEP.findall(_end(log))
    return b"%s %s/%s".__mod__(found[-1]).decode(errors="replace") if found else ""


def last_message(log: Path) -> str:
    """The last message of a log that says what went wrong; "" without one."""
    lines = _end(log).decode(errors="replace").splitlines()
    errors = [line for line in lines if re.match(r"\w*(Error|Exception|Interrupt)\b.*:", line)]
    return (errors or [line for line in lines if line.strip()] or [""])[-1].strip()


def _end(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - READ, 0))
            return file.read()
    except OSError:
        return b""
