"""Negative log-likelihood of the references by position: a view that needs no generated text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from harness.engine.lm import PersonalLM
from harness.engine.text import encode_response
from harness.engine.train import TrainRow, micro_batches, precision, to_batch
from harness.metrics.likelihood import likelihood_summary, nll_by_slice
from harness.record import Likelihood, SliceNll
from harness.run.plan import Plan, Reading
from harness.run.training import Hardware
from harness.types import Prediction


def reference_likelihood(
    plan: Plan, lm: PersonalLM, predictions: Sequence[Prediction], hardware: Hardware
) -> tuple[Likelihood, dict[str, SliceNll]]:
    """Score every test reference, after the preface that the method wrote for its first sample.

    The end token is left out. Natural logarithms; means are over the fixed slice tokens, so that
    backbones with different tokenizers compare.
    """
    prefaces = {text.id: text.preface_ids for text in predictions if text.sample == 0}
    each = slice_nlls(plan, lm, plan.test_readings, prefaces, hardware)
    starts = plan.settings.eval.slices
    return likelihood_summary(list(each.values()), starts, plan.panel(each)), each


def slice_nlls(
    plan: Plan,
    lm: PersonalLM,
    readings: Sequence[Reading],
    prefaces: Mapping[str, tuple[int, ...]],
    hardware: Hardware,
) -> dict[str, SliceNll]:
    """id → NLL of the reference by slice, after the given prompts and prefaces."""
    references, tokenizer = plan.test.references, plan.backbones.tokenizer
    coded = {
        reading.example.id: encode_response(tokenizer, references[reading.example.id].text)
        for reading in readings
    }
    rows = [
        TrainRow(
            reading.example.id,
            reading.prompt + prefaces.get(reading.example.id, ()),
            coded[reading.example.id].ids,
            reading.views,
        )
        for reading in readings
    ]
    logprobs = token_logprobs(lm, rows, plan.settings.train.micro_tokens, hardware)
    starts = plan.settings.eval.slices
    return {
        row.id: nll_by_slice(references[row.id].text, logprobs[row.id], coded[row.id].ends, starts)
        for row in rows
    }


@torch.inference_mode()
def token_logprobs(
    lm: PersonalLM, rows: Sequence[TrainRow], micro_tokens: int, hardware: Hardware
) -> dict[str, list[float]]:
    """id → log p of each response token, computed in batches by length."""
    lm.eval()
    found: dict[str, list[float]] = {}
    for group in micro_batches(rows, micro_tokens):
        with precision(hardware.devices[0], hardware.dtype):
            given = lm.logprobs(to_batch(group)).float().cpu()
        for row, logprobs in zip(group, given, strict=True):
            found[row.id] = logprobs[: len(row.response)].tolist()
    return found
