"""Real commands of several processes, for slow tests: what they are given, and what they left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from harness.record import Record, read_predictions, read_record

VIEWS = (
    "eval.forced=true", 'eval.lift=["likelihood","texts"]', "eval.donors=1", "eval.controls=all",
)  # fmt: skip


def words(
    data: Path, backbone: Path, out: Path, *more: str, method: str = "flythinker"
) -> list[str]:
    sets = [
        "train.lr=1e-3", "train.epochs=2", "train.batch_size=3", "budget.profile=80",
        "decode.max_new_tokens=12", "decode.batch_size=2", "eval.resamples=100",
        "eval.floors=false", 'eval.metrics=["bleu","rouge1"]',
        *(each for each in more if "=" in each),
    ]  # fmt: skip
    rest = [each for each in more if "=" not in each]
    options = ["--method", method, "--data", str(data), "--backbone", str(backbone)]
    return ["run", *options, "--out", str(out), *rest, *(w for s in sets for w in ("--set", s))]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def command(launcher: Sequence[str], asked: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*launcher, *asked], env=environment(), capture_output=True, text=True, timeout=900
    )


HARNESS = (sys.executable, "-m", "harness")
LAUNCH = ("--nproc-per-node", "2", "-m", "harness")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", *LAUNCH)
ACCELERATE = (
    sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
    "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "-m", "harness",
)  # fmt: skip


def records(out: Path) -> dict[str, tuple[Record, list[tuple[str, str]]]]:
    return {
        path.parents[1].name: (
            read_record(path.parent),
            [(text.id, text.output) for text in read_predictions(path.parent)],
        )
        for path in sorted(out.glob("*/*/*/record.json"))
    }


def losses(record: Record) -> list[float]:
    assert record.training is not None
    return [step.loss for step in record.training.curve]


def begun(tmp_path: Path, asked: Sequence[str], there: str) -> subprocess.Popen[str]:
    """A command of two processes whose run's folder has the file `there`."""
    process = subprocess.Popen(
        [*HARNESS, *asked, "--processes", "2"], env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored under nohup
    )  # fmt: skip
    until = time.monotonic() + 300
    while not list(tmp_path.glob(f"*/*/*/{there}")):
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


def children(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return sorted(map(int, listed.split()))


def gone(pids: Sequence[int]) -> bool:
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)
