"""The skyline: a program that copies and substitutes, on all tasks, without hidden knowledge."""

import dataclasses
from statistics import fmean

import pytest

from harness.data import load_split
from harness.metrics.base import Pair
from harness.mini import TASKS
from harness.mini.following import Following
from harness.mini.skyline import skyline
from harness.settings import build_settings


@pytest.mark.parametrize("task", TASKS)
def test_it_follows_most_calls(task):
    test = load_split(build_settings("mini", options={"task": task}), "test")
    pairs = [Pair(skyline(each), "", each) for each in test.examples[:25]]
    assert fmean(Following().score(pair) for pair in pairs) > 80
    bare = dataclasses.replace(test.examples[0], profile=())
    with pytest.raises(ValueError, match="has no profile to copy from"):
        skyline(bare)


def test_it_knows_an_author_by_the_profile_alone():
    test = load_split(build_settings("mini"), "test")
    examples = test.examples[:25]
    swapped = [
        Pair(skyline(dataclasses.replace(each, profile=other.profile)), "", each)
        for each, other in zip(examples, (*examples[1:], examples[0]), strict=True)
    ]
    assert fmean(Following().score(pair) for pair in swapped) < 40
