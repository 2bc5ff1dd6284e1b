"""Which analysis an example is trained with: the one asked for, a blind one, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from baselines.analysis.asking import Ask, Variant, ask
from baselines.analysis.writing import Analysis, fingerprint, write_analyses
from harness.engine.devices import number_type
from harness.engine.flops import NoEstimateError, generation_flops
from harness.engine.lm import PersonalLM
from harness.engine.needs import refuse_long_requests
from harness.engine.train import precision
from harness.engine.visible_text import rules_of
from harness.method import Method
from harness.settings import Section
from harness.types import Sampling, TrainingPair

GRAM = 8
_WORD = re.compile(r"\w+")


class AnalysisOptions(Section):
    variant: Literal["hindsight", "blind"] = "hindsight"
    """`hindsight`: the analysis for training is written with the reference in sight."""
    analysis_tokens: int = Field(128, ge=1)
    """Budget of an analysis in tokens, in training and at test time; the text's cap is apart."""
    max_copied: float = Field(0.2, ge=0, le=1)
    """Largest share of an analysis's 8-grams of words that may stand in the reference. One above
    it is rejected and counted; a blind analysis takes its place, and if that is above it too,
    none: the target is then the separator and the text."""


@dataclass(frozen=True)
class Analyses:
    """kept: example id → its analysis in tokens, () for none. counts: what became of them all."""

    kept: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, Any]


def analyse(
    method: Method,
    options: AnalysisOptions,
    tokenizer: Any,
    lm: PersonalLM,
    pairs: Sequence[TrainingPair],
) -> Analyses:
    """An analysis for each pair, written by `lm` as it is now and kept in the method's workspace.

    One that copies its reference is rejected: a blind one takes its place, or none.
    """
    references = {pair.example.id: pair.reference.text for pair in pairs}
    variants: tuple[Variant, ...] = tuple(dict.fromkeys((options.variant, "blind")))
    asks = {
        variant: {
            pair.example.id: ask(
                tokenizer,
                pair.example.id,
                variant,
                method.prompt(pair.example).views["main"],
                pair.reference.text,
                method.settings.budget.target,
            )
            for pair in pairs
        }
        for variant in variants
    }

    def copies(one: Analysis) -> bool:
        return copied_share(one.text, references[one.example_id]) > options.max_copied

    requests = ((key, one.prompt) for group in asks.values() for key, one in group.items())
    refuse_long_requests(lm, requests, options.analysis_tokens)
    writer = _Writer(method, options, tokenizer, lm, asks)
    first = writer.write(options.variant, list(references))
    rejected = [key for key, one in first.items() if copies(one)]
    second: dict[str, Analysis] = {}
    if options.variant != "blind":
        second = writer.write("blind", rejected)
    none = {key for key in rejected if key not in second or copies(second[key])}
    kept = {key: one for key, one in {**first, **second}.items() if key not in none}
    counts = {
        "planned": len(pairs),
        "variant": options.variant,
        "rejected": len(rejected),
        "replaced_by_blind": len(rejected) - len(none),
        "replaced_by_none": len(none),
        "separator_appended": sum(not one.ended for one in kept.values()),
        "empty": sum(not one.ids for one in kept.values()),
        "tokens": sum(len(one.ids) for one in kept.values()),
    }
    ids = {key: kept[key].ids if key in kept else () for key in references}
    return Analyses(ids, counts)


def copied_share(text: str, reference: str) -> float:
    """Share of the text's 8-grams of words (case folded) that stand in the reference; 0 to 1.

    A text of fewer than eight words has none and copies nothing.
    """
    mine, theirs = list(_grams(text)), set(_grams(reference))
    return sum(gram in theirs for gram in mine) / len(mine) if mine else 0.0


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[start:] for start in range(GRAM)), strict=False)


class _Writer:
    """Writes analyses as the run decodes: in its precision, batches and sampling."""

    def __init__(
        self,
        method: Method,
        options: AnalysisOptions,
        tokenizer: Any,
        lm: PersonalLM,
        asks: Mapping[Variant, Mapping[str, Ask]],
    ) -> None:
        decode = method.settings.decode
        self.method = method
        self.lm, self.tokenizer, self.asks, self.options = lm, tokenizer, asks, options
        self.sampling = Sampling(seed=method.settings.seed, **decode.drawing)
        self.rules = rules_of(method.settings, trained=False)  # the backbone as it is writes them
        self.batch_size = decode.batch_size
        self.device = next(lm.parameters()).device
        self.dtype = number_type(method.settings.model, self.device)
        self.path = None
        if method.workspace is not None:
            name = fingerprint(
                lm,
                [each for group in asks.values() for each in group.values()],
                options=options.model_dump(include=set(AnalysisOptions.model_fields)),
                sampling=asdict(self.sampling),
                ends=[sorted(self.rules.ends.ids), self.rules.ends.strings, self.rules.strip],
                batch_size=self.batch_size,
                machine=[self.device.type, str(self.dtype)],
            )
            self.path = method.workspace / f"analyses-{name}.jsonl"

    def write(self, variant: Variant, wanted: Sequence[str]) -> dict[str, Analysis]:
        """Analyses of the wanted examples; those in the workspace are not written again."""
        asks = [self.asks[variant][key] for key in wanted]
        with precision(self.device, self.dtype):
            written = write_analyses(
                self.lm,
                self.rules,
                asks,
                self.sampling,
                budget=self.options.analysis_tokens,
                batch_size=self.batch_size,
                path=self.path,
                on_batch=self.method.track("analyses"),
            )
        prompts, texts = [each.prompt for each in asks], [written[key].ids for key in wanted]
        with suppress(NoEstimateError):  # the record holds null then, and says why
            self.method.target_flops += generation_flops(self.lm, prompts, texts)
        return written
