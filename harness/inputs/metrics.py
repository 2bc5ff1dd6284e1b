"""The inputs of a metric, without computing it: scripts, tools, data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from harness.inputs.digests import file_sha256
from harness.inputs.imports import (
    OWN,
    closure,
    content_sha256,
    file_closure,
    file_of,
    foreign_imports,
)
from harness.inputs.models import model_files
from harness.metrics import EXTERNAL, family, metric
from harness.paths import expanded
from harness.registry import PLUGIN_MODULE, table

ARITHMETIC = ("numpy", "scipy")
"""Packages that define no metric."""
METEOR = "harness.metrics.meteor"


def metric_input(name: str) -> str:
    """A metric's digest: sha256 of a script or plugin, or names and versions of its tools."""
    if name.startswith(EXTERNAL):
        return _external(name.removeprefix(EXTERNAL).partition("?")[0])
    if family(name) is not None:
        needs = metric(name).needs
        return _sha256([name, *model_files(needs.model if needs else "").values()])
    entry = table("metric").get(name)
    module = entry.target.partition(":")[0] if entry else ""
    file = file_of(module)
    if file is None:
        return "unknown"
    package = module.partition(".")[0]
    if package not in OWN:
        own = closure([module], [package])
        if package.startswith(PLUGIN_MODULE):  # whose name tells files in other folders apart
            own = {f"{PLUGIN_MODULE}{file.stem}": file}
        sources = {**own, **file_closure(file)}
        return _sha256(
            [content_sha256(sources), *_versions(foreign_imports(sources.values()) - {package})]
        )
    data = [f"wordnet {_wordnet_sha256()[:12]}"] if module == METEOR else []
    return ", ".join([*_versions(foreign_imports([file])), *data]) or "none"


def _external(place: str) -> str:
    """Digest of a metric of evaluate: its local script or folder, else the cached hub script.

    As for evaluate, a folder without a script of its name is not the metric's.
    """
    path = expanded(place)
    if (path / f"{path.name}.py").is_file():
        files = {str(file.relative_to(path)): file for file in path.rglob("*.py")}
    elif path.is_file():
        files = file_closure(path)
    else:
        kept = _modules_cache() / "evaluate_modules" / "metrics"
        name = place.replace("/", "--")
        files = {
            str(file.relative_to(kept)): file
            for folder in (f"evaluate-metric--{name}", name)
            for file in (kept / folder).rglob("*.py")
        }
    tools = _versions({"evaluate", *foreign_imports(files.values())} - {"datasets"})
    return _sha256([content_sha256(files), *tools])


def _modules_cache() -> Path:
    """Where evaluate caches hub scripts, by the rules of `datasets.config`."""
    cache = expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = expanded(os.environ.get("HF_HOME") or cache / "huggingface")
    return Path(os.environ.get("HF_MODULES_CACHE") or home / "modules")


def _versions(packages: Iterable[str]) -> list[str]:
    return [f"{name} {_version(name)}" for name in sorted({*packages} - {*ARITHMETIC})]


def _version(package: str) -> str:
    """Version of a package; its distribution may have another name, which is slow to look up."""
    with suppress(PackageNotFoundError):
        return version(package)
    return ", ".join(version(name) for name in _distributions().get(package, ())) or "absent"


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _sha256(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _wordnet_sha256() -> str:
    from harness.metrics.meteor import SYNONYMS

    return file_sha256(SYNONYMS)
