"""Checks of a method's parts, prompts, targets and prefaces."""

from __future__ import annotations

from collections.abc import Sequence

from harness.conformance.finding import Broken, place
from harness.conformance.world import World
from harness.types import Sampling, Target

PARTS = ("prompt", "build", "targets", "preface")


def a_method_has_all_its_parts(world: World) -> None:
    method = world.method
    missing = [part for part in PARTS if not callable(getattr(method, part, None))]
    if missing:
        raise Broken(f"no {', '.join(missing)}()", f"{', '.join(PARTS)}", _class(world))
    if not isinstance(method.name, str) or not method.name:
        raise Broken(f"name = {method.name!r}", "a non-empty text", _class(world))
    if not isinstance(method.trains, bool):
        raise Broken(f"trains = {method.trains!r}", "True or False", _class(world))


def _class(world: World) -> str:
    return f"class {type(world.method).__name__}"


def a_prompt_has_a_main_view(world: World) -> None:
    look = place(world.method, "prompt")
    names: set[str] | None = None
    for example in world.shared.test.examples:
        prompt = world.method.prompt(example)
        if prompt.example_id != example.id:
            raise Broken(f"a prompt for {prompt.example_id!r}", f"for {example.id!r}", look)
        if "main" not in prompt.views:
            raise Broken(f"views {sorted(prompt.views)}", 'a view called "main"', look)
        empty = [name for name, text in prompt.views.items() if not text.strip()]
        if empty:
            raise Broken(f"example {example.id}: view {empty[0]!r} is empty", "some text", look)
        names = names or set(prompt.views)
        if set(prompt.views) != names:
            raise Broken(
                f"example {example.id}: views {sorted(prompt.views)}",
                f"the same views for every example: {sorted(names)}",
                look,
            )


def a_prompt_is_deterministic(world: World) -> None:
    look = place(world.method, "prompt")
    examples = world.shared.test.examples
    first = [world.method.prompt(example) for example in examples]
    reordered = [world.method.prompt(example) for example in reversed(examples)][::-1]
    new_method = [world.plan().method.prompt(example) for example in examples]
    for prompt, *repeats in zip(first, reordered, new_method, strict=True):
        for repeat in repeats:
            if dict(prompt.views) != dict(repeat.views):
                name = next(n for n in prompt.views if prompt.views[n] != repeat.views.get(n))
                raise Broken(
                    f"example {prompt.example_id}, view {name!r}:"
                    f" {_difference(prompt.views[name], repeat.views.get(name, ''))}",
                    "the same text for the same example, whatever came before it",
                    look,
                )


def _difference(first: str, second: str) -> str:
    """The two texts from the first character at which they differ."""
    pairs = enumerate(zip(first, second, strict=False))
    shorter = min(len(first), len(second))
    start = next((index for index, (a, b) in pairs if a != b), shorter)
    return (
        f"{first[start : start + 24]!r}, then {second[start : start + 24]!r} at character {start}"
    )


def each_pair_has_one_target_in_order(world: World) -> None:
    look = place(world.method, "targets")
    plan = world.plan()
    lm = world.build(plan)
    pairs = plan.splits["test"].pairs()
    for ordered in (pairs, pairs[::-1]):
        targets: Sequence[Target] = plan.method.targets(lm, ordered)
        got = [target.example_id for target in targets]
        expected = [pair.example.id for pair in ordered]
        if got != expected:
            raise Broken(f"targets for {', '.join(got)}", f"for {', '.join(expected)}", look)
        for target, pair in zip(targets, ordered, strict=True):
            if target.text != pair.reference.text:
                raise Broken(
                    f"example {target.example_id}: text {target.text[:40]!r}",
                    f"the reference, {pair.reference.text[:40]!r}; hidden tokens go in `preface`",
                    look,
                )
            for preface in (target.preface, *(stage for _, stage in target.curriculum)):
                _require_known_tokens(world, preface, f"example {target.example_id}", look)


def each_prompt_has_one_preface(world: World) -> None:
    look = place(world.method, "preface")
    lm = world.lm
    prompts = [list(reading.prompt) for reading in world.shared.test_prompts]
    for rows in (prompts, prompts[:1]):
        sampling = [Sampling(seed=index) for index in range(len(rows))]
        prefaces = world.method.preface(lm, rows, sampling)
        if len(prefaces) != len(rows):
            raise Broken(f"{len(prefaces)} prefaces for {len(rows)} prompts", "one each", look)
        for index, preface in enumerate(prefaces):
            _require_known_tokens(world, preface, f"prompt {index}", look)


def _require_known_tokens(world: World, ids: Sequence[int], what: str, look: str) -> None:
    size = len(world.shared.backbones.tokenizer)
    wrong = [token for token in ids if not isinstance(token, int) or not 0 <= token < size]
    if wrong:
        raise Broken(f"{what}: preface token {wrong[0]!r}", f"ids from 0 to {size - 1}", look)
