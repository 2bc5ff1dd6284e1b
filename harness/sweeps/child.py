"""`python -m harness.sweeps.child ARGUMENTS`: the harness command, killed if its worker is.

Without this, the run of a killed worker would go on and hold the lock that the next attempt needs.
"""

from __future__ import annotations

import ctypes
import runpy
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends. Linux alone has this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


if __name__ == "__main__":
    die_with_parent()
    runpy.run_module("harness", run_name="__main__")
