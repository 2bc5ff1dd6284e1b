"""Where a backbone is: packaged, in a folder, or on the hub; an adapter is on a base."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from harness.engine import smollm2
from harness.engine.adapter_folders import AdapterFolder, find_adapter, no_base
from harness.engine.agreement import EAGER
from harness.errors import UsageError
from harness.mini import BACKBONES, backbone_path
from harness.paths import expanded
from harness.settings import API

NAMED = (*BACKBONES, smollm2.NAME)
"""Backbones that need neither a folder nor the hub."""


def locate(name: str) -> str:
    """Folder or hub name of a backbone. Raises UsageError if there is none or it is not safe."""
    if name in BACKBONES:
        return str(backbone_path(name))
    if name == smollm2.NAME:
        return str(smollm2.folder())
    if name.startswith(API):
        raise UsageError(
            f"backbone {name!r}: a model behind an API gives texts, not weights; expected only in"
            " `harness run` with a method that trains nothing (nonpers, rag). Here name a folder or"
            " a hub name"
        )
    path = expanded(name)
    if path.is_dir():
        _check_folder(path)
        return str(path)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        close = get_close_matches(name, NAMED, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"no backbone {name!r}.{hint} It is not a folder, not one of"
            f" {', '.join(NAMED)}, and not a hub name like Qwen/Qwen2.5-0.5B-Instruct"
        )
    return name


def refuse_revision(name: str, revision: str | None) -> None:
    """Raises UsageError if `model.revision` is given for a backbone that is not of the hub."""
    if revision is None or name.startswith(API):
        return
    if name in NAMED or expanded(name).is_dir():
        what = "built in" if name in NAMED else "a folder on this machine"
        raise UsageError(
            f"model.revision = {revision}: backbone {name!r} is {what}, which has one version;"
            " expected a name on the hub\n"
            "  mend      leave model.revision out, or give the command where no folder has the name"
            " of the hub's model"
        )


def adapter_at(
    name: str, revision: str | None = None, base: str | None = None
) -> AdapterFolder | None:
    """The adapter that a backbone's name stands for, with a base that exists; None for a model.

    base: `model.base`. Raises UsageError where the base cannot be found.
    """
    location = locate(name)
    adapter = find_adapter(name, location, revision, base)
    if adapter is None:
        return None
    try:
        below = locate(adapter.base.name)
    except UsageError as error:
        raise no_base(adapter, error) from error
    if adapter.base.revision is not None and Path(below).is_dir():
        raise no_base(
            adapter,
            UsageError(
                f"its configuration names revision"
                f" {adapter.base.revision} of the hub's model, and a folder here has that name"
            ),
        )
    if find_adapter(adapter.base.name, below, adapter.base.revision, base="") is not None:
        raise no_base(adapter, UsageError("an adapter lies there too"))
    return adapter


def model_of(
    name: str, revision: str | None = None, base: str | None = None
) -> tuple[str, str | None]:
    """Location and commit of the whole model: the backbone's own, or those of its base."""
    adapter = adapter_at(name, revision, base)
    if adapter is None:
        return locate(name), revision
    return locate(adapter.base.name), adapter.base.revision


def _check_folder(path: Path) -> None:
    if find_adapter(str(path), str(path), base="") is not None:
        return
    if not (path / "config.json").is_file():
        raise UsageError(f"backbone {path}: no config.json; expected a save_pretrained folder")
    if not list(path.glob("*.safetensors")):
        pickles = sorted(
            file.name for file in path.iterdir() if file.suffix in {".bin", ".pt", ".pth", ".pkl"}
        )
        if not pickles:
            raise UsageError(
                f"backbone {path}: no .safetensors file; expected a save_pretrained folder with"
                " its weights"
            )
        raise UsageError(
            f"backbone {path}: no .safetensors file; found {', '.join(pickles)}, which can run"
            " code when loaded\n"
            "  mend      load it on a machine that may trust it, and save it again with"
            " save_pretrained(folder, safe_serialization=True)"
        )


def load_error(name: str, error: Exception) -> str:
    """transformers' message, and how to go on. A model's own code is never run."""
    if 'attn_implementation="eager"' in str(error):
        return f"{str(error).split(' Please request')[0]}\n{EAGER}"
    if "trust_remote_code" not in str(error):
        local = name in NAMED or expanded(name).is_dir()
        if local or not isinstance(error, OSError):
            return "\n".join([*str(error).splitlines()[:3]]) or type(error).__name__
        return (
            f"{str(error).splitlines()[0]}\n"
            f"  mend      with a network: `hf download {name} --local-dir DIR`, then name"
            " that folder"
        )
    return (
        "it needs Python code of its own, which is never run (trust_remote_code is off); expected"
        " an architecture that transformers knows"
    )
