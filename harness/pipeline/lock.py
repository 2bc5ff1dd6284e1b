"""One process at a time works on a run: others are refused with the holder's name."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import UsageError
from harness.record.durable import DRAFT_ENDING, remove
from harness.record.state import read_state, write_state

LAUNCHERS = (("WORLD_SIZE", "RANK"), ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
             ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"))  # fmt: skip
"""Environment variables in which launchers give the number of processes, and which one this is."""
RENDEZVOUS = ("RANK", "MASTER_ADDR", "MASTER_PORT")
"""What a process of several must know besides their number."""
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of a folder that this user cannot write, and of a file system that is read-only."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's lock; the operating system frees it when the process ends, however it ends.

    folder: the run's; the lock is a hidden file beside it, so that the folder can be replaced.

    Raises UsageError, naming the holder, if another process has the lock. In a folder that cannot
    be written there is no lock, because nothing there can change.
    """
    path = folder.with_name(f".{folder.name}.lock")
    holder = path.with_suffix(".json")
    lock = FileLock(path, timeout=0)
    new = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder}: {_holder(holder)} is working on this run; expected one process at a time."
            " Wait for it or stop it; another --seed or --out is another run"
        ) from None
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        yield
        return
    try:
        write_state(holder, {"pid": str(os.getpid()), "host": socket.gethostname(),
                            "since": datetime.now(UTC).isoformat(timespec="seconds"),
                            "command": " ".join(sys.argv)[:200]})  # fmt: skip
        for draft in folder.glob(f"*.*{DRAFT_ENDING}"):  # of a process killed while it saved
            remove(draft)
        for old in folder.glob("*.*.part"):  # of an earlier version; a folder is a checkpoint's
            if old.is_file():
                old.unlink()
        yield
    finally:
        holder.unlink(missing_ok=True)
        if not folder.exists():  # a run that was refused leaves nothing
            path.unlink(missing_ok=True)
        lock.release()  # otherwise the file stays: without it, two others could lock two files
        with suppress(OSError):
            for parent in new:
                parent.rmdir()


def _holder(path: Path) -> str:
    found = read_state(dict[str, str], path, lambda message: None)
    if found is None:
        return "another process"
    return (
        f"process {found['pid']} on {found['host']} ({found['command']}), begun {found['since']},"
    )


def launched_together(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher started this process together with others, which a run can use.

    environment: where launchers (torchrun, accelerate, srun, mpirun) leave their numbers.

    Raises UsageError where the launcher does not say how the processes find each other.
    """
    if environment.get("WORLD_SIZE", "1") not in ("", "0", "1"):
        absent = [name for name in RENDEZVOUS if not environment.get(name)]
        if absent:
            raise UsageError(
                f"WORLD_SIZE is {environment['WORLD_SIZE']}, and {', '.join(absent)} not set;"
                " expected all of them, as torchrun and accelerate launch set them"
                "\n  mend      torchrun --nproc-per-node N -m harness run …"
            )
        return True
    refuse_several_processes(environment)
    return False


def refuse_several_processes(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UsageError in a process that a launcher started together with others.

    environment: as above.
    """
    for size, rank in LAUNCHERS:
        if environment.get(size, "1") not in ("", "0", "1"):
            raise UsageError(
                f"this is process {environment.get(rank, '?')} of {environment[size]} ({size});"
                " expected one process. Only `harness run` may be started by torchrun or accelerate"
                " launch; `harness sweep --processes N` gives each run its own. Leave out srun -n"
                " and mpirun"
            )
