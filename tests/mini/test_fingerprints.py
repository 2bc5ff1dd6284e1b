"""The texts of seed 0 are the same on every machine: the package has their sha256."""

import hashlib
import json
from importlib.resources import files

import pytest

from harness.mini import SETTINGS, SPLITS, TASKS, VERSION, rows


@pytest.mark.parametrize(
    "split",
    [pytest.param(one, marks=[pytest.mark.slow] * (one == "train")) for one in SPLITS],
)
def test_every_split_is_unchanged(split):
    known = json.loads(files("harness.mini").joinpath("fingerprints.json").read_text())
    assert known.pop("version") == VERSION
    assert len(known) == len(TASKS) * len(SETTINGS) * len(SPLITS)
    for task in TASKS:
        for setting in SETTINGS:
            text = json.dumps(rows(task, setting, split), sort_keys=True)
            found = hashlib.sha256(text.encode()).hexdigest()
            assert found == known[f"{task}/{setting}/{split}"]


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
