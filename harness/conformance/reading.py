"""Checks of what a method is and reads: its parts, prompts, targets and prefaces."""

from __future__ import annotations

from collections.abc import Sequence

from harness.conformance.finding import Broken, place
from harness.conformance.world import World
from harness.types import Sampling, Target

PARTS = ("prompt", "build", "targets", "preface")


def it_has_the_parts_of_a_method(world: World) -> None:
    method = world.method
    missing = [part for part in PARTS if not callable(getattr(method, part, None))]
    if missing:
        raise Broken(f"no {', '.join(missing)}()", f"{', '.join(PARTS)}", _class(world))
    if not isinstance(method.name, str) or not method.name:
        raise Broken(f"name = {method.name!r}", "a text that is not empty", _class(world))
    if not isinstance(method.trains, bool):
        raise Broken(f"trains = {method.trains!r}", "True or False", _class(world))


def _class(world: World) -> str:
    return f"class {type(world.method).__name__}"


def a_prompt_has_a_main_view(world: World) -> None:
    look = place(world.method, "prompt")
    names = None
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


def a_prompt_is_the_same_every_time(world: World) -> None:
    look = place(world.method, "prompt")
    examples = world.shared.test.examples
    first = [world.method.prompt(example) for example in examples]
    again = [world.method.prompt(example) for example in reversed(examples)][::-1]
    other = [world.plan().method.prompt(example) for example in examples]
    for one, *others in zip(first, again, other, strict=True):
        for two in others:
            if dict(one.views) != dict(two.views):
                name = next(name for name in one.views if one.views[name] != two.views.get(name))
                raise Broken(
                    f"example {one.example_id}, view {name!r}:"
                    f" {_difference(one.views[name], two.views.get(name, ''))}",
                    "the same text for the same example, whatever was read before",
                    look,
                )


def _difference(one: str, two: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    at = min(len(one), len(two)) if at is None else at
    return f"{one[at : at + 24]!r}, then {two[at : at + 24]!r} at character {at}"


def targets_are_one_a_pair_in_order(world: World) -> None:
    look = place(world.method, "targets")
    plan = world.plan()
    lm = world.build(plan)
    pairs = plan.splits["test"].pairs()
    for given in (pairs, pairs[::-1]):
        targets: Sequence[Target] = plan.method.targets(lm, given)
        got, wanted = (
            [target.example_id for target in targets],
            [pair.example.id for pair in given],
        )
        if got != wanted:
            raise Broken(f"targets for {', '.join(got)}", f"for {', '.join(wanted)}", look)
        for target, pair in zip(targets, given, strict=True):
            if target.text != pair.reference.text:
                raise Broken(
                    f"example {target.example_id}: text {target.text[:40]!r}",
                    f"the reference, {pair.reference.text[:40]!r}; hidden tokens go in `preface`",
                    look,
                )
            for preface in (target.preface, *(each for _, each in target.curriculum)):
                _known_tokens(world, preface, f"example {target.example_id}", look)


def a_preface_is_one_list_a_prompt(world: World) -> None:
    look = place(world.method, "preface")
    lm = world.lm
    prompts = [list(reading.prompt) for reading in world.shared.test_readings]
    for rows in (prompts, prompts[:1]):
        given = world.method.preface(lm, rows, [Sampling(seed=at) for at in range(len(rows))])
        if len(given) != len(rows):
            raise Broken(f"{len(given)} prefaces for {len(rows)} prompts", "one each", look)
        for index, preface in enumerate(given):
            _known_tokens(world, preface, f"prompt {index}", look)


def _known_tokens(world: World, ids: Sequence[int], what: str, look: str) -> None:
    size = len(world.shared.backbones.tokenizer)
    wrong = [token for token in ids if not isinstance(token, int) or not 0 <= token < size]
    if wrong:
        raise Broken(f"{what}: preface token {wrong[0]!r}", f"ids from 0 to {size - 1}", look)
