"""One training for several runs: those that differ only in evaluation share weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.engine.checkpoint import WEIGHTS, drop_checkpoint
from harness.inputs import provenance
from harness.record import Training, write_json
from harness.record.inputs import MODELS
from harness.record.reading import from_json
from harness.run.plan import Plan
from harness.run.training import PHASES, SEARCH, TRAINED, UNFINISHED, Hardware
from harness.settings.names import named

KEY, MACHINE = "training-key.txt", "training-machine.json"


def training_key(plan: Plan, backbone: Any, hardware: Hardware) -> str:
    """Sixteen hex digits over everything that the weights depend on; evaluation is left out.

    plan: the run.
    backbone: fingerprints of the weights that training starts from.
    hardware: device types and number type.

    The source of harness and method counts, so that edited code is retrained, committed or not.
    """
    settings = named(plan.settings.model_dump(mode="json"))
    del settings["eval"], settings["data"]["limit"]
    parts = [
        plan.method.name,
        settings,
        {name: split.fingerprint for name, split in plan.splits.items() if name != "test"},
        provenance.method_sha256(type(plan.method), plan.settings.method),
        backbone,
        plan.inputs.digest(*MODELS),
        [device.type for device in hardware.devices],
        str(hardware.dtype),
        [version(name) for name in ("torch", "transformers")],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def begin_training(plan: Plan, key: str, hardware: Hardware) -> bool:
    """Store the training key; delete what a training with another key left, and say if so."""
    path = plan.folder / KEY
    known = path.read_text() if path.is_file() else ""
    files = [plan.folder / name for name in (WEIGHTS, TRAINED, SEARCH, PHASES)]
    stale = known != key and (any(map(Path.exists, files)) or (plan.folder / UNFINISHED).exists())
    if stale:
        for file in files:
            file.unlink(missing_ok=True)
        drop_checkpoint(plan.folder / UNFINISHED)
    path.write_text(key)
    write_json(plan.folder / MACHINE, asdict(hardware.machine()))
    return stale


def adopt_training(plan: Plan, key: str, hardware: Hardware) -> str | None:
    """Reuse a finished training with the same key from another run of this method.

    Its weights are linked and its summary names the run in `reused_from`. Its times are reused
    too, so it must come from the same kind of machine. Returns that run's name; None where there
    is no such run, or where this run has trained already.
    """
    if (plan.folder / TRAINED).is_file() and (plan.folder / WEIGHTS).is_file():
        return None
    machine = asdict(hardware.machine())
    for file in sorted(plan.folder.parent.glob(f"*/{KEY}")):
        other = file.parent
        whole = all((other / name).is_file() for name in (TRAINED, WEIGHTS, MACHINE))
        if other == plan.folder or not whole or file.read_text() != key:
            continue
        if json.loads((other / MACHINE).read_text(encoding="utf-8")) == machine:
            _link(other / WEIGHTS, plan.folder / WEIGHTS)
            source = other / TRAINED
            summary = from_json(Training, source.read_text(encoding="utf-8"), str(source))
            summary = replace(summary, reused_from=summary.reused_from or other.name)
            write_json(plan.folder / TRAINED, asdict(summary))
            return other.name
    return None


def _link(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system has no hard links. Atomic."""
    draft = target.with_suffix(".part")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
    draft.replace(target)
