"""The hub's layout in a local folder; the hub itself by the cache of `datasets`, no network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from harness.data import PRODUCT_REVIEW, describe_source, hub, load_split, load_splits
from harness.errors import DataError
from harness.record import DataInfo
from harness.settings import DataSettings, RunSettings
from tests.support.hub_cache import COMMIT, put_commit, use_cache
from tests.support.task_rows import Row, WriteFolder, read_folder, review

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


OLDER = "f" * 40


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A cache of `datasets` that holds the data set at COMMIT."""
    home = tmp_path / "datasets"
    for setting in ("user", "temporal"):
        put_commit(home, f"product_review_{setting}", ROWS)
    return home


def test_the_hub_is_read_at_the_commit_of_its_revision(
    home: Path, monkeypatch: pytest.MonkeyPatch, write_folder: WriteFolder
):
    import datasets

    use_cache(monkeypatch, home, main=COMMIT)
    asked, real = [], datasets.load_dataset_builder

    def load(name: str, config: str, revision: str) -> Any:
        asked.append((name, config, revision))
        return real(name, config, revision=revision)

    monkeypatch.setattr("datasets.load_dataset_builder", load)
    found = load_splits(settings("hub", setting="temporal"), ["val", "test"])
    assert asked == [("hf://datasets/LongLaMP/LongLaMP", "product_review_temporal", COMMIT)]
    assert found["test"] == load_split(settings(write_folder(**ROWS)), "test")
    assert describe_source(settings("hub")) == DataInfo(
        source="hub", setting="user", kind="hub", repository="LongLaMP/LongLaMP", revision=COMMIT
    )


def test_offline_the_commit_is_that_of_the_cache(home: Path, monkeypatch: pytest.MonkeyPatch):
    use_cache(monkeypatch, home)
    assert describe_source(settings("hub")).revision == COMMIT
    assert describe_source(settings("hub", revision=COMMIT)).revision == COMMIT
    assert load_split(settings("hub", revision=COMMIT), "test").examples[0].user_id == "c"


@pytest.mark.parametrize("main", [None, OLDER], ids=["offline", "online"])
def test_another_commit_in_the_cache_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, main: str | None
):
    """`datasets` takes the newest commit in its cache, whichever was asked for."""
    use_cache(monkeypatch, home, main)
    with pytest.raises(DataError) as caught:
        load_split(settings("hub", revision=OLDER), "test")
    message = str(caught.value)
    assert f"found     {COMMIT}, the newest in the cache of `datasets`" in message
    assert f"expected  commit {OLDER}\n" in message
    assert f"--repo-type dataset --revision {OLDER} --local-dir DIR" in message


def test_a_cache_without_a_commit_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch):
    config = home / "LongLaMP___long_la_mp" / "product_review_user" / "0.0.0"
    (config / COMMIT).rename(config / "0123456789abcdef")
    use_cache(monkeypatch, home)
    with pytest.raises(DataError, match=r"found     0123456789abcdef, .*\n  expected  a commit"):
        describe_source(settings("hub"))


def test_a_branch_is_not_known_offline(home: Path, monkeypatch: pytest.MonkeyPatch):
    use_cache(monkeypatch, home)
    with pytest.raises(DataError, match=r"revision v2\n.*branches and tags are not in the cache"):
        load_split(settings("hub", revision="v2"), "test")


@pytest.mark.parametrize("main", [None, COMMIT], ids=["offline", "online"])
def test_a_local_folder_of_the_hubs_name_is_not_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: str | None
):
    parquet(tmp_path, "LongLaMP/LongLaMP/product_review_user/test.parquet", [review("local")])
    (tmp_path / "LongLaMP" / "LongLaMP" / "README.md").write_text(
        "---\nconfigs:\n- config_name: product_review_user\n  data_files:\n"
        "  - split: test\n    path: product_review_user/test.parquet\n---\n"
    )
    monkeypatch.chdir(tmp_path)
    use_cache(monkeypatch, home, main)
    assert load_split(settings("hub"), "test").examples[0].user_id == "c"


@pytest.mark.parametrize(
    "broken", ["huggingface_hub.HfApi.dataset_info", "datasets.load_dataset_builder"]
)
def test_without_a_network_the_message_says_how_to_get_a_copy(
    home: Path, monkeypatch: pytest.MonkeyPatch, broken: str
):
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known\nand more")

    use_cache(monkeypatch, home, main=COMMIT)
    monkeypatch.setattr(broken, fail)
    with pytest.raises(DataError) as caught:
        load_split(settings("hub"), "test")
    message = str(caught.value)
    assert "hub data set LongLaMP/LongLaMP" in message
    assert "found     ConnectionError: Name or service not known and more\n  expected" in message
    assert "hf download LongLaMP/LongLaMP --repo-type dataset --local-dir DIR" in message
    assert "or HF_HUB_OFFLINE=1 if it is in the cache" in message


def test_offline_the_advice_is_not_what_is_set_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    use_cache(monkeypatch, tmp_path / "empty")
    with pytest.raises(DataError, match="or in the cache of `datasets`") as caught:
        load_split(settings("hub"), "test")
    assert "HF_HUB_OFFLINE=1" not in str(caught.value)
    assert "leave HF_HUB_OFFLINE out where there is a network" in str(caught.value)


def test_a_config_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    use_cache(monkeypatch, home)
    other = RunSettings(task="topic_writing", data=DataSettings(source="hub"))
    with pytest.raises(DataError) as caught:
        load_split(other, "test")
    message = str(caught.value)
    assert "['product_review_temporal', 'product_review_user']" in message
    assert "expected  a config topic_writing_user\n" in message
    assert "name another task or data.setting; or on a machine" in message


def test_a_split_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_commit(tmp_path, "product_review_user", {"train": ROWS["train"], "test": ROWS["test"]})
    use_cache(monkeypatch, tmp_path)
    with pytest.raises(
        DataError, match="found     the splits train, test\n  expected  a split val"
    ):
        load_split(settings("hub"), "val")


def test_data_that_cannot_be_read_are_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    for path in home.rglob("product_review_user/**/*.arrow"):
        path.write_bytes(b"no arrow")
    use_cache(monkeypatch, home)
    with pytest.raises(DataError, match=f"product_review_user at {COMMIT}\n  found .*Arrow"):
        load_split(settings("hub"), "test")


def test_a_revision_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub.errors import RevisionNotFoundError

    def fail(*_: Any, **__: Any) -> None:
        raise RevisionNotFoundError("404: no revision v9", response=MagicMock())

    use_cache(monkeypatch, home, main=COMMIT)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fail)
    with pytest.raises(DataError) as caught:
        load_split(settings("hub", revision="v9"), "test")
    message = str(caught.value)
    assert "revision v9\n  found     RevisionNotFoundError: 404: no revision v9\n" in message
    assert "expected  a commit, branch or tag of the data set" in message
    assert "huggingface.co/datasets/LongLaMP/LongLaMP/commits/main" in message


def test_an_empty_split_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_commit(tmp_path, "product_review_user", ROWS | {"test": []})
    use_cache(monkeypatch, tmp_path)
    assert len(load_split(settings("hub"), "train").examples) == 2
    with pytest.raises(DataError, match=r'found     ValueError: .*"test" corresponds to no data'):
        load_split(settings("hub"), "test")
    parquet(tmp_path / "folder", "product_review_user/test.parquet", [])
    with pytest.raises(DataError, match="no example\n  expected  at least one row"):
        load_split(settings(tmp_path / "folder"), "test")


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
