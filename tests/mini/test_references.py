"""References follow every call; texts by other authors follow about as many as by chance."""

from statistics import fmean

import pytest

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.mini import SETTINGS, TASKS, answers, calls, rewrite, rows
from harness.settings import build_settings


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    "split", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("train", "val")), "test"]
)
def test_references_follow_every_call(task, setting, split):
    places = calls(task, setting, split)
    for row in rows(task, setting, split):
        found = answers(places[row["id"]], row["output"])
        assert all(each.followed for each in found), row["id"]
        assert not any(each.followed for each in answers(places[row["id"]], ""))


@pytest.mark.parametrize(
    "task", [TASKS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in TASKS[1:])]
)
def test_another_authors_text_follows_calls_at_chance_level(task):
    places = calls(task, "user", "test")
    table = rows(task, "user", "test")
    key = {"product_review": "reviewerId", "abstract_generation": "name", "topic_writing": "author"}
    users = [row[key[task]] for row in table]
    follows, chance = [], []
    for index, row in enumerate(table):
        for step in range(1, 4):
            other = users[(index + 11 * step) % len(users)]
            if other == users[index]:
                continue
            text = rewrite(task, "user", "test", row["id"], other)
            results = zip(places[row["id"]], answers(places[row["id"]], text), strict=True)
            for call, answer in results:
                if not call.held_out:
                    follows.append(answer.followed)
                    chance.append(call.chance)
    assert fmean(follows) == pytest.approx(fmean(chance), abs=0.03)


def test_the_seed_decides_the_texts():
    again = rows("product_review", "user", "test")
    assert again == rows("product_review", "user", "test", seed=0)
    assert again != rows("product_review", "user", "test", seed=1)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_cap_lets_every_reference_through(task, setting):
    tokenizer, end = tokenizer_of("mini"), 1
    texts = [row["output"] for row in rows(task, setting, "test")]
    longest = max(len(ids) + end for ids in tokenizer(texts)["input_ids"])
    assert longest <= build_settings("mini").decode.max_new_tokens
