"""Likelihood relative to the base model, which shows how predictable each position is anyway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version

from harness.engine.backbone import weights_fingerprint
from harness.engine.devices import cast, place
from harness.engine.lm import CausalLM
from harness.errors import UsageError
from harness.inputs import provenance
from harness.metrics.likelihood import nll_summary, relative
from harness.record import RelativeLikelihood, SliceNll, write_json
from harness.record.reading import from_json
from harness.run.evaluate.reference_likelihood import slice_nlls
from harness.run.plan import Plan
from harness.run.training import Hardware

FOLDER = ".untrained"
"""In the results folder: one file for each backbone, test split and way of prompting."""


def relative_to_base_model(
    plan: Plan, nll: Mapping[str, SliceNll], weights: str | None, hardware: Hardware
) -> tuple[RelativeLikelihood, dict[str, SliceNll]]:
    """The record's entry on likelihood relative to the base model, and the base model's NLL by id.

    plan: the run.
    nll: id → NLL of the trained model.
    weights: the base model's fingerprint, where the run knows it.
    hardware: where it is evaluated.

    The base model gets the method's main prompt, without preface or thoughts. Its NLL is stored in
    the results folder and shared by every method with the same prompts.
    """
    weights, base = base_model_nlls(plan, weights, hardware)
    rows = relative(list(nll.values()), [base[key] for key in nll])
    curve = nll_summary(rows, plan.settings.eval.slices, plan.panel(nll))
    name = plan.settings.model.backbone
    return RelativeLikelihood(backbone=name, fingerprint=weights, **vars(curve)), base


def base_model_nlls(
    plan: Plan, weights: str | None, hardware: Hardware
) -> tuple[str, dict[str, SliceNll]]:
    """The base model's fingerprint, and id → its NLL of the reference by slice."""
    model = None
    if weights is None:
        model = plan.backbones.main
        weights = weights_fingerprint(model)
    path = plan.results / FOLDER / f"{_key(plan, weights, hardware)}.json"
    if path.is_file():
        kept = path.read_text(encoding="utf-8")
        return weights, from_json(dict[str, SliceNll], kept, str(path))
    if model is None:
        model = plan.backbones.main
        if weights_fingerprint(model) != weights:
            raise UsageError(
                f"backbone {plan.settings.model.backbone!r}: its weights changed since this run"
                " began; expected files that do not change during a run. Give the same command"
                " again"
            )
    lm = CausalLM(model)
    place(lm, hardware.devices[:1])
    cast(lm, hardware.dtype)
    found = slice_nlls(plan, lm, plan.test_prompts, {}, hardware)
    write_json(path, {key: asdict(each) for key, each in found.items()})
    return weights, found


def _key(plan: Plan, weights: str, hardware: Hardware) -> str:
    """Sixteen hex digits over everything that the base model's NLL depends on."""
    settings = plan.settings
    parts = [
        weights,
        plan.inputs.digest("backbone"),
        settings.model.backbone,
        settings.model.attention,
        str(hardware.devices[0]),
        str(hardware.dtype),
        plan.test.fingerprint,
        settings.eval.slices,
        settings.train.micro_tokens,
        [(encoded.example.id, encoded.prompt) for encoded in plan.test_prompts],
        version("torch"),
        version("transformers"),
        provenance.reading_sha256(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
