"""The texts of seed 0 are the same on every machine: their sha256 stand in the package."""

import hashlib
import json
from importlib.resources import files

from harness.mini import SETTINGS, SPLITS, TASKS, VERSION, rows


def test_every_split_is_what_it_was():
    known = json.loads(files("harness.mini").joinpath("fingerprints.json").read_text())
    assert known.pop("version") == VERSION
    found = {
        f"{task}/{setting}/{split}": hashlib.sha256(
            json.dumps(rows(task, setting, split), sort_keys=True).encode()
        ).hexdigest()
        for task in TASKS
        for setting in SETTINGS
        for split in SPLITS
    }
    assert found == known


def test_no_user_preference_combination_or_product_is_shared_with_training():
    from harness.mini import preferences

    for task in TASKS:
        trained = set(preferences(task, "user", "train").values())
        tested = preferences(task, "user", "test")
        assert len(tested) >= 60
        assert not trained & {each[:-1] for each in tested.values()} | (
            trained & set(tested.values())
        )
        inputs = {row["input"] for row in rows(task, "user", "train")}
        assert not inputs & {row["input"] for row in rows(task, "user", "test")}
