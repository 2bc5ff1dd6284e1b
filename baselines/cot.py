"""CoT: generate a short analysis of the user, then the text.

Before training, the base model generates an analysis for every training example. Targets are
analysis, separator, reference. At test time the trained model generates its own analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from baselines.analysis import analyse, separator
from baselines.options import AnalysisOptions
from harness.engine.decode import generate
from harness.engine.lm import PersonalLM
from harness.method import Method
from harness.settings import Section
from harness.types import Sampling, Target, TrainingPair


class Cot(Method):
    """SFT on analysis, separator, text. The separator ends one turn and opens the next."""

    name = "cot"
    trains = True
    Options: ClassVar[type[Section]] = AnalysisOptions
    options: AnalysisOptions

    @cached_property
    def between(self) -> tuple[int, ...]:
        """The separator, in tokens."""
        return separator(self.rules.tokenizer, self.rules.ends)

    def targets(self, lm: PersonalLM, train: Sequence[TrainingPair]) -> Sequence[Target]:
        """A target for each pair, with an analysis by `lm`, which is not trained yet."""
        return self._targets("analyses", lm, train)

    def val_targets(self, lm: PersonalLM, val: Sequence[TrainingPair]) -> Sequence[Target]:
        return self._targets("val_analyses", lm, val)

    def _targets(self, key: str, lm: PersonalLM, pairs: Sequence[TrainingPair]) -> list[Target]:
        analyses = analyse(self, self.options, lm, pairs)
        self.report[key] = dict(analyses.counts)
        return [
            Target(
                pair.example.id,
                pair.reference.text,
                (*analyses.kept[pair.example.id], *self.between),
            )
            for pair in pairs
        ]

    def preface(
        self, lm: PersonalLM, prompts: Sequence[Sequence[int]], sampling: Sequence[Sampling]
    ) -> list[list[int]]:
        """The trained model's analysis of each user, followed by the separator."""
        texts = generate(
            lm,
            prompts,
            max_new_tokens=self.options.analysis_tokens,
            **sampling[0].drawing,
            **self.rules.stopping,
            seeds=[each.seed ^ 1 for each in sampling],  # the text uses `seed` itself
        )
        return [[*self.rules.read(ids).kept, *self.between] for ids in texts]

    def longest_preface(self, training: bool) -> int:
        return self.options.analysis_tokens + len(self.between)

    def preface_report(self, prefaces: Sequence[Sequence[int]]) -> dict[str, Any]:
        """How many analyses used up their budget and got the separator appended."""
        most = self.longest_preface(training=False)
        return {"separator_appended": sum(len(ids) == most for ids in prefaces)}
