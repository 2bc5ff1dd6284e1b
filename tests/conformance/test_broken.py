"""The kit on methods and models that break a contract: the right check fails and says where."""

import re

import pytest

from harness.conformance import check_method
from tests.support import broken, broken_models
from tests.support.broken_models import with_lm

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
    (
        with_lm(broken_models.PadsById),
        "token id 0 is not padding",
        r"row test-0: the same log-probs with and without its prompt's tokens of id 0",
        r"PadsById\.logprobs \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.AddsTheBatchMean),
        "batching changes no logprobs",
        r"row \d, response token \d: -\S+ in a batch, -\S+ alone",
        r"AddsTheBatchMean\.logprobs \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ReadsAheadBehindAGate),
        "batching changes no logprobs",
        r"row \d, response token \d: -\S+ in a batch, -\S+ alone",
        r"ReadsAheadBehindAGate\.logprobs \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ReadsAheadBehindAGate),
        "prefill and step match logprobs",
        r"row \d, response token \d: -\S+ by prefill and step, -\S+ by logprobs",
        r"CausalLM\.prefill \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ReadsTwiceBehindAGate),
        "flops of training are those of its passes",
        r"its passes come to [\d,]+ FLOPs of training with 1 token of text, without attention;"
        r" [\d,]+ were counted",
        r"PersonalLM\.passes \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.PositionsFromTheEdge),
        "the padding side changes no logprobs",
        r"-\S+ padded left, -\S+ padded right",
        r"PositionsFromTheEdge\.logprobs",
    ),
    (
        with_lm(broken_models.NoMask),
        "prefill and step match logprobs",
        r"row 0, response token 0: -\S+ by prefill and step, -\S+ by logprobs",
        r"NoMask\.prefill \(broken_models\.py:\d+\), CausalLM\.step \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.WrongFromTheTenthToken),
        "prefill and step match logprobs",
        r"row 4, response token \d\d: -\S+ by prefill and step, -\S+ by logprobs",
        r"CausalLM\.prefill",
    ),
    (
        with_lm(broken_models.StepsOnOneRow),
        "prefill and step match logprobs",
        r"response token [1-9]: -\S+ by prefill and step",
        r"StepsOnOneRow\.step \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ForgetsPrefixes),
        "prefixes match logprobs",
        r"-\S+ by prefill with prefixes, -\S+ by logprobs",
        r"ForgetsPrefixes\.prefill",
    ),
    (
        with_lm(broken_models.KeepsOtherRows),
        "rows that leave and join keep their logprobs",
        r"row \d, response token \d: -\S+ where rows leave and join, -\S+ by logprobs",
        r"KeepsOtherRows\.keep \(broken_models\.py:\d+\), CausalLM\.join \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.JoinsInTheWrongOrder),
        "rows that leave and join keep their logprobs",
        r"row \d, response token \d: -\S+ where rows leave and join, -\S+ by logprobs",
        r"JoinsInTheWrongOrder\.join \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.DrawsWithoutSeed),
        "generation is repeatable",
        r"example test-\d at temperature 0: text \[.*\] first, \[.*\] again",
        r"DrawsWithoutSeed\.step",
    ),
    (
        with_lm(broken_models.ReadsTwice),
        "flops of training are those of its passes",
        r"its passes come to [\d,]+ FLOPs of training with 1 token of text, without attention;"
        r" [\d,]+ were counted",
        r"PersonalLM\.passes \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ReadsTheResponseTwice),
        "flops of training are those of its passes",
        r"its passes come to [\d,]+ FLOPs of training for 15 more tokens of text",
        r"PersonalLM\.passes \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.ReadsTwice),
        "flops of generation are those of its passes",
        r"its passes come to [\d,]+ FLOPs of generation with 1 token of text, without attention;"
        r" [\d,]+ were counted",
        r"PersonalLM\.passes \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.StepsTwice),
        "flops of generation are those of its passes",
        r"its passes come to [\d,]+ FLOPs of generation for 5 more tokens of text",
        r"PersonalLM\.passes \(lm\.py:\d+\)",
    ),
    (
        with_lm(broken_models.SubtractsTheBatchMean),
        "batch and order change no text",
        r"example test-\d at temperature 0: text \[.*\] in a batch, \[.*\] alone",
        r"SubtractsTheBatchMean\.prefill",
    ),
    (
        with_lm(broken_models.LeavesPadding),
        "logprobs are finite and zero at padding",
        r"1\.000 where batch\.response_mask is 0",
        r"LeavesPadding\.logprobs",
    ),
    (
        with_lm(broken_models.NotADistribution),
        "probabilities sum to one",
        r"p of all \d+ tokens sums to 0\.\d+",
        r"NotADistribution\.logprobs",
    ),
    (
        with_lm(broken_models.Detached),
        "gradients reach every trained parameter",
        r"no gradient in 25 of 26 parameters: model\.model\.layers\.0\.self_attn\.q_proj\.weight,",
        r"Detached\.logprobs",
    ),
    (
        with_lm(broken_models.IncreasesTheLoss),
        "training lowers the loss",
        r"NLL of the training texts \S+ before training, \S+ after",
        r"IncreasesTheLoss\.loss",
    ),
    (
        with_lm(broken_models.AveragesRows),
        "the loss is a mean over response tokens",
        r"loss \d+\.\d+ of \d+ response tokens at once, \d+\.\d+ from two micro-batches with",
        r"AveragesRows\.loss \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.SumsTokens),
        "the loss is a mean over response tokens",
        r"loss \d+\.\d+ of \d+ response tokens at once, \d+\.\d+ from two micro-batches with",
        r"SumsTokens\.loss \(broken_models\.py:\d+\)",
    ),
    (
        with_lm(broken_models.HasUnsavedState),
        "saving and loading preserve logprobs",
        r"-\S+ after loading, -\S+ before saving",
        r"keep all that training changes in parameters or buffers",
    ),
    (
        with_lm(broken_models.RaisesDeepInside),
        "prefill and step match logprobs",
        r"RuntimeError: size mismatch|RuntimeError: inconsistent tensor size",
        r"broken_models\.py:\d+",
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
