"""One process at a time works on a run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock

from harness.engine import CausalLM, adapter_folders, weight_files
from harness.engine.adapter_folders import save_adapters
from harness.engine.adapters import add_adapters
from harness.engine.weight_files import save_weights
from harness.errors import UsageError
from harness.pipeline.lock import locked, refuse_several_processes
from harness.record import PREDICTIONS
from harness.settings import ModelSettings
from tests.support.runs import go, settings, texts
from tests.support.tiny import tiny

HOLDER = """
import os, sys, time
from pathlib import Path
from harness.pipeline.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_and_told_who_works_on_the_run(tmp_path: Path):
    folder = tmp_path / "sft" / "s0-abc"
    with locked(folder), pytest.raises(UsageError) as refused, locked(folder):
        pytest.fail("two holders")
    assert f"process {os.getpid()} on " in str(refused.value)
    assert "is working on this run; expected one process at a time" in str(refused.value)
    with locked(folder), locked(tmp_path / "sft" / "s1-abc"):
        pass


def test_drafts_of_a_killed_process_are_removed(tmp_path: Path):
    folder = tmp_path / "s0-abc"
    for name in ("checkpoint.part", "lr-checkpoint-0.01.part"):
        (folder / name).mkdir(parents=True)
    (folder / "writing.json.123.draft").write_text("{")
    (folder / "writing.json").write_text("{}")
    with locked(folder):
        left = {path.name for path in folder.iterdir()}
    assert left == {"checkpoint.part", "lr-checkpoint-0.01.part", "writing.json"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("save", [save_weights, save_adapters])
def test_what_a_kill_amid_saving_leaves_is_removed(save, tmp_path: Path, monkeypatch):
    def killed(tensors, target, *about):  # safetensors writes through a file beside its target
        Path(target).with_name(".tmpAbC").write_bytes(b"half")
        raise Killed

    for module in (weight_files, adapter_folders):
        monkeypatch.setattr(module, "save_file", killed)
    monkeypatch.setattr(weight_files, "written_whole", nullcontext)  # the killed tidy nothing
    lm = CausalLM(tiny())
    add_adapters(lm, ModelSettings(adapter="lora"), seed=0)
    with pytest.raises(Killed):
        save(lm, tmp_path / "run" / "saved")
    assert len([*tmp_path.rglob(".tmpAbC")]) == 1
    with locked(tmp_path / "run"):
        assert not [*(tmp_path / "run").iterdir()]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path):
    folder = tmp_path / "s0-abc"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=f"process {process.pid} "), locked(folder):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with locked(folder):
        pass


def test_a_run_that_another_process_holds_is_left_alone(tmp_path: Path, reviews: Path, backbone):
    first = go(tmp_path, reviews, backbone, "nonpers")
    before = (first.folder / PREDICTIONS).read_bytes()
    with locked(first.folder), pytest.raises(UsageError, match="is working on this run"):
        go(tmp_path, reviews, backbone, "nonpers")
    assert (first.folder / PREDICTIONS).read_bytes() == before
    assert go(tmp_path, reviews, backbone, "nonpers").repeated


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_needs_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refuse(self: FileLock) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with locked(tmp_path / "s0-abc"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"WORLD_SIZE": "2", "RANK": "1"}, r"process 1 of 2 \(WORLD_SIZE\)"),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}, "process 0 of 4"),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}, "process 1 of 2"),
    ],
)
def test_processes_of_a_launcher_are_refused(environment: dict[str, str], what: str):
    with pytest.raises(UsageError, match=what) as refused:
        refuse_several_processes(environment)
    assert "`harness sweep --processes N` gives each run its own" in str(refused.value)


@pytest.mark.parametrize(
    "environment",
    [{}, {"WORLD_SIZE": "1"}, {"SLURM_NTASKS": "4"}, {"SLURM_STEP_NUM_TASKS": "1"}],
)
def test_one_process_of_a_launcher_runs(environment: dict[str, str]):
    refuse_several_processes(environment)


def test_the_command_line_refuses_several_processes(call, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = call("ablate", "--over", "lam=0,1", "--dry-run")
    assert (code, "expected one process" in err) == (2, True)
    code, _, err = call("run", "--method", "rag", "--dry-run")
    assert (code, "RANK, MASTER_ADDR, MASTER_PORT not set" in err) == (2, True)


def test_texts_that_were_written_twice_count_once_and_are_mended(
    tmp_path: Path, reviews: Path, backbone, capsys
):
    whole = go(tmp_path, reviews, backbone, "nonpers")
    path = whole.folder / PREDICTIONS
    lines = path.read_text("utf-8")
    path.write_text(lines * 2, "utf-8")
    assert texts(whole) == [
        (text_id, sample, output) for text_id, sample, output in dict.fromkeys(texts(whole))
    ]
    assert len(texts(whole)) == len(lines.splitlines())
    (whole.folder / "record.json").unlink()
    chosen = settings(reviews, backbone, "nonpers")
    from harness.pipeline.single import run
    from harness.progress import Bars

    run(chosen, "nonpers", tmp_path / "results", bars=Bars())
    assert path.read_text("utf-8") == lines
    assert "8 texts found twice; keeping the last of each" in capsys.readouterr().err
