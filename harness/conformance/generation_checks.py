"""Checks of generated texts: each is reproducible, and no reference influences it."""

from __future__ import annotations

from harness.conformance.finding import Broken, place
from harness.conformance.world import Text, World

TEMPERATURES = (0.0, 0.8)


def generation_is_repeatable(world: World) -> None:
    readings = world.shared.test_prompts
    for temperature in TEMPERATURES:
        first, second = (
            world.generate(world.shared, world.lm, readings, temperature) for _ in range(2)
        )
        look = _generation_code(world)
        _require_same_texts(first, second, ("first", "again"), temperature, look)


def batch_and_order_change_no_text(world: World) -> None:
    readings = world.shared.test_prompts
    for temperature in TEMPERATURES:
        together = world.generate(world.shared, world.lm, readings, temperature)
        reversed_ = world.generate(world.shared, world.lm, readings[::-1], temperature)
        alone = {
            key: text
            for reading in readings
            for key, text in world.generate(world.shared, world.lm, [reading], temperature).items()
        }
        look = _generation_code(world)
        for name, texts in (("in reverse order", reversed_), ("alone", alone)):
            _require_same_texts(together, texts, ("in a batch", name), temperature, look)


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
    first, second = (
        world.generate(each, world.build(each), each.test_prompts) for each in (plan, garbled)
    )
    look = f"{place(plan.method, 'build')}, {place(plan.method, 'preface')}"
    names = ("with references", "with garbage as references")
    _require_same_texts(first, second, names, 0.8, look)


def _generation_code(world: World) -> str:
    """The places that decide a text, for messages."""
    parts = [place(world.method, "preface"), place(world.lm, "prefill"), place(world.lm, "step")]
    return ", ".join(parts)


def _require_same_texts(
    first: dict[str, Text],
    second: dict[str, Text],
    names: tuple[str, str],
    temperature: float,
    look: str,
) -> None:
    """Raises Broken for the first example whose texts differ.

    first, second: example id → text.
    names: how messages call the two.
    temperature: of the sampling, for messages.
    look: the place in the method's code to look at.
    """
    for key, text in first.items():
        other = second[key]
        if text == other:
            continue
        part = "preface" if text.preface != other.preface else "text"
        left, right = (t.preface if part == "preface" else t.ids for t in (text, other))
        raise Broken(
            f"example {key} at temperature {temperature:g}: {part}"
            f" {list(left[:8])} {names[0]}, {list(right[:8])} {names[1]}",
            "the same tokens: a text depends on its prompt and its seed alone",
            look,
        )
