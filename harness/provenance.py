"""What a stranger must know to run it again: code, packages, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.registry import folder_of

PACKAGES = (
    "torch", "transformers", "tokenizers", "accelerate", "datasets", "sacrebleu", "rouge-score",
    "nltk", "rank-bm25", "numpy", "scipy",
)  # fmt: skip


def code() -> dict[str, Any]:
    """Version of the harness, and the commit of its checkout: clean or not, None outside one."""
    root = Path(__file__).resolve().parents[1]
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    clean = None if commit is None else _git(root, "status", "--porcelain", "-uno") == ""
    return {"version": __version__, "commit": commit, "clean": clean}


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


OWN = ("baselines", "flythinker", "harness")
"""Packages whose code weights and texts come from."""
AFTERWARDS = ("bench", "commands", "conformance", "leaderboard", "reports")
"""Rooms of the harness that none comes from."""


def method_sha256(method: type) -> str:
    """sha256 of the source that a method's weights and texts come from: its own and the engine."""
    names = sorted({*OWN, method.__module__.partition(".")[0]})
    places: list[Path] = []
    for home in filter(None, map(folder_of, names)):
        rooms = sorted(home.iterdir()) if home == Path(__file__).parent else [home]
        places += [room for room in rooms if room.name not in AFTERWARDS]
    return sources_sha256(place for place in places if place.is_dir() or place.suffix == ".py")


def sources_sha256(places: Iterable[Path]) -> str:
    """sha256 over files of Python source and those below folders, committed or not."""
    digest = hashlib.sha256()
    for place in places:
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(place.parent)}\0{content}\0".encode())
    return digest.hexdigest()


def packages() -> dict[str, str]:
    """Versions of the packages that numbers depend on, and of Python."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine(device: str, dtype: str) -> dict[str, Any]:
    """Device, dtype, threads and what they run on: time columns compare only where these agree."""
    import torch

    accelerator = torch.cuda.get_device_name(0) if device.startswith("cuda") else None
    return {
        "device": device,
        "dtype": dtype,
        "threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
