"""Checks of what a method writes: reproducible for each example, and blind to references."""

from __future__ import annotations

from harness.conformance.finding import Broken, place
from harness.conformance.world import Text, World

TEMPERATURES = (0.0, 0.8)


def writing_twice_gives_the_same_text(world: World) -> None:
    readings = world.shared.test_readings
    for temperature in TEMPERATURES:
        first, second = (
            world.write(world.shared, world.lm, readings, temperature) for _ in range(2)
        )
        _same(first, second, "once", "again", temperature, _writer(world))


def neighbours_and_order_change_no_text(world: World) -> None:
    readings = world.shared.test_readings
    for temperature in TEMPERATURES:
        together = world.write(world.shared, world.lm, readings, temperature)
        turned = world.write(world.shared, world.lm, readings[::-1], temperature)
        alone = {
            key: text
            for reading in readings
            for key, text in world.write(world.shared, world.lm, [reading], temperature).items()
        }
        for way, texts in (("in the order turned round", turned), ("alone", alone)):
            _same(together, texts, "in a batch", way, temperature, _writer(world))


def references_change_nothing_at_test_time(world: World) -> None:
    """The same run on data whose test references are garbage: prompts and texts stay."""
    told, garbled = world.plan("data"), world.plan("garbage")
    for one, two in zip(told.test_readings, garbled.test_readings, strict=True):
        if (one.prompt, one.views) != (two.prompt, two.views):
            raise Broken(
                f"example {one.example.id}: another prompt when its reference is swapped",
                "a method that never sees a test reference",
                place(told.method, "prompt"),
            )
    first, second = (
        world.write(plan, world.build(plan), plan.test_readings) for plan in (told, garbled)
    )
    look = f"{place(told.method, 'build')}, {place(told.method, 'preface')}"
    _same(first, second, "with references", "with garbage for references", 0.8, look)


def _writer(world: World) -> str:
    parts = [place(world.method, "preface"), place(world.lm, "prefill"), place(world.lm, "step")]
    return ", ".join(parts)


def _same(
    one: dict[str, Text], two: dict[str, Text], way: str, other: str, temperature: float, look: str
) -> None:
    for key, text in one.items():
        if text != two[key]:
            differs = text.preface != two[key].preface
            mine, theirs = (each.preface if differs else each.ids for each in (text, two[key]))
            raise Broken(
                f"example {key} at temperature {temperature:g}: {'preface' if differs else 'text'}"
                f" {list(mine[:8])} {way}, {list(theirs[:8])} {other}",
                "the same tokens: an example's text hangs on its prompt and its own seed",
                look,
            )
