"""Negative log-likelihood of the references by position: a view that needs no generated text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from harness.engine.lm import PersonalLM
from harness.engine.text import encode_response
from harness.engine.train import TrainRow, micro_batches, precision, to_batch
from harness.metrics.likelihood import likelihood_summary, nll_by_slice
from harness.record import Likelihood, SliceNll
from harness.run.plan import EncodedPrompt, Plan
from harness.run.training import Hardware
from harness.types import Prediction


def reference_likelihood(
    plan: Plan, lm: PersonalLM, predictions: Sequence[Prediction], hardware: Hardware
) -> tuple[Likelihood, dict[str, SliceNll]]:
    """The record's entry on the likelihood of the references, and id → NLL by slice.

    plan: the run.
    lm: the trained model.
    predictions: the run's texts; a reference is scored after the preface of its first sample.
    hardware: where the model is.

    The end token is left out. Natural logarithms; means are over slice tokens, so that backbones
    with different tokenizers can be compared.
    """
    prefaces = {text.id: text.preface_ids for text in predictions if text.sample == 0}
    each = slice_nlls(plan, lm, plan.test_prompts, prefaces, hardware)
    starts = plan.settings.eval.slices
    return likelihood_summary(list(each.values()), starts, plan.panel(each)), each


def slice_nlls(
    plan: Plan,
    lm: PersonalLM,
    prompts: Sequence[EncodedPrompt],
    prefaces: Mapping[str, tuple[int, ...]],
    hardware: Hardware,
) -> dict[str, SliceNll]:
    """id → NLL of the reference by slice.

    plan: the run.
    lm: the model.
    prompts: what the references are scored after.
    prefaces: id → hidden tokens between prompt and reference.
    hardware: where the model is.
    """
    references, tokenizer = plan.test.references, plan.backbones.tokenizer
    coded = {
        encoded.example.id: encode_response(tokenizer, references[encoded.example.id].text)
        for encoded in prompts
    }
    rows = [
        TrainRow(
            encoded.example.id,
            encoded.prompt + prefaces.get(encoded.example.id, ()),
            coded[encoded.example.id].ids,
            encoded.views,
        )
        for encoded in prompts
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
    """id → log-probability of each response token, computed in batches by length.

    lm: the model, left in evaluation mode.
    rows: prompts and responses.
    micro_tokens: padded tokens in one forward pass.
    hardware: where the model is.
    """
    lm.eval()
    by_id: dict[str, list[float]] = {}
    for group in micro_batches(rows, micro_tokens):
        with precision(hardware.devices[0], hardware.dtype):
            padded = lm.logprobs(to_batch(group)).float().cpu()
        for row, logprobs in zip(group, padded, strict=True):
            by_id[row.id] = logprobs[: len(row.response)].tolist()
    return by_id
