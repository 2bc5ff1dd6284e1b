"""CoT: write a short analysis of the user first, then the text.

Before training the untrained backbone analyses the user of every training example; training
imitates analysis, separator, reference. At test time the trained model writes its own analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Literal

from pydantic import Field

from baselines.analysis import (
    Analysis,
    Ask,
    Variant,
    ask,
    copied_share,
    fingerprint,
    write_analyses,
)
from harness.engine.backbone import Backbones
from harness.engine.decode import generate
from harness.engine.devices import number_type
from harness.engine.lm import PersonalLM
from harness.engine.text import MARK, end_id, render, template_ids
from harness.engine.train import precision
from harness.method import BaseMethod
from harness.settings import Section
from harness.types import Pair, Sampling, Target


class CotOptions(Section):
    variant: Literal["hindsight", "blind"] = "hindsight"
    """`hindsight`: the analysis for training is written with the reference in sight."""
    analysis_tokens: int = Field(128, ge=1)
    """Budget of an analysis in tokens, in training and at test time; the text's cap is apart."""
    max_copied: float = Field(0.2, ge=0, le=1)
    """Largest share of an analysis's 8-grams of words that may stand in the reference. One above
    it is rejected and counted; a blind analysis takes its place, and if that is above it too,
    none: the target is then the separator and the text."""


class Cot(BaseMethod):
    """SFT on analysis, separator, text. The separator ends the turn and opens the next."""

    name = "cot"
    trains = True
    Options: ClassVar[type[Section]] = CotOptions
    options: CotOptions

    def build(self, backbones: Backbones) -> PersonalLM:
        self.tokenizer = backbones.tokenizer
        return super().build(backbones)

    def targets(self, lm: PersonalLM, train: Sequence[Pair]) -> Sequence[Target]:
        """One target a pair, its analysis written by `lm` as it is now: before any training."""
        chosen = self._analyses(lm, train)
        between = separator(self.tokenizer)
        return [
            Target(pair.example.id, pair.reference.text, (*one, *between))
            for pair, one in zip(train, chosen, strict=True)
        ]

    def _analyses(self, lm: PersonalLM, train: Sequence[Pair]) -> list[tuple[int, ...]]:
        """The analysis of each pair in tokens; what became of them goes to the report."""
        references = {pair.example.id: pair.reference.text for pair in train}
        asks = {
            variant: {pair.example.id: self._ask(pair, variant) for pair in train}
            for variant in dict.fromkeys((self.options.variant, "blind"))
        }
        first = self._write(lm, asks, list(references))
        rejected = {key for key, one in first.items() if self._copies(one, references)}
        second: dict[str, Analysis] = {}
        if self.options.variant != "blind":
            second = self._write(lm, asks, [key for key in references if key in rejected], "blind")
        empty = {
            key for key in rejected if key not in second or self._copies(second[key], references)
        }
        kept = {key: one for key, one in {**first, **second}.items() if key not in empty}
        self.report.setdefault("analyses", []).append(
            {
                "planned": len(train),
                "variant": self.options.variant,
                "rejected": len(rejected),
                "replaced_by_blind": len(rejected) - len(empty),
                "replaced_by_none": len(empty),
                "separator_appended": sum(not one.ended for one in kept.values()),
                "empty": sum(not one.ids for one in kept.values()),
                "tokens": sum(len(one.ids) for one in kept.values()),
            }
        )
        return [kept[key].ids if key in kept else () for key in references]

    def _ask(self, pair: Pair, variant: Variant) -> Ask:
        return ask(
            self.tokenizer,
            pair.example.id,
            variant,
            self.prompt(pair.example).views["main"],
            pair.reference.text,
            self.settings.budget.target,
        )

    def _copies(self, one: Analysis, references: dict[str, str]) -> bool:
        return copied_share(one.text, references[one.example_id]) > self.options.max_copied

    def _write(
        self,
        lm: PersonalLM,
        asks: dict[Variant, dict[str, Ask]],
        wanted: Sequence[str],
        variant: Variant | None = None,
    ) -> dict[str, Analysis]:
        """Analyses of the wanted examples; in the run's folder they are found again."""
        decode, path = self.settings.decode, None
        sampling = Sampling(decode.temperature, decode.top_p, self.settings.seed)
        device = next(lm.parameters()).device
        dtype = number_type(self.settings.model, device)
        if self.workspace is not None:
            name = fingerprint(
                lm,
                [each for group in asks.values() for each in group.values()],
                options=self.options.model_dump(),
                sampling=asdict(sampling),
                batch_size=decode.batch_size,
                machine=[device.type, str(dtype)],
            )
            path = self.workspace / f"analyses-{name}.jsonl"
        with precision(device, dtype):
            return write_analyses(
                lm,
                self.tokenizer,
                [asks[variant or self.options.variant][key] for key in wanted],
                sampling,
                budget=self.options.analysis_tokens,
                batch_size=decode.batch_size,
                path=path,
            )

    def preface(
        self, lm: PersonalLM, prompts: Sequence[Sequence[int]], sampling: Sequence[Sampling]
    ) -> list[list[int]]:
        """The trained model's own analysis of each user, closed by the separator."""
        written = generate(
            lm,
            prompts,
            max_new_tokens=self.options.analysis_tokens,
            temperature=sampling[0].temperature,
            top_p=sampling[0].top_p,
            eos_id=end_id(self.tokenizer),
            seeds=[each.seed ^ 1 for each in sampling],  # the text draws from `seed` itself
        )
        unended = sum(len(ids) == self.options.analysis_tokens for ids in written)
        counts: dict[str, Any] = self.report.setdefault("prefaces", {"separator_appended": 0})
        counts["separator_appended"] += unended
        between = separator(self.tokenizer)
        return [[*ids, *between] for ids in written]


def separator(tokenizer: Any) -> tuple[int, ...]:
    """What stands between analysis and text: the end token, then the opening of a new turn.

    The end token is the one at which decoding stops, and no text can hold it. Without a chat
    template it stands alone.
    """
    end = end_id(tokenizer)
    if getattr(tokenizer, "chat_template", None) is None:
        return (end,)
    user = {"role": "user", "content": "x"}
    answered = render(tokenizer, [user, {"role": "assistant", "content": MARK}], answer=False)
    asked, opened = (render(tokenizer, [user], answer=answer) for answer in (False, True))
    after = template_ids(tokenizer, answered.partition(MARK)[2] + opened.removeprefix(asked))
    return tuple(after[after.index(end) :]) if end in after else (end,)
