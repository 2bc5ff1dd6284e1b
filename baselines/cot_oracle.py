"""CoT with true analyses, on the built-in benchmark: what CoT could gain from better analyses.

Training targets begin with the author's true preferences at the time of the text, in sample
sentences, where CoT has an analysis by the base model. At test time the trained model writes its
own analysis, as in CoT: only training reads hidden preferences. An upper bound for CoT, not a
method.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from baselines.cot import Cot
from harness.data.source import source_of
from harness.engine.lm import PersonalLM
from harness.engine.text import encode_response
from harness.errors import UsageError
from harness.settings import RunSettings
from harness.types import Target, TrainingPair


class CotOracle(Cot):
    """SFT on true analysis, separator, text. Raises UsageError for data other than mini."""

    name = "cot-oracle"

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        if not source_of(settings.data.source).built_in:
            raise UsageError(
                f"method cot-oracle: data.source = {settings.data.source}; only the built-in"
                " benchmark (--data mini) knows its authors' true preferences. Use --method cot"
            )

    @cached_property
    def analyses(self) -> dict[str, str]:
        """Example id → true analysis."""
        from harness.mini.analysis import true_analyses

        data = self.settings.data
        return true_analyses(self.settings.task, data.setting, data.mini_seed)

    def _targets(self, key: str, lm: PersonalLM, pairs: Sequence[TrainingPair]) -> list[Target]:
        most, targets = self.options.analysis_tokens, []
        for pair in pairs:
            ids = encode_response(self.rules.tokenizer, self.analyses[pair.example.id]).ids
            preface = (*ids[:most], *self.between)
            targets.append(Target(pair.example.id, pair.reference.text, preface))
        self.report[key] = {"planned": len(pairs), "true": len(pairs)}
        return targets
