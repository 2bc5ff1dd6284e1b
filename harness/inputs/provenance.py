"""Provenance of a run: code, packages, machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import __version__
from harness.inputs.imports import closure, content_sha256, imports_of
from harness.inputs.origin import Origin, merged, named_origins, own_sources
from harness.plugins import home_of
from harness.record import CodeInfo, DeviceInfo

PACKAGES = (
    "torch", "transformers", "tokenizers", "accelerate", "peft", "datasets", "sacrebleu",
    "rouge-score", "nltk", "rank-bm25", "numpy", "scipy",
)  # fmt: skip


def code() -> CodeInfo:
    """Version of the harness, commit of its checkout and whether it is clean; None outside one."""
    root = Path(__file__).resolve().parents[2]
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    clean = None if commit is None else _git(root, "status", "--porcelain", "-uno") == ""
    return CodeInfo(version=__version__, commit=commit, clean=clean)


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


MAKING = ("harness.pipeline.training", "harness.pipeline.generate")
"""Modules that weights and texts depend on, besides the method's own."""
DECODING = "harness.engine.lean_"
"""Begin of the modules that only generate texts, without gradients: they change no weights where no
text is trained on, since they must give the numbers of the model's own forward, whichever
`decode.step` says."""


def method_sha256(method: type, options: Mapping[str, object] | None = None) -> str:
    """sha256 of the source that a method's weights and texts depend on, committed or not.

    These are the modules that the method, training and generation import, recursively.
    options: the method's settings; a method that they name (`flops_of`) is included.
    """
    return content_sha256(method_sources(method, options or {}))


def training_sha256(method: type, options: Mapping[str, object]) -> str:
    """`method_sha256` without the modules of `DECODING`: what weights depend on where no model
    generates what is trained on."""
    sources = method_sources(method, options).items()
    return content_sha256({name: file for name, file in sources if not name.startswith(DECODING)})


def method_sources(method: type, options: Mapping[str, object]) -> dict[str, Path]:
    """Module → file of that source."""
    origins = [Origin(method.__module__, home_of(method)), *named_origins(options)]
    beside = merged(*map(own_sources, origins))
    starts = [*MAKING, *(origin.module for origin in origins)]
    starts += [name for file in beside.values() for name in imports_of(file, "")]
    return {**closure(starts), **beside}


def reading_sha256() -> str:
    """sha256 of the source that a likelihood depends on, by imports."""
    return content_sha256(closure(["harness.pipeline.evaluate.reference_likelihood"]))


def evaluation_sha256(method: type, options: Mapping[str, object]) -> str:
    """sha256 of the source that an evaluation of a method's model depends on, by imports."""
    views = closure(["harness.pipeline.evaluate.evaluation"])
    return content_sha256({**method_sources(method, options), **views})


@cache
def _version(package: str) -> str:
    """The installed version, looked up once: a process keeps the packages that it imported."""
    return version(package)


def engine_versions() -> list[str]:
    """Versions of the packages that all weights and texts depend on."""
    return [_version(name) for name in ("torch", "transformers", "tokenizers")]


def packages() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = _version(name)
        except PackageNotFoundError:
            continue
    return found


def machine(device: str, dtype: str, generation_dtype: str | None = None) -> DeviceInfo:
    """Device, dtype, threads and hardware; times compare only if these agree.

    generation_dtype: of the weights that generate, where it is another than dtype.
    """
    import torch

    accelerator = torch.cuda.get_device_name(0) if device.startswith("cuda") else None
    return DeviceInfo(
        device=device,
        dtype=dtype,
        generation_dtype=generation_dtype,
        threads=torch.get_num_threads(),
        accelerator=accelerator,
        processor=processor(),
        cores=os.cpu_count(),
        system=f"{platform.system()} {platform.machine()}",
    )


def processor() -> str:
    """Name of the CPU."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
