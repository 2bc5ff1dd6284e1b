"""The six methods pass the kit; a broken one fails the right check, with a message that helps."""

import re

import pytest

from harness.conformance import CHECKS, check_method, failures
from harness.method import Method
from harness.registry import METHODS, find
from tests.conformance import broken
from tests.conformance.broken import with_lm


@pytest.mark.parametrize("name", METHODS)
def test_the_built_in_methods_pass(name):
    outcomes = check_method(find("method", name))
    assert not failures(outcomes)
    skipped = {each.name for each in outcomes if each.status == "skipped"}
    trained = {each.name for each in CHECKS if each.trained}
    assert skipped == (set() if find("method", name).trains else trained)


BROKEN = [  # the method, the check that it fails, what is got and where to look
    (
        with_lm(broken.PadsById),
        "id 0 is a token like others",
        r"row test-0: the same log-probs with and without its prompt's tokens of id 0",
        r"PadsById\.logprobs \(broken\.py:\d+\)",
    ),
    (
        with_lm(broken.SharesTheBatchMean),
        "a row alone and in a batch",
        r"row \d, response token \d: -\S+ in a batch, -\S+ alone",
        r"SharesTheBatchMean\.logprobs \(broken\.py:\d+\)",
    ),
    (
        with_lm(broken.PositionsFromTheEdge),
        "left and right padding",
        r"-\S+ padded left, -\S+ padded right",
        r"PositionsFromTheEdge\.logprobs",
    ),
    (
        with_lm(broken.NoMask),
        "prefill and step",
        r"row 0, response token 0: -\S+ by prefill and step, -\S+ by logprobs",
        r"NoMask\.prefill \(broken\.py:\d+\), CausalLM\.step \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken.StepsOnOneRow),
        "prefill and step",
        r"response token [1-9]: -\S+ by prefill and step",
        r"StepsOnOneRow\.step \(broken\.py:\d+\)",
    ),
    (
        with_lm(broken.ForgetsPrefixes),
        "text already written",
        r"-\S+ by prefill with prefixes, -\S+ by logprobs",
        r"ForgetsPrefixes\.prefill",
    ),
    (
        with_lm(broken.DrawsOnItsOwn),
        "writing twice gives the same text",
        r"example test-\d at temperature 0: text \[.*\] once, \[.*\] again",
        r"DrawsOnItsOwn\.step",
    ),
    (
        with_lm(broken.WeighsByTheBatch),
        "neighbours and order change no text",
        r"example test-\d at temperature 0: text \[.*\] in a batch, \[.*\] alone",
        r"WeighsByTheBatch\.prefill",
    ),
    (
        with_lm(broken.LeavesPadding),
        "logprobs are numbers and zero at padding",
        r"1\.000 where batch\.response_mask is 0",
        r"LeavesPadding\.logprobs",
    ),
    (
        with_lm(broken.NotADistribution),
        "a distribution sums to one",
        r"p of all \d+ tokens sums to 0\.\d+",
        r"NotADistribution\.logprobs",
    ),
    (
        with_lm(broken.Detached),
        "gradients reach every trained parameter",
        r"no gradient at 25 of 26 parameters: model\.model\.layers\.0\.self_attn\.q_proj\.weight,",
        r"Detached\.logprobs",
    ),
    (
        broken.TrainsNothing,
        "gradients reach every trained parameter",
        r"trains = True, and no parameter with requires_grad",
        r"TrainsNothing\.build",
    ),
    (
        with_lm(broken.ClimbsTheLoss),
        "training lowers the loss",
        r"−log p of the training texts \S+ before, \S+ after",
        r"ClimbsTheLoss\.loss",
    ),
    (
        with_lm(broken.LosesItsState),
        "saving and loading keeps everything",
        r"-\S+ after loading, -\S+ before saving",
        r"what training changes is a parameter or a buffer",
    ),
    (
        broken.NoName,
        "it has the parts of a method",
        r"name = ''",
        r"class NoName",
    ),
    (
        broken.NoMainView,
        "a prompt has a main view",
        r"views \['mian'\]",
        r"NoMainView\.prompt",
    ),
    (
        broken.RandomPrompt,
        "a prompt is the same every time",
        r"example test-0, view 'main': '.*', then '.*' at character \d+",
        r"RandomPrompt\.prompt",
    ),
    (
        broken.ReadsTheReference,
        "references change nothing at test time",
        r"example test-0: another prompt when its reference is swapped",
        r"ReadsTheReference\.prompt",
    ),
    (
        broken.WritesTheReference,
        "references change nothing at test time",
        r"preface \[.*\] with references, \[.*\] with garbage for references",
        r"WritesTheReference\.preface",
    ),
    (
        broken.SortsTargets,
        "targets are one a pair in order",
        r"targets for test-0, test-1, test-2, test-3, test-4",
        r"SortsTargets\.targets",
    ),
    (
        broken.ChangesTargets,
        "targets are one a pair in order",
        r"example test-0: text 'So: ",
        r"ChangesTargets\.targets",
    ),
    (
        broken.TargetTokensBeyondTheVocabulary,
        "targets are one a pair in order",
        r"example test-0: preface token 10000",
        r"TargetTokensBeyondTheVocabulary\.targets",
    ),
    (
        broken.OnePrefaceForAll,
        "a preface is one list a prompt",
        r"1 prefaces for 5 prompts",
        r"OnePrefaceForAll\.preface",
    ),
    (
        with_lm(broken.RaisesDeepInside),
        "prefill and step",
        r"RuntimeError: size mismatch|RuntimeError: inconsistent tensor size",
        r"broken\.py:\d+",
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
    failed = [each.name for each in outcomes if each.status == "failed"]
    assert "a preface is one list a prompt" in failed
    assert len(outcomes) == len(CHECKS)
    assert sum(each.status == "passed" for each in outcomes) > 5


def test_checks_that_fail_for_one_cause_are_told_together():
    class Raises(Method):
        name = "broken"

        def __init__(self, settings):
            raise KeyError("table")

    told = failures(check_method(Raises))
    assert told.count("got       KeyError: 'table'") == 1
    assert told.startswith(", ".join(each.name for each in CHECKS) + "\n")


def test_failures_read_as_text():
    outcomes = check_method(broken.NoMainView, only=["a prompt has a main view"])
    assert re.fullmatch(
        r"a prompt has a main view\n"
        r"  got       views \['mian'\]\n"
        r'  expected  a view called "main"\n'
        r"  look at   NoMainView\.prompt \(broken\.py:\d+\)",
        failures(outcomes),
    )
