"""One training for all that is measured of it: runs that differ in evaluation share weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import provenance
from harness.engine.checkpoint import WEIGHTS
from harness.plan import Plan
from harness.record import write_json
from harness.registry import folder_of
from harness.training import TRAINED, Hardware

KEY = "training-key.txt"
OWN = ("baselines", "flythinker", "harness")
"""Packages whose code a training depends on."""


def training_key(plan: Plan, backbone: Any, hardware: Hardware) -> str:
    """Sixteen hex over everything that the training depends on; evaluation is left out.

    backbone: fingerprints of the weights that it starts from. The source of harness and method
    counts, so that edited code trains anew, committed or not.
    """
    settings = plan.settings.model_dump(mode="json")
    del settings["eval"], settings["data"]["limit"]
    parts = [
        plan.method.name,
        settings,
        {name: split.fingerprint for name, split in plan.splits.items() if name != "test"},
        provenance.sources_sha256(_homes(type(plan.method))),
        backbone,
        [str(device) for device in hardware.devices],
        str(hardware.dtype),
        [version(name) for name in ("torch", "transformers")],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _homes(method: type) -> list[Path]:
    """Where the harness's packages and the method's own lie."""
    names = sorted({*OWN, method.__module__.partition(".")[0]})
    return [home for name in names if (home := folder_of(name)) is not None]


def adopt_training(plan: Plan, key: str) -> str | None:
    """Take over a finished training of the same key from another run beside this one.

    Its weights are linked, its summary says `reused_from` that run. Returns the run's name, or
    None where there is none, or this run has trained already.
    """
    if (plan.folder / TRAINED).is_file() and (plan.folder / WEIGHTS).is_file():
        return None
    for file in sorted(plan.folder.parent.glob(f"*/{KEY}")):
        there = file.parent
        whole = (there / TRAINED).is_file() and (there / WEIGHTS).is_file()
        if there != plan.folder and whole and file.read_text() == key:
            _link(there / WEIGHTS, plan.folder / WEIGHTS)
            summary = json.loads((there / TRAINED).read_text(encoding="utf-8"))
            summary["reused_from"] = summary.get("reused_from") or there.name
            write_json(plan.folder / TRAINED, summary)
            return there.name
    return None


def keep_key(plan: Plan, key: str) -> None:
    """Say beside the finished training what it depended on; once, for resuming changes nothing."""
    if not (plan.folder / KEY).is_file():
        (plan.folder / KEY).write_text(key)


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none; whole or not at all."""
    draft = target.with_suffix(".part")
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
    draft.replace(target)
