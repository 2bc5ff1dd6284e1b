"""The faults of benchmarks/faults.py that are about disks: full, without inodes, and a limit on the
size of a file. Quotas need a kernel and tools that few machines have."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.fault_kinds import Case, Known, Tried, completes
from benchmarks.fault_world import Ended, World, clear


def full_disks(number: int) -> Iterator[tuple[str, Case]]:
    """A file system that is full at some point of a run, and has space again afterwards."""
    for case in range(number):
        yield (
            str(case),
            lambda world, known, c=case: _full(
                world, known, c, lambda files: _kib(files, (c + 0.5) / number), "size=64m"
            ),
        )


def no_inodes(number: int) -> Iterator[tuple[str, Case]]:
    """A file system on which no more files can be made, although it has space."""
    for case in range(number):
        yield (
            str(case),
            lambda world, known, c=case: _full(
                world, known, c, lambda files: _inodes(files, (c + 0.5) / number), "nr_inodes=10k"
            ),
        )


def _kib(files: Sequence[Path], share: float) -> str:
    most = sum(path.stat().st_blocks * 512 for path in files if path.is_file())
    return f"size={max(8, round(most * 2.2 * share / 1024))}k"


def _inodes(files: Sequence[Path], share: float) -> str:
    return f"nr_inodes={2 + round(len(files) * 1.5 * share)}"


def _full(
    world: World, known: Known, case: int, least: Callable[[Sequence[Path]], str], enough: str
) -> Tried:
    """A run on a tmpfs with too little of something, and the same command with more of it.

    least: the option of the mount that limits it, from the files that a run leaves.
    enough: the option that is enough.
    """
    method = ("sft", "flythinker")[case % 2]
    limit = least(sorted((world.work / "reference" / method).rglob("*")))
    place = clear(world.work / limit.partition("=")[0] / str(case))
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", limit, "tmpfs", str(place)], check=False
    )
    if mounted.returncode:
        return Tried(0, {}, "no file system can be mounted here")
    try:
        ended = world.run(method, place / "out")
        found = Tried(1, {_stopped(ended): 1}, ended.fault or _one_message(ended))
        subprocess.run(["mount", "-o", f"remount,{enough}", str(place)], check=True)
        found.fault = found.fault or completes(world, known, method, place / "out")
    finally:
        subprocess.run(["umount", str(place)], check=True)
    return found


def size_limits(number: int) -> Iterator[tuple[str, Case]]:
    """A limit on the size of a file (ulimit -f), as some clusters set it; then none."""
    for case in range(number):
        yield str(case), lambda world, known, c=case: _limited(world, known, c, (c + 0.5) / number)


def _limited(world: World, known: Known, case: int, share: float) -> Tried:
    method = ("sft", "flythinker")[case % 2]
    files = (world.work / "reference" / method).rglob("*")
    most = max(path.stat().st_size for path in files if path.is_file())
    least = 16_384  # what the process prints goes to a file, too
    limit = round(least + (1.2 * most - least) * share)
    out = clear(world.work / "limits" / str(case))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    ended = world.run(method, out, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard)))
    found = Tried(1, {_stopped(ended): 1}, ended.fault or _one_message(ended))
    found.fault = found.fault or completes(world, known, method, out)
    return found


def _stopped(ended: Ended) -> str:
    return "the run stopped" if ended.code else "the run went on"


def _one_message(ended: Ended) -> str | None:
    fatal = [line for line in ended.said.splitlines()
             if "expected space to write" in line and "training continues" not in line]  # fmt: skip
    if ended.code == 0 and not fatal:
        return None
    if ended.code == 2 and len(fatal) == 1:
        return None
    return f"exit code {ended.code}, {len(fatal)} messages: {ended.said[-300:]}"
