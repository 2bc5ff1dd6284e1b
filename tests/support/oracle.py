"""A method whose prompt contains the author's true preferences: an upper bound on mini."""

from __future__ import annotations

from dataclasses import replace

from harness.method import Method
from harness.mini.analysis import true_analyses
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
        samples = true_analyses(example.task, data.setting, data.mini_seed)[example.id]
        return replace(prompt, views={"main": f"{samples}\n{prompt.views['main']}"})
