"""Checks of a method's parts, prompts, targets and prefaces."""

from __future__ import annotations

from collections.abc import Sequence

from harness.conformance.finding import Broken, contract, place
from harness.conformance.world import SOME, World
from harness.method import Method
from harness.types import Sampling, Target, TrainingPair

PARTS = ("prompt", "build", "targets", "preface")


@contract()
def a_method_has_all_its_parts(world: World) -> None:
    method, look = world.method, f"class {type(world.method).__name__}"
    missing = [part for part in PARTS if not callable(getattr(method, part, None))]
    if missing:
        raise Broken(f"no {', '.join(missing)}()", f"{', '.join(PARTS)}", look)
    if not isinstance(method.name, str) or not method.name:
        raise Broken(f"name = {method.name!r}", "a non-empty text", look)
    if not isinstance(method.trains, bool):
        raise Broken(f"trains = {method.trains!r}", "True or False", look)


@contract("method.build")
def a_reasoner_is_declared(world: World) -> None:
    plan = world.plan()
    world.build(plan)
    if plan.backbones.reasoner_taken and not plan.method.has_reasoner:
        raise Broken("build() takes backbones.reasoner", "has_reasoner = True in the class")


@contract("method.prompt")
def a_prompt_has_a_main_view(world: World) -> None:
    names: set[str] = set()
    world.method.prepare(world.shared.test.examples)
    for example in world.shared.test.examples:
        prompt = world.method.prompt(example)
        if prompt.example_id != example.id:
            raise Broken(f"a prompt for {prompt.example_id!r}", f"for {example.id!r}")
        if "main" not in prompt.views:
            raise Broken(f"views {sorted(prompt.views)}", 'a view called "main"')
        empty = [name for name, text in prompt.views.items() if not text.strip()]
        if empty:
            raise Broken(f"example {example.id}: view {empty[0]!r} is empty", "some text")
        names = names or set(prompt.views)
        if set(prompt.views) != names:
            raise Broken(
                f"example {example.id}: views {sorted(prompt.views)}",
                f"the same views for every example: {sorted(names)}",
            )


@contract("method.prompt")
def a_prompt_is_deterministic(world: World) -> None:
    """A new method, prepared for fewer examples in another order, makes the same prompts."""
    examples = world.shared.test.examples
    world.method.prepare(examples)
    first = {example.id: world.method.prompt(example) for example in examples}
    new, some = world.plan().method, examples[SOME]
    new.prepare(some)
    repeats = [(one, world.method.prompt(one)) for one in reversed(examples)]
    for example, repeat in (*repeats, *((one, new.prompt(one)) for one in some)):
        prompt = first[example.id]
        if dict(prompt.views) != dict(repeat.views):
            name = next(n for n in prompt.views if prompt.views[n] != repeat.views.get(n))
            difference = _difference(prompt.views[name], repeat.views.get(name, ""))
            raise Broken(
                f"example {example.id}, view {name!r}: {difference}",
                "the same text for the same example, whatever came before it and whichever other"
                " examples are prepared",
            )


def _difference(first: str, second: str) -> str:
    """The two texts from the first character at which they differ."""
    pairs = enumerate(zip(first, second, strict=False))
    shorter = min(len(first), len(second))
    start = next((index for index, (a, b) in pairs if a != b), shorter)
    return (
        f"{first[start : start + 24]!r}, then {second[start : start + 24]!r} at character {start}"
    )


@contract("method.targets")
def each_pair_has_one_target_in_order(world: World) -> None:
    plan = world.plan()
    lm, pairs = world.build(plan), plan.splits["test"].pairs()
    for ordered in (pairs, pairs[::-1]):
        _require_targets(world, plan.method.targets(lm, ordered), ordered)


@contract("method.val_targets", trained=True)
def each_pair_of_val_has_one_target_in_order(world: World) -> None:
    if type(world.method).val_targets is not Method.val_targets:  # else they are those of `targets`
        plan = world.plan()
        pairs = plan.splits["val"].pairs()
        _require_targets(world, plan.method.val_targets(world.build(plan), pairs), pairs)


def _require_targets(
    world: World, targets: Sequence[Target], pairs: Sequence[TrainingPair]
) -> None:
    """Raises Broken unless there is a target for each pair, with its reference, in order."""
    got = [target.example_id for target in targets]
    expected = [pair.example.id for pair in pairs]
    if got != expected:
        raise Broken(f"targets for {', '.join(got)}", f"for {', '.join(expected)}")
    for target, pair in zip(targets, pairs, strict=True):
        if target.text != pair.reference.text:
            raise Broken(
                f"example {target.example_id}: text {target.text[:40]!r}",
                f"the reference, {pair.reference.text[:40]!r}; hidden tokens go in `preface`",
            )
        for preface in (target.preface, *(stage for _, stage in target.curriculum)):
            _require_right_tokens(world, preface, f"example {target.example_id}", training=True)


@contract("method.preface")
def each_prompt_has_one_preface(world: World) -> None:
    prompts = [list(encoded.prompt) for encoded in world.shared.test_prompts]
    for rows in (prompts, prompts[:1]):
        sampling = [Sampling(seed=index) for index in range(len(rows))]
        prefaces = world.method.preface(world.lm, rows, sampling)
        if len(prefaces) != len(rows):
            raise Broken(f"{len(prefaces)} prefaces for {len(rows)} prompts", "one each")
        for index, preface in enumerate(prefaces):
            _require_right_tokens(world, preface, f"prompt {index}", training=False)


def _require_right_tokens(world: World, ids: Sequence[int], what: str, *, training: bool) -> None:
    """Raises Broken for a preface with a token that the model has not, or of too many tokens."""
    size, most = len(world.shared.backbones.tokenizer), world.method.longest_preface(training)
    wrong = [token for token in ids if not isinstance(token, int) or not 0 <= token < size]
    if wrong:
        raise Broken(f"{what}: preface token {wrong[0]!r}", f"ids from 0 to {size - 1}")
    if len(ids) > most:
        raise Broken(
            f"{what}: a preface of {len(ids)} tokens",
            f"at most {most}, which longest_preface({training=}) gave: a run checks that so many"
            " fit the model",
            place(world.method, "longest_preface"),
        )
