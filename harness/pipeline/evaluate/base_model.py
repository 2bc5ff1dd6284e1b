"""Likelihood relative to the base model, which shows how predictable each position is anyway."""

from __future__ import annotations

from dataclasses import replace

from harness.engine.backbone import weights_fingerprint
from harness.errors import UsageError
from harness.inputs import provenance
from harness.metrics.likelihood import nll_summary, relative
from harness.pipeline.evaluate.kept_values import KeptValues
from harness.pipeline.evaluate.reference_likelihood import slice_nlls
from harness.pipeline.job import Job, Trained
from harness.pipeline.together import forget, load_base
from harness.record import Record, RelativeLikelihood, SliceNll, read_state, write_state
from harness.record.digest import json_sha256

BASE = "base"
FOLDER = ".untrained"
"""In the results folder: one file for each backbone, test split and way of prompting."""


def relative_to_base_model(trained: Trained, record: Record) -> Record:
    """The view: likelihood relative to the base model, and its NLL by slice of each example.

    The base model gets the method's main prompt, without preface or thoughts. Its NLL is stored in
    the results folder and shared by every method with the same prompts.
    """
    assert record.likelihood is not None
    job, plan = trained.job, trained.plan
    weights, base = base_model_nlls(job, record.backbone.fingerprint, trained.kept)
    own = record.nlls
    rows = relative(list(own.values()), [base[key] for key in own])
    curve = nll_summary(rows, plan.settings.eval.slices, plan.panel(own))
    name = plan.settings.model.backbone
    found = RelativeLikelihood(backbone=name, fingerprint=weights, **vars(curve))
    return replace(record, likelihood=replace(record.likelihood, relative=found)).with_values(
        base_nll={key: each.nll for key, each in base.items()}
    )


def base_model_nlls(
    job: Job, weights: str | None, kept: KeptValues
) -> tuple[str, dict[str, SliceNll]]:
    """The base model's fingerprint, and id → its NLL of the reference by slice.

    weights: the fingerprint, where the run knows it.
    kept: what an interrupted evaluation had computed.
    """
    plan, model = job.plan, None
    if weights is None:
        model = plan.backbones.main
        weights = weights_fingerprint(model)
    path = plan.results / FOLDER / f"{_key(job, weights)}.json"
    found = read_state(dict[str, SliceNll], path, job.bars.say)
    if found is not None:
        return weights, found
    if model is None:
        model = plan.backbones.main
        if weights_fingerprint(model) != weights:
            raise UsageError(
                f"backbone {plan.settings.model.backbone!r}: its weights changed since this run"
                " began; expected files that do not change during a run. Give the same command"
                " again"
            )
    lm = job.everywhere(load_base, BASE, model=model)
    found = slice_nlls(Trained(job, lm, kept=kept, variant=BASE), plan.test_prompts, {})
    job.everywhere(forget, BASE)
    write_state(path, found)
    return weights, found


def _key(job: Job, weights: str) -> str:
    """Sixteen hex digits over everything that the base model's NLL depends on."""
    plan, hardware = job.plan, job.hardware
    settings = plan.settings
    parts = [
        weights,
        plan.inputs.digest("backbone"),
        settings.model.backbone,
        settings.model.attention,
        str(hardware.devices[0]),
        str(hardware.dtype),
        *([str(hardware.generation)] if hardware.generation is not hardware.dtype else []),
        plan.test.fingerprint,
        settings.eval.slices,
        settings.train.micro_tokens,
        [(encoded.example.id, encoded.prompt) for encoded in plan.test_prompts],
        *provenance.engine_versions(),
        provenance.reading_sha256(),
    ]
    return json_sha256(*parts)[:16]
