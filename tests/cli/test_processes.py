"""--processes: what is refused, how a failed process is reported. Real processes are slow tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli.processes import LOST, _reason, followed, processes_of
from harness.engine.devices import devices
from harness.engine.ranks import Ranks
from harness.errors import UsageError, is_lost_process, mendable
from harness.pipeline.lock import launched_together
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
    with pytest.raises(UsageError, match=r"Leave out srun -n and mpirun"):
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
