"""The six methods pass the kit; its report of several failures, and the text of one."""

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
