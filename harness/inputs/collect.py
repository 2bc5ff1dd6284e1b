"""The current inputs of a run, from its settings and its data's fingerprints."""

from __future__ import annotations

from collections.abc import Mapping

from harness.inputs.digests import file_sha256
from harness.inputs.imports import closure
from harness.inputs.metrics import metric_input
from harness.inputs.models import model_files
from harness.inputs.origin import Origin, merged, named_origins, own_sources
from harness.record.inputs import Inputs
from harness.registry import table
from harness.settings import ModelSettings, RunSettings

RUN = "harness.pipeline.single"
"""The module whose imports are the code of a run."""


def collect(settings: RunSettings, origin: Origin, data: Mapping[str, str]) -> Inputs:
    """Every outside input by its content; imports no torch.

    settings: of the run.
    origin: where the method's code begins.
    data: split → fingerprint.
    """
    model, retrieval = settings.model, settings.retrieval
    dense = retrieval.dense_model if retrieval.ranking == "dense" else None
    task = table("task").get(settings.task)
    of_task = own_sources(Origin(task.target.partition(":")[0], task.file)) if task else {}
    origins = [origin, *named_origins(settings.method)]
    plugins = merged(*map(own_sources, origins), of_task)
    code = closure([RUN, *(each.module for each in origins)])
    return Inputs(
        data=dict(data),
        backbone=_backbone(model),
        reasoner=model_files(model.reasoner, base=model.base) if model.reasoner else {},
        dense_model=model_files(dense) if dense else {},
        plugins={name: file_sha256(file) for name, file in plugins.items()},
        metrics={name: metric_input(name) for name in settings.eval.metrics},
        code={name: file_sha256(file)[:12] for name, file in code.items()},
    )


def _backbone(model: ModelSettings) -> dict[str, str]:
    """The backbone's files; of a model behind an API those of the tokenizer, if it is known."""
    if not model.api:
        return model_files(model.backbone, model.revision, base=model.base)
    if model.tokenizer is None:
        return {}
    return model_files(model.tokenizer, model.revision, ("tokenizer", "chat template"))
