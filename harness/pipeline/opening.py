"""The record of a run as it is before any work, and the run file beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from harness.inputs import provenance
from harness.inputs.stale import REQUEST, request_digest
from harness.pipeline.job import Job
from harness.pipeline.plan import Plan
from harness.plugins import home_of
from harness.record import Counts, ModelInfo, Record, SplitInfo, write_record, write_text
from harness.registry import PLUGIN_MODULE, table
from harness.settings import RUN_FILE, RunSettings, load_preset, run_file_text, validate


def opening(job: Job, command: str, backbone: ModelInfo) -> Record:
    """The record before any work, with status "running"; it is written to disk."""
    plan = job.plan
    record = Record(
        run_id=plan.run_id,
        method=plan.method.name,
        task=plan.settings.task,
        status="running",
        command=command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=plan.settings.model_dump(mode="json"),
        seed=plan.settings.seed,
        code=provenance.code(),
        packages=provenance.packages(),
        device=job.machine,
        data=replace(
            plan.source,
            splits={name: SplitInfo.of(split) for name, split in plan.splits.items()},
        ),
        backbone=backbone,
        n=Counts(planned=len(plan.test.examples)),
        inputs=plan.inputs,
    )
    write_record(record, plan.folder)
    write_text(plan.folder / RUN_FILE, _run_file(plan))
    request = request_digest(plan.settings, plan.method.name)
    (plan.folder / REQUEST).write_text(request, encoding="utf-8")
    return record


def _run_file(plan: Plan) -> str:
    """The run file with which `harness run --config` makes the same run."""
    settings, method = plan.settings, type(plan.method)
    preset = validate(RunSettings, load_preset(settings.preset))
    home = home_of(method) if method.__module__.startswith(PLUGIN_MODULE) else None
    used = [("task", settings.task), *(("metric", name) for name in settings.eval.metrics)]
    entries = [table(kind).get(name) for kind, name in used]
    homes = [home, *(each.file for each in entries if each)]
    files, out = list(dict.fromkeys(str(each) for each in homes if each)), str(plan.results)
    return run_file_text(settings, preset, plan.method.name, plugins=files, out=out)
