"""The real data sets: all splits load, nothing leaks, prompts keep their budgets."""

from __future__ import annotations

import pytest

from harness.data import PromptWriter, load_splits
from harness.registry import find
from harness.settings import BudgetSettings, DataSettings, RetrievalSettings, RunSettings
from tests.support.task_rows import REAL, words

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/real")
COUNTS = {  # examples and users, from the data's own SOURCES.md
    "product_review": {"train": (293, 189), "val": (45, 36), "test": (80, 62)},
    "abstract_generation": {"train": (380, 255), "val": (55, 55), "test": (90, 90)},
    "topic_writing": {"train": (356, 287), "val": (20, 20), "test": (45, 45)},
}


@pytest.mark.parametrize("task", COUNTS)
def test_every_split_loads_and_prompts_fit(task: str):
    run = RunSettings(task=task, data=DataSettings(source=str(REAL)))
    splits = load_splits(run)
    found = {
        split: (len(data.examples), len({example.user_id for example in data.examples}))
        for split, data in splits.items()
    }
    assert found == COUNTS[task]
    budget = BudgetSettings(profile=200, input=80)
    spec = find("task", task)
    writer = PromptWriter(spec, RetrievalSettings(), budget, words)
    for example in splits["test"].examples:
        prompt = writer.write(example)
        head, mark, tail = prompt.views["main"].rpartition(spec.instruction)
        assert mark
        assert len(words(head)) <= 200
        assert len(words(tail)) <= 80
