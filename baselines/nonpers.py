"""Non-pers: the base model with the input x only. The floor of personalization."""

from __future__ import annotations

from harness.method import Method
from harness.types import Example, Prompt


class NonPers(Method):
    """No profile, no training."""

    name = "nonpers"

    def prompt(self, example: Example) -> Prompt:
        return self.writer.write(example, profile=False)
