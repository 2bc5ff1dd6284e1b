"""The hub's layout in a local folder; the hub itself is replaced by mocks, without a network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from harness.data import PRODUCT_REVIEW, describe_source, hub, load_split, load_splits
from harness.errors import DataError
from harness.record import DataInfo
from harness.settings import DataSettings, RunSettings
from tests.support.task_rows import Row, WriteFolder, read_folder, review

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROWS = {"train": [review("a"), review("a", 2)], "val": [review("b")], "test": [review("c", 3)]}


def parquet(folder: Path, name: str, rows: list[Row]) -> None:
    from datasets import Dataset

    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_list(rows).to_parquet(path)


def settings(source: object, **data: Any) -> RunSettings:
    return RunSettings(data=DataSettings(source=str(source), **data))


LAYOUTS = {
    "pushed": ["product_review_user/{split}-00000-of-00001.parquet"],
    "converted": ["product_review_user/{split}/0000.parquet"],
    "one file": ["product_review_user/{split}.parquet"],
}


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_folder_in_the_hubs_layout_gives_the_same_as_json_lines(
    tmp_path: Path, write_folder: WriteFolder, names: list[str]
):
    for split, rows in ROWS.items():
        for name in names:
            parquet(tmp_path / "hub", name.format(split=split), rows)
    found = load_splits(settings(tmp_path / "hub"))
    expected = load_splits(settings(write_folder(**ROWS)))
    assert {s: d.fingerprint for s, d in found.items()} == {
        s: d.fingerprint for s, d in expected.items()
    }
    assert found == expected


def test_a_splits_files_are_read_in_order_and_settings_are_separate(tmp_path: Path):
    for n, user in enumerate("ab"):
        parquet(tmp_path, f"product_review_user/test-0000{n}-of-00002.parquet", [review(user)])
    parquet(tmp_path, "product_review_temporal/test-00000-of-00001.parquet", [review("t")])
    users = [e.user_id for e in load_split(settings(tmp_path), "test").examples]
    later = load_split(settings(tmp_path, setting="temporal"), "test").examples
    assert (users, [e.user_id for e in later]) == (["a", "b"], ["t"])
    described = describe_source(settings(tmp_path))
    assert (described.kind, described.revision) == ("parquet", None)
    assert list(described.files) == [
        "test-00000-of-00002.parquet",
        "test-00001-of-00002.parquet",
    ]


def test_numbers_of_parquet_are_spelled_like_those_of_json(
    tmp_path: Path, write_folder: WriteFolder
):
    row = review()
    row["profile"] = [{**entry, "overall": 5.0} for entry in row["profile"]]
    parquet(tmp_path, "product_review_user/test.parquet", [row])
    (found,) = hub.read_parquet(PRODUCT_REVIEW, tmp_path / "product_review_user", "test").rows
    (expected,) = read_folder(PRODUCT_REVIEW, write_folder(test=[row]), "test")
    assert found.profile == expected.profile
    assert found.profile[0]["overall"] == "5.0"


def test_a_bad_row_of_parquet_names_its_place(tmp_path: Path):
    rows = [review("a"), review("b", output="")]
    parquet(tmp_path, "product_review_user/test.parquet", rows)
    with pytest.raises(DataError, match=r"product_review_user test row 2, example \S+, output"):
        load_split(settings(tmp_path), "test")


def test_a_missing_split_lists_those_present(tmp_path: Path):
    parquet(tmp_path, "product_review_user/train.parquet", [review()])
    with pytest.raises(DataError, match=r"no test\.jsonl; only train\.parquet\n.*test-\*\.parquet"):
        load_split(settings(tmp_path), "test")


def test_a_broken_parquet_file_is_named(tmp_path: Path):
    folder = tmp_path / "product_review_user"
    folder.mkdir()
    (folder / "test.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"test\.parquet\n  found .*\n  expected  readable parquet"):
        load_split(settings(tmp_path), "test")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Mock the hub; the list receives its requests in order."""
    from datasets import Dataset

    calls: list[tuple[Any, ...]] = []

    class Info:
        sha = COMMIT

    def info(self: object, name: str, revision: str, timeout: float) -> Info:
        calls.append(("info", name, revision))
        return Info()

    def load(name: str, config: str, split: str, revision: str) -> Dataset:
        calls.append(("load", name, config, split, revision))
        return Dataset.from_list(ROWS[split])

    hub.resolve.cache_clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", info)
    monkeypatch.setattr("datasets.load_dataset", load)
    yield calls
    hub.resolve.cache_clear()


def test_the_hub_is_read_at_the_commit_of_its_revision(
    requests: list[tuple[Any, ...]], write_folder: WriteFolder
):
    found = load_splits(settings("hub", setting="temporal"), ["val", "test"])
    assert requests == [
        ("info", "LongLaMP/LongLaMP", "main"),
        ("load", "LongLaMP/LongLaMP", "product_review_temporal", "val", COMMIT),
        ("load", "LongLaMP/LongLaMP", "product_review_temporal", "test", COMMIT),
    ]
    assert found["test"] == load_split(settings(write_folder(**ROWS)), "test")
    assert describe_source(settings("hub")) == DataInfo(
        source="hub", setting="user", kind="hub", repository="LongLaMP/LongLaMP", revision=COMMIT
    )


@pytest.mark.parametrize("broken", ["huggingface_hub.HfApi.dataset_info", "datasets.load_dataset"])
def test_without_a_network_the_message_says_how_to_get_a_copy(
    requests: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, broken: str
):
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr(broken, fail)
    with pytest.raises(DataError) as caught:
        load_split(settings("hub"), "test")
    message = str(caught.value)
    assert "hub data set LongLaMP/LongLaMP" in message
    assert "found     ConnectionError: Name or service not known\n  expected" in message
    assert "hf download LongLaMP/LongLaMP --repo-type dataset --local-dir DIR" in message


def test_offline_the_commit_is_known_only_if_it_was_given(
    requests: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert describe_source(settings("hub")).revision is None
    assert describe_source(settings("hub", revision=COMMIT)).revision == COMMIT
    assert load_split(settings("hub"), "test").examples[0].user_id == "c"
    assert requests == [("load", "LongLaMP/LongLaMP", "product_review_user", "test", "main")]


def test_an_empty_split_is_refused(
    requests: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ROWS, "test", [])
    with pytest.raises(DataError, match="no example\n  expected  at least one row"):
        load_split(settings("hub"), "test")


def test_a_parquet_file_replaced_with_the_same_time_is_read_and_hashed_again(tmp_path: Path):
    """`datasets` caches by path, size and time: it could hash one file and score another."""
    path = tmp_path / "product_review_user" / "test.parquet"
    parquet(tmp_path, "product_review_user/test.parquet", [review("a", output="Good one, this.")])
    times = path.stat()
    first = load_split(settings(tmp_path), "test")
    other = tmp_path / "other"
    parquet(other, "test.parquet", [review("a", output="Poor one, this.")])
    os.utime(other / "test.parquet", ns=(times.st_atime_ns, times.st_mtime_ns))
    (other / "test.parquet").replace(path)
    second = load_split(settings(tmp_path), "test")
    assert [r.text for r in second.references.values()] == ["Poor one, this."]
    assert second.fingerprint != first.fingerprint
    assert second.files == {"test.parquet": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert describe_source(settings(tmp_path), {"test": first}).files == dict(first.files)
