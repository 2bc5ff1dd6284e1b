"""Generation: the test examples in fixed batches, each on disk as soon as it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from harness.engine.clock import now
from harness.engine.decode import NotANumberError, generate
from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import PeakMemory
from harness.engine.text import decode
from harness.errors import DataError
from harness.inputs.provenance import method_sha256
from harness.progress import Bars
from harness.record import (
    Inference,
    append_predictions,
)
from harness.run.generation_costs import COSTS, Costs, summary_of
from harness.run.kept_texts import text_fingerprint, valid_predictions
from harness.run.plan import EncodedPrompt, Plan
from harness.types import Prediction, Sampling

WARM_UP_TOKENS = 3
FAILURES = (RuntimeError, ValueError, ArithmeticError)
"""Errors of one batch or example, out of memory included, that do not end the run."""


@dataclass(frozen=True)
class GeneratedTokens:
    """The tokens of one text and its preface; `error` says why a failed one has none."""

    preface: list[int]
    ids: list[int]
    error: str | None = None


def example_seed(seed: int, example_id: str, sample: int) -> int:
    """The seed of one text's random stream."""
    return int.from_bytes(
        hashlib.sha256(json.dumps([seed, example_id, sample]).encode()).digest()[:8], "big"
    )


def generate_all(
    plan: Plan, lm: PersonalLM, weights: str, bars: Bars
) -> tuple[list[Prediction], Inference]:
    """A prediction for every test example and sample, in file order, and what generating cost.

    plan: the run.
    lm: the trained model, on its devices.
    weights: fingerprint of the model's tensors.
    bars: progress and messages.

    Predictions on disk that still belong to this run are kept. Failed and outdated ones are
    generated again, in the same batches.
    """
    options = plan.settings.decode
    # 1. what every prediction's fingerprint must be, and which predictions on disk have it
    device = next(lm.parameters()).device.type
    source = method_sha256(type(plan.method), plan.settings.method)
    expected = {
        (prompt.example.id, sample): text_fingerprint(plan, prompt, weights, device, source, sample)
        for prompt in plan.test_prompts
        for sample in range(options.samples)
    }
    finished = valid_predictions(plan, expected, bars)
    costs = Costs.kept(plan.folder / COSTS) if finished else Costs()
    # 2. the batches, in a fixed order; each is on disk when it is done
    work = [
        (sample, batch)
        for sample in range(options.samples)
        for batch in plan_batches(plan.test_prompts, options.batch_size)
    ]
    update, done, warm = bars.track("generating"), 0, False
    with PeakMemory(part.device for part in lm.parameters()) as memory:
        for sample, batch in work:
            if any((prompt.example.id, sample) not in finished for prompt in batch):
                if not warm:
                    _warm_up(plan, lm, batch)
                    warm = True
                generated = _generate_or_split(plan, lm, batch, sample, expected, costs)
                fresh = [text for text in generated if (text.id, text.sample) not in finished]
                append_predictions(fresh, plan.folder)
                costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
                costs.keep(plan.folder / COSTS)
                finished.update({(text.id, text.sample): text for text in fresh})
            done += len(batch)
            speed = costs.clock.tokens / sum(costs.batches) if costs.batches else 0.0
            update(done, len(expected), f"{speed:,.0f} tokens/s")
    # 3. the texts in file order, and the costs of all resumed runs
    texts = [finished[key] for key in expected]
    costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
    return texts, summary_of(plan, lm, texts, costs)


def plan_batches(prompts: Sequence[EncodedPrompt], size: int) -> list[list[EncodedPrompt]]:
    """Batches by prompt length, longest first; the same for every run of the same prompts."""
    ordered = sorted(prompts, key=lambda encoded: (-len(encoded.prompt), encoded.example.id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def _warm_up(plan: Plan, lm: PersonalLM, batch: list[EncodedPrompt]) -> None:
    """Generate a few tokens untimed: first calls allocate memory and choose kernels.

    An error is ignored here: the batch itself will fail too, and be counted.
    """
    with suppress(*FAILURES):
        generate(
            lm,
            [encoded.prompt for encoded in batch],
            max_new_tokens=WARM_UP_TOKENS,
            views=views_of(batch),
        )


def views_of(batch: Sequence[EncodedPrompt]) -> dict[str, list[tuple[int, ...]]]:
    """The other views of a batch, name → rows, for models that read several prompts."""
    return {name: [encoded.views[name] for encoded in batch] for name in batch[0].views}


def _generate_or_split(
    plan: Plan,
    lm: PersonalLM,
    batch: list[EncodedPrompt],
    sample: int,
    expected: dict[tuple[str, int], str],
    costs: Costs,
) -> list[Prediction]:
    """The predictions of a batch; if it fails, each example alone, and a failed one empty.

    plan: the run.
    lm: the trained model.
    batch: its prompts.
    sample: number of the sample.
    expected: (id, sample) → fingerprint of the prediction.
    costs: where times are added.
    """
    try:
        return _predictions(plan, lm, batch, sample, expected, costs)
    except FAILURES as error:
        failure = f"{type(error).__name__}: {error}"
    # outside the except block, where the traceback would still hold the memory of the batch
    if len(batch) > 1:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return [
            prediction
            for encoded in batch
            for prediction in _generate_or_split(plan, lm, [encoded], sample, expected, costs)
        ]
    return [_failed(batch[0], sample, expected, failure)]


def _failed(
    encoded: EncodedPrompt, sample: int, expected: dict[tuple[str, int], str], failure: str
) -> Prediction:
    """The empty prediction of a failed example."""
    example = encoded.example
    return Prediction(
        id=example.id,
        user_id=example.user_id,
        output="",
        tokens=0,
        fingerprint=expected[example.id, sample],
        sample=sample,
        error=failure,
    )


def _predictions(
    plan: Plan,
    lm: PersonalLM,
    batch: list[EncodedPrompt],
    sample: int,
    expected: dict[tuple[str, int], str],
    costs: Costs,
) -> list[Prediction]:
    """The predictions of a batch; arguments as for `_generate_or_split`."""
    predictions = []
    for encoded, text in zip(batch, generate_batch(plan, lm, batch, sample, costs), strict=True):
        if text.error is not None:
            predictions.append(_failed(encoded, sample, expected, text.error))
            continue
        visible = plan.rules.read(text.ids)
        full = len(text.ids) == plan.settings.decode.max_new_tokens
        predictions.append(
            Prediction(
                id=encoded.example.id,
                user_id=encoded.example.user_id,
                output=visible.text,
                tokens=visible.tokens,
                fingerprint=expected[encoded.example.id, sample],
                sample=sample,
                hidden_tokens=len(text.preface) + lm.hidden_per_example + visible.reasoning_tokens,
                capped=full and not visible.stopped,
                preface=decode(plan.backbones.tokenizer, text.preface),
                preface_ids=tuple(text.preface),
                reasoning=visible.reasoning,
                reasoning_tokens=visible.reasoning_tokens,
                unclosed=visible.unclosed,
            )
        )
    return predictions


def generate_batch(
    plan: Plan, lm: PersonalLM, batch: Sequence[EncodedPrompt], sample: int, costs: Costs
) -> list[GeneratedTokens]:
    """The tokens of preface and text for each prompt; each example has its own random stream.

    plan: the run.
    lm: the trained model.
    batch: its prompts.
    sample: number of the sample.
    costs: where times are added.

    A row whose logits are not numbers fails alone; the others keep their texts.
    """
    options = plan.settings.decode
    seeds = [example_seed(plan.settings.seed, encoded.example.id, sample) for encoded in batch]
    prompts = [list(encoded.prompt) for encoded in batch]
    begin, latent = now(), lm.hidden_s
    # 1. hidden text
    prefaces = _prefaces(plan, lm, prompts, seeds)
    hidden_s = now() - begin
    # 2. visible text
    errors: dict[int, str] = {}
    try:
        texts = generate(
            lm,
            [prompt + preface for prompt, preface in zip(prompts, prefaces, strict=True)],
            max_new_tokens=options.max_new_tokens,
            **options.drawing,
            **plan.rules.stopping,
            seeds=seeds,
            views=views_of(batch),
            clock=costs.clock,
        )
    except NotANumberError as error:
        texts, errors = error.texts, error.by_row
    # 3. what it cost
    costs.clock.waited(hidden_s)
    costs.batches.append(now() - begin)
    costs.examples += len(batch)
    costs.preface_s += hidden_s
    costs.preface_tokens += sum(map(len, prefaces))
    costs.latent_s += lm.hidden_s - latent
    return [
        GeneratedTokens(preface, ids, errors.get(row))
        for row, (preface, ids) in enumerate(zip(prefaces, texts, strict=True))
    ]


def _prefaces(
    plan: Plan, lm: PersonalLM, prompts: list[list[int]], seeds: list[int]
) -> list[list[int]]:
    options = plan.settings.decode
    sampling = [Sampling(seed=seed, **options.drawing) for seed in seeds]
    found = plan.method.preface(lm, prompts, sampling)
    if len(found) != len(prompts):
        raise DataError(
            f"method {plan.method.name!r}: preface() gave {len(found)} prefaces for {len(prompts)}"
            " prompts; expected one for each prompt, in their order, [] for none"
        )
    return found


def generate_prefaces(
    plan: Plan, lm: PersonalLM, encoded_prompts: Sequence[EncodedPrompt]
) -> dict[str, tuple[int, ...]]:
    """id → the preface that the method generates for each prompt, for likelihoods after it."""
    found: dict[str, tuple[int, ...]] = {}
    for batch in plan_batches(encoded_prompts, plan.settings.decode.batch_size):
        seeds = [example_seed(plan.settings.seed, encoded.example.id, 0) for encoded in batch]
        prompts = [list(encoded.prompt) for encoded in batch]
        for encoded, ids in zip(batch, _prefaces(plan, lm, prompts, seeds), strict=True):
            found[encoded.example.id] = tuple(ids)
    return found
