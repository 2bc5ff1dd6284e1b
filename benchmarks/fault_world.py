"""The world of benchmarks/faults.py: tiny data and a tiny backbone, runs in processes of their own,
and what a run left, so that two can be compared."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED = (
    "train.lr=1e-3", "train.epochs=2", "train.batch_size=2", "train.checkpoint_minutes=1e-9",
    "train.lr_trial_epochs=1", "data.limit=4", "budget.profile=60", "decode.batch_size=1",
    "decode.max_new_tokens=12", "decode.temperature=0.8", "decode.step=auto",
    "eval.resamples=100",
    "eval.donors=1", "eval.floors=false", "eval.slices=[0,8]", 'eval.metrics=["bleu","rouge1"]',
)  # fmt: skip
VIEWS = ('eval.lift=["likelihood","texts"]', "eval.forced=true")
OWN = {
    "rag": (),
    "sft": ("train.lr=auto", "train.lr_grid=[1e-3,1e-2]", *VIEWS),
    "cot": ("method.analysis_tokens=8", *VIEWS),
    "flythinker": ('eval.controls=["zero","other-profile"]', *VIEWS),
}
"""Method → its settings besides the shared ones. rag is the quick one, without views."""


PARTS = ("record", "texts", "weights", "files")


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, or minus the number of the signal; what it printed."""

    code: int
    said: str

    @property
    def fault(self) -> str | None:
        """A traceback, where one was printed."""
        lines = self.said.strip().splitlines()
        return f"traceback: {lines[-1][:200]}" if "Traceback" in self.said else None


@dataclass(frozen=True)
class World:
    """A folder with data, backbone and everything that is tried."""

    work: Path

    def build(self) -> None:
        """Make the data and the backbone, unless they are there."""
        from tests.support.reviews import made_up_rows, write_rows
        from tests.support.saved_backbones import save_backbone

        if not (self.work / "backbone").is_dir():
            rows = {
                "train": made_up_rows("train", 6),
                "val": made_up_rows("val", 2),
                "test": made_up_rows("test", 4),
            }
            write_rows(self.work / "data" / "product_review", rows)
            save_backbone(self.work / "backbone", width=16)

    def words(self, method: str, out: Path) -> list[str]:
        """The command of a run."""
        sets = [word for each in (*SHARED, *OWN[method]) for word in ("--set", each)]
        data, backbone = self.work / "data", self.work / "backbone"
        return ["run", "--method", method, "--data", str(data), "--backbone", str(backbone),
                "--out", str(out), *sets]  # fmt: skip

    def run(self, method: str, out: Path, before: Callable[[], object] = lambda: None) -> Ended:
        """Give the command in a process of its own and wait.

        before: called there first; it may set timers and replace functions.
        """
        return self.wait(*self.start(method, out, before))

    def start(
        self, method: str, out: Path, before: Callable[[], object] = lambda: None
    ) -> tuple[int, Path]:
        """Start the command in a fork of this process: its id, and where it prints."""
        log = self.work / "logs" / f"{time.monotonic_ns()}.log"
        log.parent.mkdir(exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _command(self.words(method, out), log, before)
        return child, log

    @staticmethod
    def wait(child: int, log: Path) -> Ended:
        """Wait for a process that `start` gave."""
        _, status = os.waitpid(child, 0)
        said = log.read_text("utf-8", errors="replace")
        log.unlink()
        return Ended(os.waitstatus_to_exitcode(status), said)


def _command(words: list[str], log: Path, before: Callable[[], object]) -> None:
    """The command line in a forked process, which ends here."""
    from harness import cli

    code = 99
    try:
        handle = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1)
        os.environ["COLUMNS"] = "2000"
        sys.argv = ["harness", *words]
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        before()
        cli.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Event(ctypes.Structure):
    """What timer_create(2) takes: the signal that it sends."""

    _fields_ = (("value", ctypes.c_void_p), ("signal", ctypes.c_int), ("notify", ctypes.c_int),
                ("rest", ctypes.c_byte * 48))  # fmt: skip


class _Times(ctypes.Structure):
    """What timer_settime(2) takes: seconds and nanoseconds between signals, and to the first."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "s", "ns"))


def signal_after(seconds: float, number: int) -> Callable[[], None]:
    """Let the kernel send this process a signal after so many seconds of its processor time.

    It may be SIGKILL, which ends the process wherever it is, also inside a library's code.
    Returns what stops the timer.
    """
    libc, timer = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p()
    event = _Event(None, number, 0)
    clock = time.CLOCK_PROCESS_CPUTIME_ID
    if libc.timer_create(clock, ctypes.byref(event), ctypes.byref(timer)):
        raise OSError(ctypes.get_errno(), "timer_create")
    whole, part = divmod(max(seconds, 1e-4), 1)
    times = _Times(0, 0, int(whole), int(part * 1e9))
    if libc.timer_settime(timer, 0, ctypes.byref(times), None):
        raise OSError(ctypes.get_errno(), "timer_settime")
    return lambda: libc.timer_delete(timer)


@dataclass(frozen=True)
class Watch:
    """Watches the phases of a process on the clock of its processor time.

    phase, after: in this phase, after so many seconds, the kernel sends the signal.
    number: the signal.
    report: file for the seconds of each phase.
    """

    phase: str = ""
    after: float = 0.0
    number: int = signal.SIGKILL
    report: Path | None = None

    def __call__(self) -> None:
        """Begin to watch, in the process itself."""
        from harness.engine.clock import Phases

        real, seconds, watch = Phases.__call__, dict[str, float](), self

        @contextmanager
        def watched(phases: Phases, name: str, whole: bool = False) -> Iterator[None]:
            begin = time.process_time()
            stop = signal_after(watch.after, watch.number) if name == watch.phase else None
            with real(phases, name, whole):
                yield
            if stop is not None:
                stop()
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - begin
            if watch.report is not None:
                watch.report.write_text(json.dumps(seconds))

        Phases.__call__ = watched  # type: ignore[method-assign]


def run_folder(out: Path, method: str) -> Path:
    """The folder of the only run of a method."""
    (folder,) = (path for path in (out / "product_review" / method).iterdir()
                 if not path.name.startswith("."))  # fmt: skip
    return folder


def left(out: Path, method: str) -> dict[str, Any]:
    """What a complete run left, without times: equal runs leave the same."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from tests.support.runs import without_times

    folder = run_folder(out, method)
    record = json.loads((folder / "record.json").read_text("utf-8"))
    record.pop("command")
    weights, digest = folder / "model.safetensors", hashlib.sha256()
    try:
        for name, tensor in sorted(load_file(weights).items()) if weights.is_file() else ():
            digest.update(name.encode() + tensor.numpy().tobytes())
    except SafetensorError as error:
        digest.update(str(error).encode())
    return {
        "record": without_times(record),
        "texts": (folder / "predictions.jsonl").read_bytes(),
        "weights": digest.hexdigest(),
        "files": sorted(path.name for path in folder.iterdir()),
    }


def difference(
    found: dict[str, Any], known: dict[str, Any], parts: Collection[str] = PARTS
) -> str | None:
    """Where two results of `left` differ in these parts; None if they are equal."""
    for part in parts:
        if found[part] != known[part]:
            return f"another {part}: {_place(found[part], known[part])}"
    return None


def _place(found: Any, known: Any, place: str = "") -> str:
    if isinstance(found, dict) and isinstance(known, dict):
        for key in sorted({*found, *known}):
            if found.get(key) != known.get(key):
                return _place(found.get(key), known.get(key), f"{place}.{key}")
    return f"{place} {str(found)[:80]!r} instead of {str(known)[:80]!r}"


def clear(folder: Path) -> Path:
    """An empty place for a run."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
