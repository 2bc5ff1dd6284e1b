"""Negative log-likelihood of the references by position: a view that needs no generated text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TokenBudget, TrainRow, micro_batches
from harness.engine.text import encode_response
from harness.engine.train import precision, to_batch
from harness.metrics.likelihood import TokenLogprobs, likelihood_summary
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.job import Job, Trained
from harness.pipeline.plan import Plan
from harness.record import Record, SliceNll


def reference_likelihood(trained: Trained, record: Record) -> Record:
    """The view: the likelihood of the references, and NLL by slice of each example.

    A reference is scored after the preface of its first sample; its end token is left out. Natural
    logarithms; means are over slice tokens, so that backbones with different tokenizers can be
    compared.
    """
    plan = trained.plan
    each = by_slice(plan, own_logprobs(trained))
    starts = plan.settings.eval.slices
    summary = likelihood_summary(list(each.values()), starts, plan.panel(each))
    return replace(record, likelihood=summary).with_values(likelihood=each)


def own_logprobs(trained: Trained) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference after the run's own prompt and preface.

    Those of a failed text are absent where the method generates prefaces: it has none.
    """
    plan, first = trained.plan, trained.first
    prefaces = {key: text.preface_ids for key, text in first.items()}
    found = token_logprobs(trained, plan.test_prompts, prefaces)
    if not plan.method.longest_preface(training=False):
        return found
    return {key: each.absent if first[key].error else each for key, each in found.items()}


def by_slice(plan: Plan, logprobs: Mapping[str, TokenLogprobs]) -> dict[str, SliceNll]:
    """id → NLL of the reference by slice."""
    references, starts = plan.test.references, plan.settings.eval.slices
    return {key: each.by_slice(references[key].text, starts) for key, each in logprobs.items()}


def slice_nlls(
    trained: Trained,
    prompts: Sequence[EncodedPrompt],
    prefaces: Mapping[str, tuple[int, ...]],
) -> dict[str, SliceNll]:
    """id → NLL of the reference by slice; arguments as in `token_logprobs`."""
    return by_slice(trained.plan, token_logprobs(trained, prompts, prefaces))


def token_logprobs(
    trained: Trained,
    prompts: Sequence[EncodedPrompt],
    prefaces: Mapping[str, tuple[int, ...]],
) -> dict[str, TokenLogprobs]:
    """id → log-probs of the reference's tokens.

    trained: the run and its model.
    prompts: what the references are scored after.
    prefaces: id → hidden tokens between prompt and reference.
    """
    plan = trained.plan
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
    logprobs = _logprobs(trained, rows)
    return {row.id: TokenLogprobs(logprobs[row.id], coded[row.id].ends) for row in rows}


def _logprobs(trained: Trained, rows: Sequence[TrainRow]) -> dict[str, list[float]]:
    """id → log-probability of each response token. Leaves the model in evaluation mode."""
    groups = micro_batches(rows, trained.plan.settings.train.micro_tokens)
    items = [
        [
            "likelihood",
            trained.variant,
            [(row.id, row.prompt, row.response, dict(row.views)) for row in group],
        ]
        for group in groups
    ]
    values = trained.kept.batches(
        items, lambda missing: trained.divided(logprobs_of, [groups[at] for at in missing])
    )
    return {
        row.id: found
        for group, of_group in zip(groups, values, strict=True)
        for row, found in zip(group, of_group, strict=True)
    }


@torch.inference_mode()
def logprobs_of(job: Job, lm: PersonalLM, rows: Sequence[TrainRow]) -> list[list[float]]:
    """The log-probability of each response token of some rows, which fit into one micro-batch."""
    lm.eval()

    def logprobs(groups: Sequence[Sequence[TrainRow]]) -> list[list[float]]:
        found = []
        for group in groups:
            with precision(job.hardware.devices[0], job.hardware.dtype):
                padded = lm.logprobs(to_batch(group)).float().cpu()
            for row, values in zip(group, padded, strict=True):
                found.append(values[: len(row.response)].tolist())
        return found

    if job.team.budget is None:
        job.team.budget = TokenBudget(job.plan.settings.train.micro_tokens, job.bars.say)
    return job.team.budget.fit(rows, logprobs)
