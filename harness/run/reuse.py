"""One training for all that is measured of it: runs that differ in evaluation share weights."""

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
    """Sixteen hex over everything that the weights depend on; evaluation is left out.

    backbone: fingerprints of the weights that it starts from. The source of harness and method
    counts, so that edited code trains anew, committed or not.
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
    """Write down what this training depends on; True where what another key left was dropped."""
    path = plan.folder / KEY
    known = path.read_text() if path.is_file() else ""
    left = [plan.folder / name for name in (WEIGHTS, TRAINED, SEARCH, PHASES)]
    stale = known != key and (any(map(Path.exists, left)) or (plan.folder / UNFINISHED).exists())
    if stale:
        for file in left:
            file.unlink(missing_ok=True)
        drop_checkpoint(plan.folder / UNFINISHED)
    path.write_text(key)
    write_json(plan.folder / MACHINE, asdict(hardware.machine()))
    return stale


def adopt_training(plan: Plan, key: str, hardware: Hardware) -> str | None:
    """Take over a finished training of the same key from another run beside this one.

    Its weights are linked, its summary says `reused_from` that run. Its times are taken over too,
    so it must have run on such a machine. Returns the run's name, or None where there is none, or
    this run has trained already.
    """
    if (plan.folder / TRAINED).is_file() and (plan.folder / WEIGHTS).is_file():
        return None
    here = asdict(hardware.machine())
    for file in sorted(plan.folder.parent.glob(f"*/{KEY}")):
        there = file.parent
        whole = all((there / name).is_file() for name in (TRAINED, WEIGHTS, MACHINE))
        if there == plan.folder or not whole or file.read_text() != key:
            continue
        if json.loads((there / MACHINE).read_text(encoding="utf-8")) == here:
            _link(there / WEIGHTS, plan.folder / WEIGHTS)
            source = there / TRAINED
            summary = from_json(Training, source.read_text(encoding="utf-8"), str(source))
            summary = replace(summary, reused_from=summary.reused_from or there.name)
            write_json(plan.folder / TRAINED, asdict(summary))
            return there.name
    return None


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none; whole or not at all."""
    draft = target.with_suffix(".part")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
    draft.replace(target)
