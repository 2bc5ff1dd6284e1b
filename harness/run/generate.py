"""The writing of a run: test examples in fixed batches, each batch on disk when it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

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
    drop_partial_line,
    read_predictions,
    rewrite_predictions,
)
from harness.record.inputs import MODELS
from harness.run.generation_costs import COSTS, Costs, summary_of
from harness.run.plan import Plan, Reading
from harness.types import Prediction, Sampling

WARM_UP_TOKENS = 3
FAILURES = (RuntimeError, ValueError, ArithmeticError)
"""What may go wrong with one batch or example, memory included, without ending the run."""


@dataclass(frozen=True)
class Written:
    """One text in tokens, after its preface; `error` says why a failed one has none."""

    preface: list[int]
    ids: list[int]
    error: str | None = None


def example_seed(seed: int, example_id: str, sample: int) -> int:
    """The start of one text's own random stream."""
    return int.from_bytes(
        hashlib.sha256(json.dumps([seed, example_id, sample]).encode()).digest()[:8], "big"
    )


def write_all(
    plan: Plan, lm: PersonalLM, weights: str, bars: Bars
) -> tuple[list[Prediction], Inference]:
    """A prediction for every test example and sample, in file order, and what writing cost.

    `weights` is the fingerprint of the model's tensors. Predictions on disk that still belong to
    this run are kept; others and failed ones are written anew, batch by batch in the same batches.
    """
    options = plan.settings.decode
    device, source = (
        next(lm.parameters()).device.type,
        method_sha256(type(plan.method), plan.settings.method),
    )
    expected = {
        (reading.example.id, sample): _fingerprint(plan, reading, weights, device, source, sample)
        for reading in plan.test_readings
        for sample in range(options.samples)
    }
    drop_partial_line(plan.folder)
    on_disk = read_predictions(plan.folder)
    known = {
        (found.id, found.sample): found
        for found in on_disk
        if found.error is None and expected.get((found.id, found.sample)) == found.fingerprint
    }
    if len(known) != len(on_disk):
        gone = len(on_disk) - len(known)
        bars.say(f"{gone} texts failed, or are of other code, settings or weights; written anew")
        rewrite_predictions(known.values(), plan.folder)
    costs = Costs.kept(plan.folder / COSTS) if known else Costs()
    work = [
        (sample, batch)
        for sample in range(options.samples)
        for batch in plan_batches(plan.test_readings, options.batch_size)
    ]
    update, done, warm = bars.track("writing"), 0, False
    with PeakMemory(part.device for part in lm.parameters()) as memory:
        for sample, batch in work:
            if any((reading.example.id, sample) not in known for reading in batch):
                if not warm:
                    _warm_up(plan, lm, batch)
                    warm = True
                written = _write_batch(plan, lm, batch, sample, expected, costs)
                fresh = [text for text in written if (text.id, text.sample) not in known]
                append_predictions(fresh, plan.folder)
                costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
                costs.keep(plan.folder / COSTS)
                known.update({(text.id, text.sample): text for text in fresh})
            done += len(batch)
            speed = costs.clock.tokens / sum(costs.batches) if costs.batches else 0.0
            update(done, len(expected), f"{speed:,.0f} tokens/s")
    texts = [known[key] for key in expected]
    costs.peak_mib = max(costs.peak_mib, memory.peak_mib)
    return texts, summary_of(plan, lm, texts, costs)


def plan_batches(readings: Sequence[Reading], size: int) -> list[list[Reading]]:
    """Batches by prompt length, longest first; the same for every run of the same prompts."""
    ordered = sorted(readings, key=lambda reading: (-len(reading.prompt), reading.example.id))
    return [ordered[at : at + size] for at in range(0, len(ordered), size)]


def _warm_up(plan: Plan, lm: PersonalLM, batch: list[Reading]) -> None:
    """A few tokens that no clock sees: first calls allocate and choose kernels.

    Where it fails, the batch itself fails too, is told and counted.
    """
    with suppress(*FAILURES):
        generate(
            lm,
            [reading.prompt for reading in batch],
            max_new_tokens=WARM_UP_TOKENS,
            views=views_of(batch),
        )


def views_of(batch: Sequence[Reading]) -> dict[str, list[tuple[int, ...]]]:
    """Further prompt rows of a batch by view: what `generate` hands to models that read several."""
    return {name: [reading.views[name] for reading in batch] for name in batch[0].views}


def _write_batch(
    plan: Plan,
    lm: PersonalLM,
    batch: list[Reading],
    sample: int,
    expected: dict[tuple[str, int], str],
    costs: Costs,
) -> list[Prediction]:
    """The batch's predictions; where it fails, each example on its own, a failed one empty."""
    try:
        return _generate(plan, lm, batch, sample, expected, costs)
    except FAILURES as error:
        failure = f"{type(error).__name__}: {error}"
    # out of the except block: there the error's traceback still holds all memory of the batch
    if len(batch) > 1:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return [
            prediction
            for reading in batch
            for prediction in _write_batch(plan, lm, [reading], sample, expected, costs)
        ]
    return [_failed(batch[0], sample, expected, failure)]


def _failed(
    reading: Reading, sample: int, expected: dict[tuple[str, int], str], failure: str
) -> Prediction:
    """The empty prediction of a failed example."""
    example = reading.example
    return Prediction(
        id=example.id,
        user_id=example.user_id,
        output="",
        tokens=0,
        fingerprint=expected[example.id, sample],
        sample=sample,
        error=failure,
    )


def _generate(
    plan: Plan,
    lm: PersonalLM,
    batch: list[Reading],
    sample: int,
    expected: dict[tuple[str, int], str],
    costs: Costs,
) -> list[Prediction]:
    found = []
    for reading, written in zip(batch, write_batch(plan, lm, batch, sample, costs), strict=True):
        if written.error is not None:
            found.append(_failed(reading, sample, expected, written.error))
            continue
        seen = plan.rules.read(written.ids)
        whole = len(written.ids) == plan.settings.decode.max_new_tokens
        found.append(
            Prediction(
                id=reading.example.id,
                user_id=reading.example.user_id,
                output=seen.text,
                tokens=seen.tokens,
                fingerprint=expected[reading.example.id, sample],
                sample=sample,
                hidden_tokens=len(written.preface) + lm.hidden_per_example + seen.reasoning_tokens,
                capped=whole and not seen.stopped,
                preface=decode(plan.backbones.tokenizer, written.preface),
                preface_ids=tuple(written.preface),
                reasoning=seen.reasoning,
                reasoning_tokens=seen.reasoning_tokens,
                unclosed=seen.unclosed,
            )
        )
    return found


def write_batch(
    plan: Plan, lm: PersonalLM, batch: Sequence[Reading], sample: int, costs: Costs
) -> list[Written]:
    """Preface and text of each prompt, in tokens; each example draws from its own stream.

    A row whose logits are no numbers fails alone: the others keep what they wrote.
    """
    options = plan.settings.decode
    seeds = [example_seed(plan.settings.seed, reading.example.id, sample) for reading in batch]
    prompts = [list(reading.prompt) for reading in batch]
    begin, latent = now(), lm.hidden_s
    prefaces = _prefaces(plan, lm, prompts, seeds)
    hidden_s = now() - begin
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
    costs.clock.waited(hidden_s)
    costs.batches.append(now() - begin)
    costs.examples += len(batch)
    costs.preface_s += hidden_s
    costs.preface_tokens += sum(map(len, prefaces))
    costs.latent_s += lm.hidden_s - latent
    return [
        Written(preface, ids, errors.get(row))
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
            " prompts; expected one a prompt, in their order, [] for none"
        )
    return found


def write_prefaces(
    plan: Plan, lm: PersonalLM, readings: Sequence[Reading]
) -> dict[str, tuple[int, ...]]:
    """id → the preface that the method writes for each prompt, for likelihoods after it."""
    found: dict[str, tuple[int, ...]] = {}
    for batch in plan_batches(readings, plan.settings.decode.batch_size):
        seeds = [example_seed(plan.settings.seed, reading.example.id, 0) for reading in batch]
        prompts = [list(reading.prompt) for reading in batch]
        for reading, ids in zip(batch, _prefaces(plan, lm, prompts, seeds), strict=True):
            found[reading.example.id] = tuple(ids)
    return found


def _fingerprint(
    plan: Plan, reading: Reading, weights: str, device: str, source: str, sample: int
) -> str:
    """Sixteen hex over everything that could change the text."""
    parts = [
        plan.method.name,
        plan.settings.digest(),
        weights,
        device,
        source,
        reading.prompt,
        reading.views,
        [plan.ends.trained, sorted(plan.ends.ids), plan.ends.strings],
        plan.about_text["template"],
        sample,
        plan.inputs.digest(*MODELS),
        [other.example.id for other in plan.test_readings],  # the batch plan
        version("torch"),
        version("transformers"),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
