"""A method that reads twice: with the profile, and without."""

from __future__ import annotations

from harness.method import Method
from harness.types import Example, Prompt

NO_PROFILE = "no_profile"


class TwoViews(Method):
    """The shared prompt as "main", and the same without profile as "no_profile"."""

    def prompt(self, example: Example) -> Prompt:
        whole = self.writer.write(example)
        bare = self.writer.write(example, profile=False)
        return Prompt(example.id, {**whole.views, NO_PROFILE: bare.views["main"]}, whole.cut)
