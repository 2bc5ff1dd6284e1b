"""For methods that run the model twice: with the profile and without."""

from __future__ import annotations

from dataclasses import replace

from harness.engine.lm import CausalLM, Pass, RowLengths
from harness.method import Method
from harness.types import Example, Prompt

NO_PROFILE = "no_profile"


class TwoViews(Method):
    """The shared prompt as view "main", and the same without the profile as "no_profile"."""

    def prompt(self, example: Example) -> Prompt:
        full = self.writer.write(example)
        bare = self.writer.write(example, profile=False)
        return replace(full, views={**full.views, NO_PROFILE: bare.views["main"]})


class TrainedOnTwoViews(CausalLM):
    """A causal LM whose loss reads both views; it generates from the first alone.

    bare_backward: whether the loss has gradients through the pass without profile.
    """

    bare_backward = True

    def passes(self, row: RowLengths, training: bool) -> list[Pass]:
        main = super().passes(row.only("main"), training)
        if not training:
            return main
        bare = super().passes(row.only(NO_PROFILE), training)
        return [*main, *(replace(each, backward=self.bare_backward) for each in bare)]
