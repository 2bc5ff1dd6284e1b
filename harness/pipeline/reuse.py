"""One training for several runs: those that differ only in evaluation share weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.data.content import task_digest
from harness.engine.weight_files import WEIGHTS
from harness.inputs import provenance
from harness.inputs.provenance import engine_versions
from harness.method import Method
from harness.pipeline.job import Job
from harness.pipeline.kept_training import TRAINED, drop_training, finished_training
from harness.pipeline.lr_search import chosen_by_another_seed
from harness.pipeline.prepared_prompts import PACKAGES
from harness.record import DeviceInfo, read_state, read_word, record_there, write_state
from harness.record.dated import is_dated
from harness.record.digest import json_sha256
from harness.record.durable import draft_of, move, sync_path, write_text
from harness.record.inputs import MODELS
from harness.registry import find
from harness.settings import RunSettings
from harness.settings.names import named

KEY, MACHINE = "training-key.txt", "training-machine.json"
GENERATING = ("prepare", "targets", "val_targets")
"""What a method overrides where a model generates some of its training data."""


def training_key(
    job: Job, backbone: Sequence[str | None], machine: DeviceInfo | None = None
) -> str:
    """Sixteen hex digits over everything that the weights depend on; evaluation is left out.

    backbone: fingerprints of the weights that training starts from.
    machine: the one that trains; by default this one.

    The source of harness, method and task counts, so that edited code is retrained, committed or
    not; so do the versions of the packages that make prompts. Raises UsageError where the run takes
    the learning rate of another seed that has not chosen one.
    """
    plan, machine = job.plan, machine or job.hardware.machine()
    parts = [
        plan.method.name,
        training_settings(plan.settings),
        chosen_by_another_seed(plan),
        {name: split.fingerprint for name, split in plan.splits.items() if name != "test"},
        source_sha256(type(plan.method), plan.settings.method),
        task_digest(find("task", plan.settings.task)),
        list(backbone),
        plan.inputs.digest(*MODELS),
        [device.partition(":")[0] for device in machine.device.split(",")],
        f"torch.{machine.dtype}",
        engine_versions(),
        [version(name) for name in PACKAGES],
    ]
    return json_sha256(*parts, sort_keys=True)[:16]


def source_sha256(method: type[Method], options: Mapping[str, object]) -> str:
    """sha256 of the source that a training depends on; `options` are the method's settings.

    Decoding counts for a method in whose training data there may be generated text.
    """
    generates = any(getattr(method, hook) is not getattr(Method, hook) for hook in GENERATING)
    digest = provenance.method_sha256 if generates else provenance.training_sha256
    return digest(method, options)


def training_settings(settings: RunSettings) -> dict[str, Any]:
    """The settings that the weights depend on; those of evaluation are left out."""
    found = named(settings.model_dump(mode="json"))
    del found["eval"], found["data"]["limit"]
    return found


def begin_training(job: Job, key: str, backbone: Sequence[str | None]) -> DeviceInfo | None:
    """Store the training key; delete what a training with another key left, and say so.

    key: of a training on this machine.
    backbone: fingerprints of the weights that training starts from.

    Returns the machine of a finished training in the run's folder that has the same inputs and was
    made elsewhere, as in a folder that was copied: it is used as it is.
    """
    folder, here = job.plan.folder, job.hardware.machine()
    path, stored = folder / KEY, read_word(folder / KEY)
    there = read_state(DeviceInfo, folder / MACHINE, job.bars.say)
    elsewhere = there if stored and there != here else None
    if elsewhere and finished_training(folder, job.bars.say) and (
        stored == training_key(job, backbone, elsewhere)
    ):  # fmt: skip
        name = elsewhere.accelerator or elsewhere.processor or elsewhere.device
        job.bars.say(f"reusing the weights that another machine trained ({name})")
        return elsewhere
    if stored != key and drop_training(folder):
        job.bars.say(f"{folder}: code, packages or learning rate changed; retraining")
    write_text(path, key)
    write_state(folder / MACHINE, here)
    return None


def adopt_training(job: Job, key: str) -> None:
    """Reuse a finished training with the same key from another run of this method, and say so.

    Its weights, if intact, are linked and its summary names the run in `reused_from`. Its times are
    reused too, so it must come from the same kind of machine. A run that was set aside because its
    plugins changed is not used, whatever its key says. Nothing is done where there is no such run,
    or where this run has trained already.
    """
    folder, say = job.plan.folder, job.bars.say
    if (folder / TRAINED).is_file() and (folder / WEIGHTS).is_file():
        return
    for file in sorted(folder.parent.glob(f"*/{KEY}")):
        other = file.parent
        if other == folder or read_word(file) != key or _had_other_plugins(job, other):
            continue
        if read_state(DeviceInfo, other / MACHINE, say) != job.hardware.machine():
            continue
        found = finished_training(other, say)
        if found is not None:
            _link(other / WEIGHTS, folder / WEIGHTS)
            source = found.training.reused_from or other.name
            shared = replace(found.training, reused_from=source)
            write_state(folder / TRAINED, replace(found, training=shared))
            say(f"reusing the weights that {other.name} trained (--fresh trains again)")
            return


def _had_other_plugins(job: Job, folder: Path) -> bool:
    """Whether an old run with a date in its name had other code of plugins, or may have had."""
    if not is_dated(folder):
        return False
    record = record_there(folder, job.bars.say)
    if record is None or record.inputs is None:
        return True
    return record.inputs.plugins != job.plan.inputs.plugins


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links. Atomic."""
    draft = draft_of(target)
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
        sync_path(draft)
    move(draft, target)
