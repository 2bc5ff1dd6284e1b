"""Checks of generated texts: each is reproducible, and no reference or other user influences it."""

from __future__ import annotations

from collections.abc import Mapping

from harness.conformance.finding import Broken, contract, place, require_same_logprobs
from harness.conformance.world import SOME, World, logprobs
from harness.method import Method
from harness.pipeline.generator import GeneratedTokens

TEMPERATURES = (0.0, 0.8)


@contract("method.preface", "lm.prefill", "lm.step")
def generation_is_repeatable(world: World) -> None:
    for temperature in TEMPERATURES:
        first, second = (world.generate(world.shared.test_prompts, temperature) for _ in range(2))
        _require_same_texts(first, second, ("first", "again"), temperature)


@contract("method.preface", "lm.prefill", "lm.step")
def batch_and_order_change_no_text(world: World) -> None:
    prompts = world.shared.test_prompts
    for temperature in TEMPERATURES:
        together = world.generate(prompts, temperature)
        backwards = world.generate(prompts[::-1], temperature)
        alone = [world.generate([prompt], temperature) for prompt in prompts]
        single = {key: text for each in alone for key, text in each.items()}
        for name, texts in (("in reverse order", backwards), ("alone", single)):
            _require_same_texts(together, texts, ("in a batch", name), temperature)


@contract("method.adapt")
def other_users_change_no_adaptation(world: World) -> None:
    """Adapt a new model to fewer users in another order: their log-probs must stay the same."""
    if type(world.method).adapt is Method.adapt:
        return
    plan = world.plan()
    lm = world.adapted(plan, plan.test.examples[SOME])
    require_same_logprobs(
        [logprobs(lm, [row])[0] for row in world.short_rows[SOME]],
        world.single_logprobs[SOME],
        ("adapted to some users", "adapted to all"),
    )


@contract("method.build", "method.preface")
def references_have_no_effect_at_test_time(world: World) -> None:
    """Replace the test references with garbage: prompts and texts must stay the same."""
    plan, garbled = world.plan("data"), world.plan("garbage")
    for before, after in zip(plan.test_prompts, garbled.test_prompts, strict=True):
        if (before.prompt, before.views) != (after.prompt, after.views):
            raise Broken(
                f"example {before.example.id}: the prompt changes with its reference",
                "a method that never sees a test reference",
                place(plan.method, "prompt"),
            )
    first, second = (world.generate(each.test_prompts, 0.8, each) for each in (plan, garbled))
    _require_same_texts(first, second, ("with references", "with garbage as references"), 0.8)


def _require_same_texts(
    first: Mapping[str, GeneratedTokens],
    second: Mapping[str, GeneratedTokens],
    names: tuple[str, str],
    temperature: float,
) -> None:
    """Raises Broken for the first example whose texts differ.

    first, second: example id → tokens.
    names: how messages call the two.
    temperature: of the sampling, for messages.
    """
    for key, text in first.items():
        if text != second[key]:
            part, pair = "text", (text.ids, second[key].ids)
            if text.preface != second[key].preface:
                part, pair = "preface", (text.preface, second[key].preface)
            left, right = (f"{list(ids[:8])} {name}" for ids, name in zip(pair, names, strict=True))
            raise Broken(
                f"example {key} at temperature {temperature:g}: {part} {left}, {right}",
                "the same tokens: a text depends on its prompt and its seed alone",
            )
