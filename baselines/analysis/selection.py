"""The analysis that an example is trained with: the requested one, a blind one, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from baselines.analysis.generation import Analysis, Batch, Generator, fingerprint
from baselines.analysis.request import Request, Variant, make_request
from baselines.options import AnalysisOptions
from harness.engine.devices import number_type
from harness.engine.fits import Row, refuse_misfits
from harness.engine.flops import NoEstimateError, generation_flops
from harness.engine.lm import CausalLM, PersonalLM
from harness.engine.train import precision
from harness.engine.visible_text import rules_of
from harness.inputs.provenance import method_sha256
from harness.method import Method
from harness.types import Sampling, TrainingPair

BLIND: Variant = "blind"
SHORTEN = {
    "method.analysis_tokens": ("method.analysis_tokens",),
    "request": ("budget.target", "budget.profile", "budget.input"),
}
GRAM = 8
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Analyses:
    """kept: example id → its analysis in tokens, () for none. counts: for the record."""

    kept: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, Any]


def analyse(
    method: Method, options: AnalysisOptions, lm: PersonalLM, pairs: Sequence[TrainingPair]
) -> Analyses:
    """Generate an analysis for each pair with `lm` as it is, and keep it in the method's workspace.

    An analysis that copies its reference is replaced by a blind one, or by none.

    Args:
        method: the method that trains on the analyses.
        options: variant, budget, and how much may be copied.
        lm: the base model.
        pairs: training or val examples.

    Raises UsageError if a request and its answer do not fit the model's context.
    """
    # 1. A request for each example and variant
    references = {pair.example.id: pair.reference.text for pair in pairs}
    requests = {
        variant: [_request(method, pair, variant) for pair in pairs]
        for variant in dict.fromkeys((options.variant, BLIND))
    }
    everything = [each for group in requests.values() for each in group]
    refuse_misfits(lm, [_row(each, options) for each in everything], SHORTEN)

    def copies(analysis: Analysis) -> bool:
        return copied_share(analysis.text, references[analysis.example_id]) > options.max_copied

    # 2. Generate; replace copies by blind analyses, and blind copies by none
    generator = _generator(method, options, lm, everything)
    first = _generate(method, generator, requests[options.variant])
    rejected = [key for key, analysis in first.items() if copies(analysis)]
    second: dict[str, Analysis] = {}
    if options.variant != BLIND:
        again = [each for each in requests[BLIND] if each.example_id in rejected]
        second = _generate(method, generator, again)
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


def _request(method: Method, pair: TrainingPair, variant: Variant) -> Request:
    prompt, most = method.prompt(pair.example).views["main"], method.settings.budget.target
    return make_request(method.rules.tokenizer, pair, variant, prompt, most)


def _row(request: Request, options: AnalysisOptions) -> Row:
    """What the model reads of a request and its longest answer."""
    answer = ("method.analysis_tokens", options.analysis_tokens)
    parts = (("request", len(request.prompt)), answer)
    return Row(request.example_id, "the request for an analysis", parts, (request.prompt,))


def _generator(
    method: Method, options: AnalysisOptions, lm: PersonalLM, requests: Sequence[Request]
) -> Generator:
    """A generator with the run's batch size and sampling; `requests` are all that it may get."""
    settings, rules = method.settings, rules_of(method.settings, trained=False)  # the base model's
    sampling = Sampling(seed=settings.seed, **settings.decode.drawing)
    path = None
    if method.workspace is not None:
        device = next(lm.parameters()).device
        name = fingerprint(
            lm,
            requests,
            options=options.model_dump(include=set(AnalysisOptions.model_fields)),
            sampling=asdict(sampling),
            ends=[sorted(rules.ends.ids), rules.ends.strings, rules.strip],
            batch_size=settings.decode.batch_size,
            machine=[device.type, str(number_type(settings.model, device))],
            source=method_sha256(type(method), settings.method),
        )
        path = method.workspace / f"analyses-{name}.jsonl"
    return Generator(
        lm,
        rules,
        sampling,
        budget=options.analysis_tokens,
        batch_size=settings.decode.batch_size,
        path=path,
        on_batch=method.track("analyses"),
        rounds=_rounds(method, options, lm, sampling),
    )


def _rounds(
    method: Method, options: AnalysisOptions, lm: PersonalLM, sampling: Sampling
) -> Callable[[Sequence[Batch]], Iterator[list[list[Analysis]]]] | None:
    """How the processes of a run divide the batches; None in one process."""
    divide = method.rounds
    if divide is None:
        return None
    return lambda batches: divide(
        batch_of, lm, [Asked(list(batch), sampling, options.analysis_tokens) for batch in batches]
    )


@dataclass(frozen=True)
class Asked:
    """A batch of requests for one process, with what `Generator` needs for it."""

    batch: list[Request]
    sampling: Sampling
    budget: int


def batch_of(method: Method, lm: PersonalLM, asked: Asked) -> list[Analysis]:
    """The analyses of one batch. lm: the method's model, read without thoughts."""
    plain = CausalLM(lm.model) if isinstance(lm, CausalLM) else lm
    rules = rules_of(method.settings, trained=False)
    device = next(lm.parameters()).device
    generator = Generator(plain, rules, asked.sampling, asked.budget, len(asked.batch))
    with precision(device, number_type(method.settings.model, device)):
        return generator.batch(asked.batch)


def _generate(
    method: Method, generator: Generator, requests: Sequence[Request]
) -> dict[str, Analysis]:
    """Analyses by example id, in the run's precision; their FLOPs are added to the method's."""
    lm = generator.lm
    device = next(lm.parameters()).device
    with precision(device, number_type(method.settings.model, device)):
        analyses = generator.analyses(requests)
    prompts = [each.prompt for each in requests]
    texts = [range(analyses[each.example_id].generated) for each in requests]
    with suppress(NoEstimateError):  # then the record holds null and the reason
        method.target_flops += generation_flops(lm, prompts, texts)
    return analyses
