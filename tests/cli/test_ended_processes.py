"""Two processes of which one is killed, dies or gets a signal. Real commands: slow."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.real_processes import (
    HARNESS,
    begun,
    children,
    command,
    gone,
    losses,
    records,
    words,
)

pytestmark = pytest.mark.slow
LONG = ("train.epochs=40", "train.checkpoint_minutes=1e-6", "train.sharding=full")


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
