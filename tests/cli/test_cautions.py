"""What a run says before it starts about a doubtful choice."""

import pytest

from harness.cli.cautions import cautions
from harness.settings import build_settings

CASES = {
    "mini's backbone on real data": ("mini", {"data": {"source": "reviews"}}, (), ["WARNING"]),
    "another of mini's backbones": (
        "mini", {"data": {"source": "hub"}, "model": {"backbone": "mini-half"}},
        (), ["WARNING: the backbone mini-half", "train.lr is 0.001"],
    ),
    "mini's rate for another backbone": (
        "mini", {"data": {"source": "reviews"}, "model": {"backbone": "./mine"}},
        (), ["train.lr is 0.001, which preset mini has for its backbone mini, not for ./mine"],
    ),
    "the same rate by choice": (
        "mini", {"data": {"source": "reviews"}, "model": {"backbone": "./mine"}},
        ("train.lr=1e-3",), [],
    ),
    "mini as it is": ("mini", {}, (), []),
    "smollm2 as it is": ("smollm2", {"data": {"source": "reviews"}}, (), []),
    "a model behind an API": (
        "mini", {"data": {"source": "reviews"}, "model": {"backbone": "openai:http://h/v1#m"}},
        (), [],
    ),
    "greedy samples": (
        "mini", {"decode": {"temperature": 0, "samples": 2}}, (),
        ["decode.samples is 2 at decode.temperature 0"],
    ),
    "one greedy sample": ("mini", {"decode": {"temperature": 0, "samples": 1}}, (), []),
    "drawn samples": ("mini", {"decode": {"temperature": 0.8, "samples": 2}}, (), []),
    "another rate": (
        "mini", {"data": {"source": "reviews"}, "model": {"backbone": "./mine"}},
        ("train.lr=auto",), [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_doubtful_choices_are_named(case):
    preset, options, assignments, expected = CASES[case]
    found = [*cautions(build_settings(preset, assignments, options), True, assignments)]
    assert len(found) == len(expected)
    assert all(text in line for text, line in zip(expected, found, strict=True))


def test_a_method_that_does_not_train_hears_nothing_of_rates():
    options = {"data": {"source": "reviews"}, "model": {"backbone": "./mine"}}
    assert not [*cautions(build_settings("mini", (), options), False, ())]


def test_a_run_prints_them_first(run):
    code, out, _ = run("rag", "--backbone", "mini", "--limit", "1")
    assert code == 0
    assert 0 < out.index("WARNING: the backbone mini knows only") < out.index("bleu")
