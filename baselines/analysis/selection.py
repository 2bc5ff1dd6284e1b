"""The analysis that an example is trained with: the requested one, a blind one, or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from baselines.analysis.generation import Analysis, fingerprint, generate_analyses
from baselines.analysis.request import Request, Variant, make_request
from harness.engine.devices import number_type
from harness.engine.fits import Row, refuse_misfits
from harness.engine.flops import NoEstimateError, generation_flops
from harness.engine.lm import PersonalLM
from harness.engine.train import precision
from harness.engine.visible_text import rules_of
from harness.method import Method
from harness.settings import Section
from harness.types import Sampling, Tokenizer, TrainingPair

GRAM = 8
_WORD = re.compile(r"\w+")


class AnalysisOptions(Section):
    variant: Literal["hindsight", "blind"] = "hindsight"
    """`hindsight`: the backbone sees the reference when it generates the analysis for training."""
    analysis_tokens: int = Field(128, ge=1)
    """Budget of an analysis in tokens, in training and at test time. The text has its own cap."""
    max_copied: float = Field(0.2, ge=0, le=1)
    """Largest share of an analysis's 8-grams of words that may occur in the reference. An analysis
    above it is rejected and counted. A blind analysis replaces it or, if that is above it too,
    none: the target is then the separator and the text."""


@dataclass(frozen=True)
class Analyses:
    """kept: example id → its analysis in tokens, () for none. counts: for the record."""

    kept: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, Any]


def analyse(
    method: Method,
    options: AnalysisOptions,
    tokenizer: Tokenizer,
    lm: PersonalLM,
    pairs: Sequence[TrainingPair],
) -> Analyses:
    """Generate an analysis for each pair with `lm` as it is, and keep it in the method's workspace.

    An analysis that copies its reference is replaced by a blind one, or by none.

    Args:
        method: the method that trains on the analyses.
        options: variant, budget, and how much may be copied.
        tokenizer: the backbone's.
        lm: the base model.
        pairs: training or val examples.
    """
    # 1. A request for each example and variant, checked against the model's context
    references = {pair.example.id: pair.reference.text for pair in pairs}
    variants: tuple[Variant, ...] = tuple(dict.fromkeys((options.variant, "blind")))
    requests = {
        variant: {
            pair.example.id: make_request(
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

    prompts = ((key, each.prompt) for group in requests.values() for key, each in group.items())
    refuse_long_requests(lm, prompts, options.analysis_tokens)

    def copies(analysis: Analysis) -> bool:
        return copied_share(analysis.text, references[analysis.example_id]) > options.max_copied

    # 2. Generate; replace copies by blind analyses, and blind copies by none
    generator = _Generator(method, options, tokenizer, lm, requests)
    first = generator.generate(options.variant, list(references))
    rejected = [key for key, analysis in first.items() if copies(analysis)]
    second: dict[str, Analysis] = {}
    if options.variant != "blind":
        second = generator.generate("blind", rejected)
    none = {key for key in rejected if key not in second or copies(second[key])}
    kept = {key: each for key, each in {**first, **second}.items() if key not in none}
    # 3. Counts for the record
    counts = {
        "planned": len(pairs),
        "variant": options.variant,
        "rejected": len(rejected),
        "replaced_by_blind": len(rejected) - len(none),
        "replaced_by_none": len(none),
        "separator_appended": sum(not each.ended for each in kept.values()),
        "empty": sum(not each.ids for each in kept.values()),
        "tokens": sum(len(each.ids) for each in kept.values()),
    }
    ids = {key: kept[key].ids if key in kept else () for key in references}
    return Analyses(ids, counts)


def copied_share(text: str, reference: str) -> float:
    """Share of the text's 8-grams of words (case folded) that occur in the reference, 0 to 1.

    A text of fewer than eight words has no 8-grams; its share is 0.
    """
    ours, theirs = list(_grams(text)), set(_grams(reference))
    return sum(gram in theirs for gram in ours) / len(ours) if ours else 0.0


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return zip(*(words[start:] for start in range(GRAM)), strict=False)


class _Generator:
    """Generates analyses with the run's precision, batch size and sampling."""

    def __init__(
        self,
        method: Method,
        options: AnalysisOptions,
        tokenizer: Tokenizer,
        lm: PersonalLM,
        requests: Mapping[Variant, Mapping[str, Request]],
    ) -> None:
        decode = method.settings.decode
        self.method = method
        self.lm, self.requests, self.options = lm, requests, options
        self.sampling = Sampling(seed=method.settings.seed, **decode.drawing)
        self.rules = rules_of(method.settings, trained=False)  # the base model generates them
        self.batch_size = decode.batch_size
        self.device = next(lm.parameters()).device
        self.dtype = number_type(method.settings.model, self.device)
        self.path = None
        if method.workspace is not None:
            name = fingerprint(
                lm,
                [each for group in requests.values() for each in group.values()],
                options=options.model_dump(include=set(AnalysisOptions.model_fields)),
                sampling=asdict(self.sampling),
                ends=[sorted(self.rules.ends.ids), self.rules.ends.strings, self.rules.strip],
                batch_size=self.batch_size,
                machine=[self.device.type, str(self.dtype)],
            )
            self.path = method.workspace / f"analyses-{name}.jsonl"

    def generate(self, variant: Variant, ids: Sequence[str]) -> dict[str, Analysis]:
        """Analyses of examples; those in the workspace are not generated again."""
        requests = [self.requests[variant][key] for key in ids]
        with precision(self.device, self.dtype):
            analyses = generate_analyses(
                self.lm,
                self.rules,
                requests,
                self.sampling,
                budget=self.options.analysis_tokens,
                batch_size=self.batch_size,
                path=self.path,
                on_batch=self.method.track("analyses"),
            )
        prompts, texts = [each.prompt for each in requests], [analyses[key].ids for key in ids]
        with suppress(NoEstimateError):  # then the record holds null and the reason
            self.method.target_flops += generation_flops(self.lm, prompts, texts)
        return analyses


def refuse_long_requests(
    lm: PersonalLM, requests: Iterable[tuple[str, Sequence[int]]], tokens: int
) -> None:
    """Raises UsageError if a request for an analysis and its answer do not fit a model of `lm`.

    requests: (example id, prompt in tokens); tokens: the longest answer.
    """
    rows = [
        Row(
            key,
            "the request for an analysis",
            (("request", len(prompt)), ("method.analysis_tokens", tokens)),
            (prompt,),
        )
        for key, prompt in requests
    ]
    refuse_misfits(
        lm, rows, "lower method.analysis_tokens, budget.target, budget.profile or budget.input"
    )
