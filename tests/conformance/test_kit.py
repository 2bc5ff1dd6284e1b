"""The six methods pass the kit; a broken one fails the right check with a helpful message."""

import re

import pytest

from harness.conformance import CHECKS, check_method, failures
from harness.method import Method
from harness.registry import METHODS, find
from tests.support import broken

SHORT = {"cot": {"analysis_tokens": 8}, "cot-oracle": {"analysis_tokens": 8}}
"""Fewer hidden tokens than the default, which the checks do not depend on."""


FIRST = ("sft", "coconut", "flythinker")
"""One of each kind of model; the others are slow tests."""


@pytest.mark.parametrize(
    "name", [*FIRST, *(pytest.param(n, marks=pytest.mark.slow) for n in METHODS if n not in FIRST)]
)
def test_the_built_in_methods_pass(name):
    outcomes = check_method(find("method", name), SHORT.get(name))
    assert not failures(outcomes)
    skipped = {outcome.name for outcome in outcomes if outcome.status == "skipped"}
    trained = {check.name for check in CHECKS if check.trained}
    assert skipped == (set() if find("method", name).trains else trained)


BROKEN = [  # the method, the check that it fails, what the check got, where to look
    (
        broken.TakesTheLastOfFourPrefaces,
        "flops of a preface are those of one text",
        r"[\d,]+ FLOPs for a preface of 5 tokens, without attention; the record has [\d,]+",
        r"TakesTheLastOfFourPrefaces\.preface \(broken\.py:\d+\)",
    ),
    (
        broken.TrainsNothing,
        "gradients reach every trained parameter",
        r"trains = True, but no parameter with requires_grad",
        r"TrainsNothing\.build",
    ),
    (
        broken.NoName,
        "a method has all its parts",
        r"name = ''",
        r"class NoName",
    ),
    (
        broken.HidesItsReasoner,
        "a reasoner is declared",
        r"build\(\) takes backbones\.reasoner",
        r"HidesItsReasoner\.build \(broken\.py:\d+\)",
    ),
    (
        broken.NoMainView,
        "a prompt has a main view",
        r"views \['mian'\]",
        r"NoMainView\.prompt",
    ),
    (
        broken.RandomPrompt,
        "a prompt is deterministic",
        r"example test-\d, view 'main': '.*', then '.*' at character \d+",
        r"RandomPrompt\.prompt",
    ),
    (
        broken.CountsPreparedExamples,
        "a prompt is deterministic",
        r"example test-3, view 'main': '5', then '2' at character \d+",
        r"CountsPreparedExamples\.prompt",
    ),
    (
        broken.LooksUpTheReference,
        "references have no effect at test time",
        r"example test-0: the prompt changes with its reference",
        r"LooksUpTheReference\.prompt",
    ),
    (
        broken.LeaksInThePreface,
        "references have no effect at test time",
        r"preface \[.*\] with references, \[.*\] with garbage as references",
        r"LeaksInThePreface\.preface",
    ),
    (
        broken.LeaksInAdapt,
        "references have no effect at test time",
        r"text \[.*\] with references, \[.*\] with garbage as references",
        r"Method\.build",
    ),
    (
        broken.AdaptsToTheirNumber,
        "other users change no adaptation",
        r"row \d, response token \d: -\S+ adapted to some users, -\S+ adapted to all",
        r"AdaptsToTheirNumber\.adapt \(broken\.py:\d+\)",
    ),
    (
        broken.OneTargetForVal,
        "each pair of val has one target in order",
        r"example val-0: text 'the'",
        r"OneTargetForVal\.val_targets \(broken\.py:\d+\)",
    ),
    (
        broken.SortsTargets,
        "each pair has one target in order",
        r"targets for test-0, test-1, test-2, test-3, test-4",
        r"SortsTargets\.targets",
    ),
    (
        broken.ChangesTargets,
        "each pair has one target in order",
        r"example test-0: text 'So: ",
        r"ChangesTargets\.targets",
    ),
    (
        broken.TargetTokensBeyondTheVocabulary,
        "each pair has one target in order",
        r"example test-0: preface token 10000",
        r"TargetTokensBeyondTheVocabulary\.targets",
    ),
    (
        broken.LongTargets,
        "each pair has one target in order",
        r"example test-0: a preface of 9 tokens",
        r"LongTargets\.longest_preface \(broken\.py:\d+\)",
    ),
    (
        broken.LongPreface,
        "each prompt has one preface",
        r"prompt 0: a preface of 9 tokens",
        r"Method\.longest_preface \(method\.py:\d+\)",
    ),
    (
        broken.OnePrefaceForAll,
        "each prompt has one preface",
        r"1 prefaces for 5 prompts",
        r"OnePrefaceForAll\.preface",
    ),
]


@pytest.mark.parametrize(
    ("method", "check", "got", "look"), BROKEN, ids=[f"{row[1]}: {row[2][:25]}" for row in BROKEN]
)
def test_a_broken_method_fails_with_the_right_message(method, check, got, look):
    (outcome,) = check_method(method, only=[check])
    assert outcome.status == "failed"
    assert re.search(got, outcome.got)
    assert re.search(look, outcome.look)
    assert outcome.expected


def test_a_check_that_fails_does_not_stop_the_others():
    outcomes = check_method(broken.OnePrefaceForAll)
    failed = [outcome.name for outcome in outcomes if outcome.status == "failed"]
    assert "each prompt has one preface" in failed
    assert len(outcomes) == len(CHECKS)
    assert sum(outcome.status == "passed" for outcome in outcomes) > 5


def test_failures_with_the_same_cause_are_reported_together():
    class Raises(Method):
        name = "broken"

        def __init__(self, settings):
            raise KeyError("table")

    summary = failures(check_method(Raises))
    assert summary.count("got       KeyError: 'table'") == 1
    assert summary.startswith(", ".join(check.name for check in CHECKS) + "\n")


def test_the_text_of_a_failure():
    outcomes = check_method(broken.NoMainView, only=["a prompt has a main view"])
    assert re.fullmatch(
        r"a prompt has a main view\n"
        r"  got       views \['mian'\]\n"
        r'  expected  a view called "main"\n'
        r"  look at   NoMainView\.prompt \(broken\.py:\d+\)",
        failures(outcomes),
    )
