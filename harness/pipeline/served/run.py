"""A run whose model is behind an API: its texts, and what evaluates them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.engine.clock import Phases
from harness.engine.endpoint.client import Client
from harness.pipeline.evaluate.kept_values import VALUES, KeptValues
from harness.pipeline.job import PHASES, Generated, Job
from harness.pipeline.opening import opening
from harness.pipeline.repeated import refuse_changed_meanwhile, set_aside
from harness.pipeline.served.generate import generate_served
from harness.pipeline.served.plan import ServedPlan
from harness.pipeline.served.views import Served
from harness.record import ModelInfo, Record
from harness.record.inputs import MODELS, Inputs


def served(
    job: Job,
    plan: ServedPlan,
    phases: Phases,
    before: Inputs,
    command: str,
    earlier: Record | None,
) -> Generated:
    """Have a server generate.

    job: the run.
    plan: its plan.
    phases: takes the times.
    before: inputs as hashed before.
    command: the command line, for the record.
    earlier: the unfinished record in the run's folder.
    """
    refuse_changed_meanwhile(plan, before)
    if earlier is None:
        set_aside(job)
    record = opening(job, command, ModelInfo(name=plan.settings.model.backbone))
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
