"""Rows from files: profiles are read when they are asked for, and are like tuples."""

from __future__ import annotations

import copy
import os
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from harness.data import PRODUCT_REVIEW, load_split, row_cache
from harness.data.content import characters_of, profile_digest
from harness.data.folder import read_folder
from harness.data.row_cache import StoredProfile
from harness.settings import DataSettings, RunSettings
from tests.support.task_rows import WriteFolder, review


@pytest.fixture
def rows(write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(row_cache, "BATCH", 300)  # a few rows in a batch
    monkeypatch.setattr(row_cache, "REMEMBERED", 2)
    folder = write_folder(test=[review(f"u{n}", n, entries=n % 4) for n in range(9)])
    return read_folder(PRODUCT_REVIEW, folder, "test").rows


def expected(number: int):
    return tuple(review(f"u{number}", number, entries=number % 4)["profile"])


def test_profiles_are_read_in_any_order(rows):
    for number in [3, 8, 0, 3, 5, *range(9), *reversed(range(9))]:
        assert isinstance(rows[number].profile, StoredProfile)
        assert rows[number].profile == expected(number)


def test_a_profile_is_like_the_tuple_of_its_entries(rows):
    own, entries = rows[3].profile, expected(3)
    assert (len(own), bool(own), bool(rows[4].profile)) == (3, True, False)
    assert (own[0], own[-1], own[1:], own[::-1]) == (
        entries[0], entries[-1], entries[1:], entries[::-1],
    )  # fmt: skip
    assert list(own) == list(entries)
    assert (own + ({},), ({},) + own) == ((*entries, {}), ({}, *entries))  # noqa: RUF005
    assert entries == own != expected(2)
    for copied in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own), asdict(rows[3])["profile"]):
        assert type(copied) is tuple
        assert copied == entries
    with pytest.raises(IndexError):
        own[3]
    with pytest.raises(TypeError):
        hash(own)
    assert profile_digest(own) == own.digest == profile_digest(entries)


def test_the_characters_of_profiles_are_known_without_reading_them(rows, monkeypatch):
    known = sum(len(text) for n in range(9) for entry in expected(n) for text in entry.values())
    monkeypatch.setattr(row_cache.Store, "profile", None)
    assert characters_of(row.profile for row in rows) == known > 0


def test_a_forked_process_reads_on(rows):
    first = rows[1].profile[0]
    child = os.fork()
    if not child:
        os._exit(0 if all(rows[n].profile == expected(n) for n in range(9)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert rows[1].profile[0] == first


def settings(folder: Path, **data) -> RunSettings:
    return RunSettings(data=DataSettings(source=str(folder), **data))


def test_a_limit_reads_the_profiles_of_its_examples_only(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(row_cache, "BATCH", 1)
    folder = write_folder(test=[review(f"u{n}", n) for n in range(20)])
    read = []
    real = row_cache.Store.profile
    monkeypatch.setattr(
        row_cache.Store, "profile", lambda self, row: read.append(row) or real(self, row)
    )
    test = load_split(settings(folder, limit=2), "test")
    assert read == []
    assert all(one.profile for one in test.examples)
    assert [list(one.profile) for one in test.examples]
    assert len(set(read)) == 2


def test_leaks_and_the_fingerprint_are_the_same_from_the_cache(write_folder: WriteFolder):
    rows = [review(f"u{n}", n) for n in range(4)]
    rows[2]["profile"][1]["reviewText"] = rows[2]["output"]
    folder = write_folder(test=rows)
    first, second = (load_split(settings(folder, on_leak="drop"), "test") for _ in range(2))
    assert (first, first.dropped) == (second, {"leaked_entries": 1})
    assert [len(one.profile) for one in second.examples] == [2, 2, 1, 2]
    del rows[2]["profile"][1]
    assert load_split(settings(write_folder("mended", test=rows)), "test") == replace(
        first, dropped={}
    )
