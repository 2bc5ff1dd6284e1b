"""One training for several runs: those that differ only in evaluation share weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from harness.engine.checkpoint import WEIGHTS, drop_checkpoint
from harness.inputs import provenance
from harness.pipeline.job import Job
from harness.pipeline.training import PHASES, SEARCH, TRAINED, UNFINISHED
from harness.record import DeviceInfo, Training, read_state, write_json
from harness.record.inputs import MODELS
from harness.settings.names import named

KEY, MACHINE = "training-key.txt", "training-machine.json"


def training_key(job: Job, backbone: Sequence[str | None]) -> str:
    """Sixteen hex digits over everything that the weights depend on; evaluation is left out.

    backbone: fingerprints of the weights that training starts from.

    The source of harness and method counts, so that edited code is retrained, committed or not.
    """
    plan, hardware = job.plan, job.hardware
    settings = named(plan.settings.model_dump(mode="json"))
    del settings["eval"], settings["data"]["limit"]
    parts = [
        plan.method.name,
        settings,
        {name: split.fingerprint for name, split in plan.splits.items() if name != "test"},
        provenance.method_sha256(type(plan.method), plan.settings.method),
        list(backbone),
        plan.inputs.digest(*MODELS),
        [device.type for device in hardware.devices],
        str(hardware.dtype),
        [version(name) for name in ("torch", "transformers")],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def begin_training(job: Job, key: str) -> None:
    """Store the training key; delete what a training with another key left, and say so."""
    folder = job.plan.folder
    path = folder / KEY
    known = path.read_text() if path.is_file() else ""
    files = [folder / name for name in (WEIGHTS, TRAINED, SEARCH, PHASES)]
    if known != key and any(map(Path.exists, [*files, folder / UNFINISHED])):
        for file in files:
            file.unlink(missing_ok=True)
        drop_checkpoint(folder / UNFINISHED)
        job.bars.say(f"{folder}: code or packages changed; retraining")
    path.write_text(key)
    write_json(folder / MACHINE, job.hardware.machine())


def adopt_training(job: Job, key: str) -> None:
    """Reuse a finished training with the same key from another run of this method, and say so.

    Its weights are linked and its summary names the run in `reused_from`. Its times are reused
    too, so it must come from the same kind of machine. Nothing is done where there is no such run,
    or where this run has trained already.
    """
    folder, say = job.plan.folder, job.bars.say
    if (folder / TRAINED).is_file() and (folder / WEIGHTS).is_file():
        return
    for file in sorted(folder.parent.glob(f"*/{KEY}")):
        other = file.parent
        if other == folder or file.read_text() != key or not (other / WEIGHTS).is_file():
            continue
        summary = read_state(Training, other / TRAINED, say)
        machine = read_state(DeviceInfo, other / MACHINE, say)
        if summary is not None and machine == job.hardware.machine():
            _link(other / WEIGHTS, folder / WEIGHTS)
            source = summary.reused_from or other.name
            write_json(folder / TRAINED, replace(summary, reused_from=source))
            say(f"reusing the weights that {other.name} trained (--fresh trains again)")
            return


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links. Atomic."""
    draft = target.with_suffix(".part")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
    draft.replace(target)
