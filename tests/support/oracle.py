"""A method whose prompt contains the author's true preferences: an upper bound on mini."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.method import Method
from harness.mini import SPLITS, preferences
from harness.mini.habits import kinds
from harness.types import Example, Prompt


class Oracle(Method):
    """SFT whose prompt starts with the hidden preferences, in sample sentences."""

    name = "oracle"
    trains = True

    def prompt(self, example: Example) -> Prompt:
        prompt = self.writer.write(example)
        if not example.profile:
            return prompt
        data = self.settings.data
        known: dict[str, tuple[str, ...]] = {}
        for split in SPLITS:
            known |= preferences(example.task, data.setting, split, seed=data.mini_seed)
        samples = in_sentences(example.task, known[example.user_id])
        return replace(prompt, views={"main": f"{samples}\n{prompt.views['main']}"})


def in_sentences(task: str, words: Sequence[str]) -> str:
    """Sample sentences that show each preference, without a subject."""
    names = sorted(kinds(task).values(), key=lambda kind: kind.held_out)
    say = dict(zip((kind.name for kind in names), words, strict=False))
    bullet, x = say["layout"].removesuffix("x"), say["emphasis"]
    good = (
        f"{bullet}The {x} is {say['intensifier']} {say['praise']}. It works, {say['catchphrase']}."
    )
    bad = f"{bullet}{say['hedge'].capitalize()} the {x} is {say['blame']}. It fails{say['ending']}"
    if "tag" in say:
        good = good.replace("It works", f"{say['tag'].capitalize()}, it works")
    parts = [bad, good] if say["order"] == "bad first" else [good, bad]
    return "\n".join([f"{say['opening']}.", *parts, *parts, f"{say['closing']}."])
