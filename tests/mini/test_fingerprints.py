"""The texts of seed 0 are the same on every machine: the package has their sha256."""

import hashlib
import json
from importlib.resources import files

from harness.mini import SETTINGS, SPLITS, TASKS, VERSION, rows


def test_every_split_is_unchanged():
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


def test_test_preferences_and_products_do_not_occur_in_training():
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
