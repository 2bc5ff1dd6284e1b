"""State files: whole or absent; a damaged one is said once and its work is done again."""

import errno
import os
import resource
import shutil
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from harness.engine.weight_files import save_weights
from harness.errors import DataError, mendable
from harness.record import checked, is_intact
from harness.record.state import (
    append_lines,
    read_lines,
    read_state,
    write_json,
    write_lines,
    write_state,
)
from harness.types import Prediction


@dataclass(frozen=True)
class Kept:
    name: str
    numbers: tuple[float, ...]


KEPT = Kept("a", (1.0, 2.5))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b'{"name": "a", "numb',
        b"\0" * 40,
        b"\xff\xfe",
        b'{"name": "a"}',
        b'{"name": 3, "numbers": []}',
        b"[" * 10_000,
        b'"text"',
    ],
)
def test_a_damaged_file_counts_as_absent_and_is_said_once(tmp_path, damage):
    path, said = tmp_path / "kept.json", []
    assert read_state(Kept, path, said.append) is None
    assert said == []
    write_state(path, KEPT)
    assert read_state(Kept, path, said.append) == KEPT
    path.write_bytes(damage)
    assert read_state(Kept, path, said.append) is None
    assert read_state(Kept, path, said.append) is None
    (message,) = said
    assert message.startswith(f"damaged, so its work is done again: {path}")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_json(tmp_path / "kept.json", KEPT)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, Kept("b", (float("nan"),)))
    assert read_state(Kept, path, pytest.fail) == KEPT
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def text(name):
    return Prediction(name, "user", "some wörds\u2028", 2, "f", preface_ids=(1, 2))


def test_lines_are_appended_and_replaced(tmp_path):
    path = tmp_path / "lines.jsonl"
    assert read_lines(Prediction, path) == []
    append_lines(path, map(text, "ab"))
    append_lines(path, [text("c")])
    assert read_lines(Prediction, path) == [text("a"), text("b"), text("c")]
    write_lines(path, [text("d")])
    assert read_lines(Prediction, path, pytest.fail) == [text("d")]


def test_a_line_cut_short_by_an_interruption_is_dropped_without_a_word(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_lines(path, map(text, "ab"))
    whole = path.read_bytes()
    for end in range(whole.index(b"\n") + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert read_lines(Prediction, path) == [text("a")]
    assert read_lines(Prediction, path, pytest.fail) == [text("a")]
    assert path.read_bytes() == whole[: whole.index(b"\n") + 1]


@pytest.mark.parametrize("seal", [False, True])
def test_lines_are_appended_after_an_interruption_wherever_it_came(tmp_path, seal):
    path = tmp_path / "lines.jsonl"
    append_lines(path, map(text, "ab"), seal=seal)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        known = read_lines(Prediction, path)
        whole_lines = (end >= first - 1) + (end == len(whole) - 1)
        assert known == [text("a"), text("b")][:whole_lines]
        append_lines(path, [text("c")], seal=seal)
        assert read_lines(Prediction, path) == [*known, text("c")]


@pytest.mark.parametrize("damage", ["{]", '{"id": 7}', "\0\0", '{"id": "a", "more": 1}'])
def test_a_damaged_line_is_refused_or_left_out(tmp_path, damage):
    path, said = tmp_path / "lines.jsonl", []
    append_lines(path, [text("a")])
    path.write_text(path.read_text() + damage + "\n")
    append_lines(path, [text("b")])
    with pytest.raises(DataError, match=r"lines\.jsonl line 2, "):
        read_lines(Prediction, path)
    assert read_lines(Prediction, path, said.append) == [text("a"), text("b")]
    assert said[0].startswith(f"damaged, so its work is done again: {path} line 2, ")
    assert read_lines(Prediction, path, pytest.fail) == [text("a"), text("b")]


def test_every_changed_byte_is_noticed(tmp_path):
    path = write_state(tmp_path / "kept.json", KEPT)
    whole, said = path.read_bytes(), []
    for at in range(len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert read_state(Kept, path, said.append) is None, at
    assert len(said) == len(whole) - 1


def test_a_state_file_of_an_earlier_version_has_no_checksum(tmp_path):
    path = write_json(tmp_path / "kept.json", KEPT)
    assert read_state(Kept, path, pytest.fail) == KEPT


def test_a_sealed_line_that_changed_is_left_out(tmp_path):
    path, said = tmp_path / "lines.jsonl", []
    append_lines(path, map(text, "abc"), seal=True)
    assert read_lines(Prediction, path) == [text("a"), text("b"), text("c")]
    path.write_text(path.read_text().replace('"id": "b"', '"id": "x"'))
    assert read_lines(Prediction, path, said.append) == [text("a"), text("c")]
    assert len(said) == 1
    assert "line 2: its content is not that of its checksum" in said[0]


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_json(tmp_path / "kept.json", KEPT)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for write in (lambda: write_json(path, 1), lambda: append_lines(path, [text("a")])):
        with pytest.raises(OSError, match="No space left") as caught:
            write()
        assert caught.value.filename == str(path)
        assert f"OSError: {path}: No space left on device; expected space to write. Free some" in (
            mendable(caught.value) or ""
        )
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def test_a_limit_on_file_sizes_is_named_and_leaves_the_old_file(tmp_path):
    """A real limit, which the kernel keeps for this process."""
    path = write_json(tmp_path / "kept.json", KEPT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_json(path, "x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"{path.name}." in str(caught.value.filename) or caught.value.filename == str(path)
    assert "expected space to write. Free some (df -h, df -i, quota)" in (
        mendable(caught.value) or ""
    )
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]
    assert read_state(Kept, path, pytest.fail) == KEPT


def test_a_file_system_without_inodes_is_named_and_leaves_the_old_file(tmp_path):
    words = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=2", "tmpfs", str(tmp_path)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        path = write_json(tmp_path / "kept.json", KEPT)  # the folder and this file: no more
        with pytest.raises(OSError, match="No space left") as caught:
            write_json(path, 1)
        assert "expected space to write" in (mendable(caught.value) or "")
        assert read_state(Kept, path, pytest.fail) == KEPT
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("kind", ["record", "weights"])
def test_content_is_on_disk_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch, kind):
    events, real = [], {"fsync": os.fsync, "replace": Path.replace}

    def fsync(handle):
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real["fsync"](handle)

    def replace(self, target):
        events.append("rename")
        return real["replace"](self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    if kind == "record":
        write_json(tmp_path / "record.json", KEPT)
    else:
        save_weights(torch.nn.Linear(2, 2), tmp_path / "model.safetensors")
    assert events == ["file", "rename", "folder"]


def test_a_text_that_changed_is_not_intact():
    made = checked(text("a"))
    assert is_intact(made)
    assert is_intact(text("a"))  # of an earlier version: no checksum
    assert not is_intact(replace(made, output="other"))
    assert not is_intact(replace(made, fingerprint="other"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "expected enough free memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "expected enough free memory"),
        (
            RuntimeError("CUDA error: device-side assert\nmore"),
            "expected a GPU that works",
        ),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "expected space to write"),
        (RuntimeError("shapes do not fit"), None),
        (IndexError("list index out of range"), None),
    ],
)
def test_what_the_user_can_mend_has_one_message(error, told):
    message = mendable(error)
    assert (told is None) == (message is None)
    assert told is None or told in message
    assert message is None or "\n" not in message
