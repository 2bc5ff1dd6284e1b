"""A method that is told the author's true preferences in its prompt: what mini can show at most."""

from __future__ import annotations

from dataclasses import replace

from harness.method import BaseMethod
from harness.mini import SPLITS, preferences
from harness.types import Example, Prompt


class Oracle(BaseMethod):
    """SFT whose prompt holds the hidden preferences instead of the profile."""

    name = "oracle"
    trains = True

    def prompt(self, example: Example) -> Prompt:
        data = self.settings.data
        known: dict[str, tuple[str, ...]] = {}
        for split in SPLITS:
            known |= preferences(example.task, data.setting, split, seed=data.mini_seed)
        bare = self.writer.write(example, profile=False)
        told = " ; ".join(known[example.user_id]) if example.profile else ""
        return replace(bare, views={"main": f"{told}\n{bare.views['main']}"})
