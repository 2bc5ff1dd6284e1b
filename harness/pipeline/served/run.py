"""A run whose model is behind an API: its texts, and what evaluates them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.engine.endpoint.client import Client
from harness.pipeline.attempt import Attempt
from harness.pipeline.evaluate.kept_values import VALUES, KeptValues
from harness.pipeline.job import PHASES, Generated
from harness.pipeline.opening import opening
from harness.pipeline.repeated import refuse_changed_meanwhile, set_aside
from harness.pipeline.served.generate import generate_served
from harness.pipeline.served.plan import ServedPlan
from harness.pipeline.served.views import Served
from harness.record import ModelInfo
from harness.record.inputs import MODELS


def served(attempt: Attempt, plan: ServedPlan) -> Generated:
    """Have a server generate."""
    job, phases = attempt.job, attempt.phases
    refuse_changed_meanwhile(plan)
    if attempt.earlier is None:
        set_aside(job)
    record = opening(job, attempt.command, ModelInfo(name=plan.settings.model.backbone))
    phases.keep(plan.folder / PHASES, job.bars.say)
    job.trackers.start(plan)
    client = Client(plan.address, plan.settings.api)
    with phases("writing"):
        texts, inference, api = generate_served(job, plan, client)
    text = plan.about_text or None
    record = replace(
        record, backbone=replace(record.backbone, api=api, text=text), inference=inference
    )
    common = [plan.settings.digest(), plan.inputs.digest(*MODELS)]
    kept = KeptValues(plan.folder / VALUES, common, job.bars.say)
    return Generated(texts, record, partial(Served(job, plan, client, kept).evaluate, texts))
