"""Prompts for methods that run the model twice: with the profile and without."""

from __future__ import annotations

from harness.method import Method
from harness.types import Example, Prompt

NO_PROFILE = "no_profile"


class TwoViews(Method):
    """The shared prompt as view "main", and the same without the profile as "no_profile"."""

    def prompt(self, example: Example) -> Prompt:
        full = self.writer.write(example)
        bare = self.writer.write(example, profile=False)
        return Prompt(example.id, {**full.views, NO_PROFILE: bare.views["main"]}, full.cut)
