"""The length of every row of a run, before it starts: prompt, hidden text, cap, target, views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from harness.engine.fits import Row, Shorten, most_positions, refuse_misfits
from harness.engine.text import encode_prompt, encode_response
from harness.method import Method, reference_targets
from harness.registry import find

if TYPE_CHECKING:
    from harness.engine.lm import PersonalLM
    from harness.pipeline.encoded_prompt import EncodedPrompt
    from harness.pipeline.plan import Plan

SPARE_TOKENS = 64
"""Most tokens that a task's own words may add to the budgets and a prompt without entries."""
PROMPT: Shorten = {"prompt": ("budget.profile", "budget.input")}
CAP: Shorten = {"decode.max_new_tokens": ("decode.max_new_tokens",)}


def refuse_long_tests(plan: Plan, lm: PersonalLM) -> None:
    """Raises UsageError if a test prompt with hidden text and cap does not fit a model of `lm`, or
    if a row of a view in the settings does not."""
    options = plan.settings.eval
    groups = [plan.test_prompts]
    if (options.lift or "other-profile" in options.controls) and not _bounded(plan, lm):
        groups.append(_with_other_profiles(plan))
    for readings in groups:
        rows = _texts(plan, lm, readings)
        refuse_misfits(lm, rows, {**CAP, **PROMPT})
        if options.likelihood:
            rows = _likelihood(plan, lm, readings)
            refuse_misfits(lm, rows, PROMPT, "--set eval.likelihood=false")
    if options.forced:
        refuse_misfits(lm, _continuations(plan, lm), PROMPT, "--set eval.forced=false")


def refuse_long_training(plan: Plan, lm: PersonalLM, name: Literal["train", "val"]) -> None:
    """The same for the rows of training or of val: prompt, hidden text, target.

    A target that a model will generate counts as the reference and the budget of its preface.
    """
    hidden, pairs = _hidden(plan, lm, training=True), plan.pairs(name)
    rows: list[Row] = []
    for row in plan.rows(pairs, reference_targets(pairs), plan.encoded(name))[0]:
        parts = (("hidden text", hidden), ("target", len(row.response)))
        for prompt in (row.prompt, *row.views.values()):
            whole = (("prompt", len(prompt)), *parts)
            rows.append(Row(row.id, f"the {name} row", whole, (prompt, row.response)))
    refuse_misfits(lm, rows, {"target": ("budget.target",), **PROMPT})


def _hidden(plan: Plan, lm: PersonalLM, training: bool) -> int:
    """Most hidden tokens and thoughts before a text."""
    return plan.method.longest_preface(training) + lm.hidden_per_example


def _prompts(reading: EncodedPrompt) -> Iterator[tuple[int, ...]]:
    yield reading.prompt
    yield from reading.views.values()


def _texts(plan: Plan, lm: PersonalLM, readings: Sequence[EncodedPrompt]) -> Iterator[Row]:
    """Prompt, hidden text, cap: the row of a generated text."""
    rest = (
        ("hidden text", _hidden(plan, lm, training=False)),
        ("decode.max_new_tokens", plan.settings.decode.max_new_tokens),
    )
    for reading in readings:
        for ids in _prompts(reading):
            parts = (("prompt", len(ids)), *rest)
            yield Row(reading.example.id, "the test prompt", parts, (ids,))


def _likelihood(plan: Plan, lm: PersonalLM, readings: Sequence[EncodedPrompt]) -> Iterator[Row]:
    """Prompt, hidden text, the whole reference."""
    hidden = ("hidden text", _hidden(plan, lm, training=False))
    for reading in readings:
        text = plan.test.references[reading.example.id].text
        reference = encode_response(plan.backbones.tokenizer, text).ids
        for ids in _prompts(reading):
            parts = (("prompt", len(ids)), hidden, ("reference", len(reference)))
            yield Row(reading.example.id, "eval.likelihood", parts, (ids, reference))


def _continuations(plan: Plan, lm: PersonalLM) -> Iterator[Row]:
    """Prompt, hidden text, the given part of the reference, and the continuation's first round.

    Later rounds go only as far as there is room (harness/pipeline/evaluate/continuation.py).
    """
    from harness.pipeline.evaluate.continuation import most_tokens, spans

    hidden = ("hidden text", _hidden(plan, lm, training=False))
    windows = []
    for reading in plan.test_prompts:
        text = plan.test.references[reading.example.id].text
        coded = encode_response(plan.backbones.tokenizer, text)
        windows += [(reading, each) for each in spans(coded, text, plan.settings.eval.slices)]
    most = most_tokens([each.needed for _, each in windows])
    for reading, each in windows:
        for ids in _prompts(reading):
            parts = (("prompt", len(ids)), hidden, ("given", each.given), ("window", most))
            yield Row(reading.example.id, "eval.forced", parts)


def _bounded(plan: Plan, lm: PersonalLM) -> bool:
    """Whether the budgets alone keep every prompt with another user's profile short enough.

    If so, those prompts need not be made. True only for methods with the shared prompt.
    """
    if type(plan.method).prompt is not Method.prompt:
        return False
    settings, tokenizer = plan.settings, plan.backbones.tokenizer
    budget, most = settings.budget, most_positions(lm)
    bare = len(encode_prompt(tokenizer, find("task", settings.task).prompt([], "")))
    references = (
        len(encode_response(tokenizer, each.text).ids) for each in plan.test.references.values()
    )
    after = max(settings.decode.max_new_tokens, *references, 0)
    longest = bare + budget.profile + budget.input + _hidden(plan, lm, training=False) + after
    return most is None or longest + SPARE_TOKENS <= most


def _with_other_profiles(plan: Plan) -> list[EncodedPrompt]:
    """The prompts of the profile swap and of thought replacement by "other-profile"."""
    from harness.pipeline.evaluate.profile_swap import donor_examples
    from harness.pipeline.evaluate.thought_replacement import prompts_with_thoughts

    readings: list[EncodedPrompt] = []
    if plan.settings.eval.lift:
        readings += [
            reading
            for each in donor_examples(plan).examples.values()
            for reading in plan.encode(each)
        ]
    if "other-profile" in plan.settings.eval.controls:
        readings += prompts_with_thoughts(plan, "other-profile") or []
    return readings
