"""load_splits reads, checks, compares, fingerprints and limits, in this order."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.data import describe_source, load_split, load_splits
from harness.data.load import load_for_run
from harness.errors import DataError, UsageError
from harness.record import DataInfo
from harness.settings import DataSettings, RunSettings
from tests.support.task_rows import WriteFolder, lines, review

OWN = "A text of the user that is both in the profile and the target."


def settings(source: object, task: str = "product_review", **data: Any) -> RunSettings:
    return RunSettings(task=task, data=DataSettings(source=str(source), **data))


def leaky() -> dict[str, Any]:
    row = review("leaky", output=OWN)
    row["profile"][1]["reviewText"] = OWN
    return row


def test_examples_and_references_are_separate_and_paired_by_id(write_folder: WriteFolder):
    data = load_split(settings(write_folder(test=[review("a"), review("b", id="own")])), "test")
    assert (data.task, data.split) == ("product_review", "test")
    assert [e.user_id for e in data.examples] == ["a", "b"]
    assert data.examples[1].id == "own"
    assert [p.reference.text for p in data.pairs()] == [
        "The pot 1 of a pours well and stays warm.",
        "The pot 1 of b pours well and stays warm.",
    ]
    assert not hasattr(data.examples[0], "output")
    assert data.examples[0].profile[0]["overall"] == "5.0"


def test_limits_apply_per_split_and_after_fingerprints(write_folder: WriteFolder):
    splits = {
        split: [review(f"{split}{n}") for n in range(6)] for split in ("train", "val", "test")
    }
    folder = write_folder(**splits)
    whole = load_splits(settings(folder))
    limited = load_splits(settings(folder, train_limit=2, val_limit=3, limit=4))
    assert [len(limited[s].examples) for s in ("train", "val", "test")] == [2, 3, 4]
    for split, data in limited.items():
        assert data.fingerprint == whole[split].fingerprint
        assert list(data.references) == [example.id for example in data.examples]
    assert len({data.fingerprint for data in whole.values()}) == 3
    splits["test"][5] = review("test5", output="Another text in the last row alone.")
    changed = load_split(settings(write_folder(**splits), limit=4), "test")
    assert changed.fingerprint != whole["test"].fingerprint


def test_a_leak_is_refused_or_dropped_and_counted(write_folder: WriteFolder):
    folder = write_folder(test=[review("a"), leaky()])
    with pytest.raises(DataError, match=r"test\.jsonl line 2, .*profile\[1\]\.reviewText"):
        load_split(settings(folder), "test")
    data = load_split(settings(folder, on_leak="drop"), "test")
    assert data.dropped == {"leaked_entries": 1}
    assert [len(example.profile) for example in data.examples] == [2, 1]
    mended = leaky()
    del mended["profile"][1]
    clean = load_split(settings(write_folder("mended", test=[review("a"), mended])), "test")
    assert (clean.dropped, clean.fingerprint) == ({}, data.fingerprint)


def test_users_may_return_only_in_the_temporal_setting(write_folder: WriteFolder):
    folder = write_folder(train=[review("a")], val=[review("v")], test=[review("a", 2)])
    with pytest.raises(DataError, match=r"test\.jsonl line 1, .*user a\n.*train\.jsonl line 1"):
        load_splits(settings(folder))
    assert set(load_splits(settings(folder, setting="temporal"))) == {"train", "val", "test"}
    assert load_split(settings(folder), "test").examples  # one split alone cannot share users


def test_splits_that_a_run_does_not_need_are_checked_too(write_folder: WriteFolder):
    rows = {"train": [review("t")], "val": [review("v")], "test": [review("a")]}
    folder = write_folder(**rows)
    assert load_for_run(settings(folder), ["test"]) == load_splits(settings(folder), ["test"])
    again = write_folder("again", **(rows | {"train": [review("a", 2)]}))
    with pytest.raises(DataError, match=r"test\.jsonl line 1, .*user a\n.*train\.jsonl line 1"):
        load_for_run(settings(again), ["test"])
    assert set(load_for_run(settings(again, setting="temporal"), ["test"])) == {"test"}
    for split in ("train", "val"):
        broken = write_folder(split, **(rows | {split: [review("b") | {"output": ""}]}))
        with pytest.raises(DataError, match=rf"{split}\.jsonl line 1, .*, output\n"):
            load_for_run(settings(broken), ["test"])
    assert set(load_for_run(settings(write_folder("alone", test=rows["test"])), ["test"])) == {
        "test"
    }


def test_targets_that_are_training_targets_of_another_user_are_described(write_folder: WriteFolder):
    rows = {
        "train": [review("t")],
        "val": [review("v")],
        "test": [review("a"), review("b", id="x")],
    }
    rows["train"][0]["output"] = rows["test"][1]["output"] = f"{OWN} It is posted twice."
    own = settings(write_folder(**rows))
    splits = load_splits(own)
    assert describe_source(own, splits).in_train == {"val": (), "test": ("x",)}
    assert describe_source(own, {"test": splits["test"]}).in_train == {}
    limited = load_splits(own.model_copy(update={"data": own.data.model_copy(update={"limit": 1})}))
    used = {example.id for example in limited["test"].examples}
    assert describe_source(own, limited).in_train["test"] == (("x",) if "x" in used else ())


def test_a_folder_of_tasks_is_one_source(tmp_path: Path, write_folder: WriteFolder):
    write_folder("many/product_review", test=[review()])
    paper = {"name": "n", "input": "x", "output": "y", "profile": [{"title": "t", "abstract": "a"}]}
    write_folder("many/abstract_generation", test=[paper])
    for task in ("product_review", "abstract_generation"):
        (example,) = load_split(settings(tmp_path / "many", task), "test").examples
        assert (example.task, example.id.rpartition("-")[0]) == (task, task)


def test_a_folder_of_another_task_is_recognised(write_folder: WriteFolder):
    folder = write_folder(test=[review()])
    with pytest.raises(DataError, match=r"is this another task's data\? topic_writing has"):
        load_split(settings(folder, "topic_writing"), "test")


def test_unknown_splits_and_tasks_are_refused(write_folder: WriteFolder):
    folder = write_folder(test=[review()])
    with pytest.raises(UsageError, match=r"no split 'dev'\. Known: train, val, test"):
        load_split(settings(folder), "dev")
    with pytest.raises(UsageError, match="Did you mean 'product_review'"):
        load_split(settings(folder, "product_reviews"), "test")


@pytest.fixture
def mini(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(task: str, setting: str, split: str, seed: int) -> list[dict[str, Any]]:
        if task != "product_review":
            raise ValueError(f"mini has no task {task!r}")
        return [review(f"{split}-{seed}", id=f"mini-{seed}")]

    monkeypatch.setattr("harness.mini.rows", rows, raising=False)


def test_mini_is_loaded_like_other_sources(mini: None, write_folder: WriteFolder):
    data = load_split(settings("mini", mini_seed=7), "test")
    assert [(e.id, e.user_id) for e in data.examples] == [("mini-7", "test-7")]
    copy = write_folder(test=[review("test-7", id="mini-7")])
    assert load_split(settings(copy), "test") == replace(data, metrics={})
    assert data.metrics == {"following": {"setting": "user", "split": "test", "seed": 7}}
    assert describe_source(settings("mini", mini_seed=7)) == DataInfo(
        source="mini", setting="user", kind="mini", revision="seed 7"
    )


def test_a_task_that_mini_lacks_is_refused(mini: None):
    with pytest.raises(UsageError, match=r"data\.source = mini: mini has no task .*--data"):
        load_split(settings("mini", "topic_writing"), "test")


def test_a_folder_is_described_by_its_files(write_folder: WriteFolder):
    folder = write_folder(test=[review()])
    sha256 = hashlib.sha256(lines([review()]).encode()).hexdigest()
    assert describe_source(settings(folder)) == DataInfo(
        source=str(folder), setting="user", kind="folder", files={"test.jsonl": sha256}
    )


def test_importing_the_room_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'datasets', 'pyarrow', 'numpy', 'rank_bm25'}"
    code = f"import sys, harness.data; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
