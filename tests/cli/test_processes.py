"""--processes: what is refused, how a failed process is reported. Real processes are slow tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.cli.processes import LOST, _reason, followed, processes_of
from harness.engine.devices import devices
from harness.engine.ranks import Ranks
from harness.errors import UsageError, is_lost_process, mendable
from harness.pipeline.lock import launched_together
from harness.record import Record, read_predictions, read_record
from harness.settings import ModelSettings

CLOSED = RuntimeError("[/gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]:5")


def test_a_number_of_processes_that_cannot_be_is_refused():
    assert processes_of(None, False) == 1
    assert processes_of(3, False) == 3
    assert processes_of(2, True, {"WORLD_SIZE": "2"}) == 1
    with pytest.raises(UsageError, match=r"--processes 0; expected 1 or more"):
        processes_of(0, False)
    with pytest.raises(UsageError, match=r"--processes 3 in one of 2 processes \(WORLD_SIZE\)"):
        processes_of(3, True, {"WORLD_SIZE": "2"})


def test_a_launcher_must_say_how_its_processes_find_each_other():
    there = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    assert launched_together(there)
    assert not launched_together({"WORLD_SIZE": "1"})
    with pytest.raises(UsageError, match=r"WORLD_SIZE is 2, and RANK, MASTER_PORT not set"):
        launched_together({"WORLD_SIZE": "2", "MASTER_ADDR": "localhost"})
    with pytest.raises(UsageError, match=r"leave out srun -n and mpirun"):
        launched_together({"SLURM_STEP_NUM_TASKS": "2"})


class Ended:
    def __init__(self, code: int | None) -> None:
        self.returncode = code


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ((0, 0), None),
        ((2, 2), None),  # the first process has said why
        ((LOST, 1), "process 1 of 2 ended with exit code 1\n  RuntimeError: boom"),
        ((None, -9), "process 1 of 2 was ended by SIGKILL (memory?)\n  RuntimeError: boom"),
        ((-9, LOST), "process 0 of 2 was ended by SIGKILL (memory?)"),
        ((LOST, LOST), "a process of 2 was lost"),
    ],
)
def test_one_message_says_which_process_failed(
    tmp_path: Path, codes: tuple[int | None, ...], said: str | None
):
    logs = [tmp_path / "0", tmp_path / "1"]
    logs[0].touch()
    logs[1].write_text("[W123 socket.cpp] a warning\nRuntimeError: boom\n")
    children: Any = [Ended(code) for code in codes]
    assert _reason(children, logs) == said


def test_a_process_whose_first_one_ended_leaves_without_a_word():
    def closed() -> None:
        raise CLOSED

    with pytest.raises(SystemExit) as left:
        followed([closed])
    assert left.value.code == LOST
    assert is_lost_process(CLOSED)
    assert not is_lost_process(RuntimeError("shape"))
    assert "another process of this run has ended" in (mendable(CLOSED) or "")


@pytest.mark.parametrize(
    ("asked", "gpus", "given"),
    [("auto", 0, "cpu"), ("cpu", 4, "cpu"), ("auto", 2, "cuda:1"), ("cuda", 4, "cuda:1")],
)
def test_each_process_has_a_device(
    monkeypatch: pytest.MonkeyPatch, asked: str, gpus: int, given: str
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpus > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert devices(ModelSettings(device=asked), Ranks(1, 2, 1, 2)) == [torch.device(given)]


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(UsageError, match=r"2 processes on a machine with 1 GPUs; expected a GPU"):
        devices(ModelSettings(), Ranks(0, 2, 0, 2))
    with pytest.raises(UsageError, match=r"'cuda:1' with 2 processes; expected auto, cpu or cuda"):
        devices(ModelSettings(device="cuda:1"), Ranks(0, 2, 0, 2))


# Real processes

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


@pytest.mark.slow
def test_two_processes_make_the_records_of_one(tmp_path: Path, reviews: Path, backbone: Path):
    both = [*VIEWS, "train.profile_dropout=0"]
    one = command(HARNESS, words(reviews, backbone, tmp_path / "one", *both, method="all"))
    two = command(
        HARNESS,
        words(reviews, backbone, tmp_path / "two", *both, "--processes", "2", method="all"),
    )
    assert (one.returncode, two.returncode) == (0, 0), two.stderr[-3000:]
    alone, together = records(tmp_path / "one"), records(tmp_path / "two")
    assert len(alone) == len(together) == 6
    flips = 0
    for method, (record, texts) in together.items():
        known, known_texts = alone[method]
        assert record.run_id == known.run_id
        assert (record.device.processes, known.device.processes) == (2, 1)
        flips += sum(a != b for a, b in zip(texts, known_texts, strict=True))
        if known.training is not None:
            pairs = zip(losses(record), losses(known), strict=True)
            assert all(abs(a - b) < 1e-5 for a, b in pairs), method
            assert record.training is not None
            assert record.training.val_loss == pytest.approx(known.training.val_loss, abs=1e-5)
        for example, values in record.examples.items():
            other = known.examples[example]
            assert values.likelihood is not None
            assert other.likelihood is not None
            assert values.likelihood.mean == pytest.approx(other.likelihood.mean, abs=1e-4)
        assert (record.forced is None) == (known.forced is None)
        assert (record.controls is None) == (known.controls is None)
        assert not list((tmp_path / "two").glob("**/evaluation.jsonl"))
    assert flips <= 1  # of 48 float32 texts; none when this was written
    again = command(HARNESS, words(reviews, backbone, tmp_path / "two", *both, method="all"))
    assert "complete" in again.stdout + again.stderr or again.returncode == 0


@pytest.mark.slow
def test_two_processes_run_the_built_in_benchmark(tmp_path: Path):
    sets = ["train.lr=1e-3", "train.epochs=1", "decode.max_new_tokens=40", "decode.batch_size=3"]
    given = ["run", "--method", "flythinker", "--limit", "8", "--train-limit", "16"]
    asked = [*given, "--out", str(tmp_path), *(word for one in sets for word in ("--set", one))]
    done = command(HARNESS, [*asked, "--processes", "2"])
    assert done.returncode == 0, done.stderr[-3000:]
    found = records(tmp_path)["flythinker"][0]
    assert found.device.processes == 2
    assert found.n.scored == 8
    assert found.inference is not None
    assert found.inference.batches_timed == 3
    assert done.stdout.count("record: ") == 1
    again = command(HARNESS, asked)  # one process shows what two have made
    assert again.returncode == 0
    assert "record: " in again.stdout


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_launchers_of_others_start_the_processes(
    tmp_path: Path, reviews: Path, backbone: Path, launcher: tuple[str, ...]
):
    done = command(
        launcher, words(reviews, backbone, tmp_path, "train.sharding=full", method="sft")
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("record: ") == 1
    ((record, _),) = records(tmp_path).values()
    assert record.device.processes == 2


def begun(tmp_path: Path, asked: Sequence[str], there: str) -> subprocess.Popen[str]:
    """A command of two processes whose run's folder has the file `there`."""
    process = subprocess.Popen(
        [*HARNESS, *asked, "--processes", "2"], env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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


LONG = ("train.epochs=40", "train.checkpoint_minutes=1e-6", "train.sharding=full")


@pytest.mark.slow
def test_a_killed_run_is_resumed_by_one_process_and_by_two(
    tmp_path: Path, reviews: Path, backbone: Path
):
    asked = words(reviews, backbone, tmp_path / "cut", *LONG, "eval.relative=false", method="sft")
    process = begun(tmp_path / "cut", asked, "checkpoint/progress.json")
    pids = children(process)
    assert len(pids) == 2
    process.kill()  # the children notice that their parent is gone
    process.communicate()
    assert gone(pids)
    assert list((tmp_path / "cut").glob("*/*/*/checkpoint/*.safetensors"))
    shutil.copytree(tmp_path / "cut", tmp_path / "cut-two")
    whole = [each.replace(str(tmp_path / "cut"), str(tmp_path / "whole")) for each in asked]
    two = [each.replace(str(tmp_path / "cut"), str(tmp_path / "cut-two")) for each in asked]
    for words_ in (whole, asked, [*two, "--processes", "2"]):
        done = command(HARNESS, words_)
        assert done.returncode == 0, done.stderr[-3000:]
    ((known, texts),) = records(tmp_path / "whole").values()
    for name in ("cut", "cut-two"):
        ((record, found),) = records(tmp_path / name).values()
        assert len(losses(record)) == len(losses(known))
        gaps = [abs(a - b) for a, b in zip(losses(record), losses(known), strict=True)]
        assert max(gaps[:20]) < 1e-5, name
        assert len(found) == len(texts)


@pytest.mark.slow
def test_two_processes_search_a_rate_shard_the_model_and_keep_bfloat16(
    tmp_path: Path, reviews: Path, backbone: Path
):
    more = (
        "train.lr=auto", "train.lr_grid=[1e-3,1e30,3e-3]", "train.lr_trial_epochs=2",
        "train.weights=bfloat16", "train.sharding=full",
    )  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    alone = command(HARNESS, words(reviews, backbone, one, *more))
    together = command(HARNESS, words(reviews, backbone, two, *more, "--processes", "2"))
    assert (alone.returncode, together.returncode) == (0, 0), together.stderr[-3000:]
    assert "lr 1e+30 diverged" in together.stderr
    ((known, texts),), ((record, found),) = records(one).values(), records(two).values()
    assert record.run_id == known.run_id  # sharding and the number of processes name no run
    assert record.training is not None
    assert known.training is not None
    assert known.training.lr_search is not None
    assert record.training.lr == known.training.lr
    assert max(abs(a - b) for a, b in zip(losses(record), losses(known), strict=True)) < 1e-4
    (place,) = two.glob("*/*/*/model.safetensors")
    assert {tensor.dtype for tensor in load_file(place).values()} == {torch.bfloat16}
    assert len(found) == len(texts)
    # the record is of the weights that were saved
    (run,) = (path.parent for path in two.glob("*/*/*/record.json"))
    (run / "record.json").rename(run / "kept.json")
    again = command(HARNESS, words(reviews, backbone, two, *more))
    assert again.returncode == 0, again.stderr[-3000:]
    kept = json.loads((run / "kept.json").read_text())
    loaded = read_record(run)
    assert kept["backbone"]["weights"] == loaded.backbone.weights
    assert records(two)["flythinker"][1] == found


@pytest.mark.slow
def test_a_kill_in_generation_keeps_what_was_generated(
    tmp_path: Path, reviews: Path, backbone: Path
):
    more = ("decode.max_new_tokens=300", "decode.batch_size=1", "budget.target=300")
    asked = words(reviews, backbone, tmp_path, *more, method="rag")
    process = begun(tmp_path, asked, "predictions.jsonl")
    pids = children(process)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    (path,) = tmp_path.glob("*/*/*/predictions.jsonl")
    before = path.read_text().splitlines()
    done = command(HARNESS, [*asked, "--processes", "2"])
    assert done.returncode == 0, done.stderr[-3000:]
    after = path.read_text().splitlines()
    assert len(after) == 8
    assert 2 <= len(before) < 8  # whole rounds of two batches of one text
    assert len(before) % 2 == 0
    assert after[: len(before)] == before


@pytest.mark.slow
def test_a_process_that_dies_ends_all_with_one_message(
    tmp_path: Path, reviews: Path, backbone: Path
):
    asked = words(reviews, backbone, tmp_path, *LONG, method="sft")
    process = begun(tmp_path, asked, "checkpoint/progress.json")
    pids = children(process)
    os.kill(pids[1], signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "process 1 of 2 was ended by SIGKILL (memory?)" in err
    assert "All processes were ended. Kept: the last checkpoint of training" in err
    assert "To go on: harness run --method sft" in err
    assert "Traceback" not in out + err
    assert gone(pids)


@pytest.mark.slow
@pytest.mark.parametrize("sharding", ["none", "full"])
def test_a_signal_saves_a_checkpoint_and_ends_all(
    tmp_path: Path, reviews: Path, backbone: Path, sharding: str
):
    more = (
        "train.epochs=2000", "train.checkpoint_minutes=0.001", f"train.sharding={sharding}"
    )  # fmt: skip
    asked = words(reviews, backbone, tmp_path, *more, method="sft")
    process = begun(tmp_path, asked, "checkpoint/progress.json")
    pids = children(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopping: saving a checkpoint after this step" in err
    assert "Stopped. Kept: the last checkpoint of training" in err
    assert "Traceback" not in out + err
    assert gone(pids)
    (progress,) = tmp_path.glob("*/*/*/checkpoint/progress.json")
    assert json.loads(progress.read_text())["value"]["log"]["curve"]


@pytest.mark.slow
def test_a_model_behind_an_api_has_one_process(tmp_path: Path, reviews: Path):
    server = "openai:http://127.0.0.1:9/v1#some-model"
    asked = ["run", "--method", "rag", "--data", str(reviews), "--backbone", server]
    done = command(HARNESS, [*asked, "--out", str(tmp_path), "--processes", "2"])
    assert done.returncode == 2
    assert "is a model behind an API; expected one process" in done.stderr
    assert done.stderr.count("UsageError") == 1
