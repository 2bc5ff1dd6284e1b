"""A file's hash is kept only while size, both times and inode stay; damage is absence."""

import hashlib
import os
from pathlib import Path

import pytest

from harness.inputs import digests
from harness.inputs.digests import KEPT, file_sha256


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A file whose hash is kept, and that changed long enough ago."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "LARGE", 4)
    monkeypatch.setattr(digests, "SETTLED_NS", -1)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    return file


@pytest.fixture
def hashed(monkeypatch):
    """Counts how often a file is really hashed."""
    real, seen = hashlib.file_digest, []
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: seen.append(1) or real(*a))
    return seen


def expected(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_hash_is_kept(large, hashed):
    assert file_sha256(large) == file_sha256(large) == expected(large)
    assert len(hashed) == 1


def overwrite(file):
    times = file.stat()
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace(file):
    times, other = file.stat(), file.with_name("other")
    other.write_bytes(b"WEIGHTS")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(file)


def grow(file):
    file.write_bytes(b"more weights")


@pytest.mark.parametrize("change", [overwrite, replace, grow])
def test_a_changed_file_is_hashed_again_whatever_its_mtime(large, hashed, change):
    before = file_sha256(large)
    change(large)
    assert file_sha256(large) == expected(large) != before
    assert len(hashed) == 2


def test_a_file_that_was_just_written_is_not_kept(large, hashed, monkeypatch):
    monkeypatch.setattr(digests, "SETTLED_NS", 10**15)
    assert file_sha256(large) == file_sha256(large)
    assert len(hashed) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"PLACE": 3}', '{"PLACE": [1, 2]}'])
def test_a_damaged_cache_is_ignored(large, tmp_path, text):
    file_sha256(large)
    (tmp_path / "cache" / KEPT).write_text(text.replace("PLACE", str(large.resolve())))
    assert file_sha256(large) == expected(large)


def test_a_changed_digit_of_a_kept_hash_is_noticed(large, tmp_path):
    path, right = tmp_path / "cache" / KEPT, file_sha256(large)
    text = path.read_text()
    path.write_text(text.replace(right, right[:-1] + ("0" if right[-1] != "0" else "1")))
    assert file_sha256(large) == right


def test_without_a_writable_cache_the_hash_is_right(large, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert file_sha256(large) == expected(large)


def test_small_files_are_hashed_every_time(large, hashed, monkeypatch, tmp_path):
    monkeypatch.setattr(digests, "LARGE", 1 << 20)
    assert file_sha256(large) == file_sha256(large)
    assert len(hashed) == 2
    assert not (tmp_path / "cache").exists()
