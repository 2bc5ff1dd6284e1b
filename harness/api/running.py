"""A run from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.paths import path_of, paths_of, shown
from harness.api.runs import Run
from harness.blame import blaming
from harness.engine.quiet import quiet_libraries
from harness.errors import UsageError
from harness.plugins import home_of
from harness.registry import find, refuse_class, register_plugins
from harness.settings import RunSettings, build_settings
from harness.settings.flat import nested
from harness.settings.merged import joined, option_values

if TYPE_CHECKING:
    from harness.method import Method


def run(
    method: str | type[Method],
    *,
    data: str | Path | Mapping[str, Any] | None = None,
    task: str | None = None,
    setting: str | None = None,
    limit: int | None = None,
    train_limit: int | None = None,
    backbone: str | Path | None = None,
    reasoner: str | Path | None = None,
    lam: float | None = None,
    track: str | Mapping[str, Any] | None = None,
    seed: int = 0,
    preset: str | Path = "mini",
    out: str | Path = "results",
    plugin: str | Path | Sequence[str | Path] = (),
    fresh: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train, generate and evaluate; a run that is complete is only read.

    method: a method's name, or a class that inherits `harness.method.Method`.
    data: mini, hub, a folder of data (docs/data.md), or the section `data` of the settings.
    task: the task's name.
    setting: user (test users unseen in training) or temporal.
    limit: use at most this many test examples.
    train_limit: use at most this many training examples, and as many of val.
    backbone, reasoner: a model's name, its folder, or its name on the hub.
    lam: FlyThinker's λ.
    track: trackio, tensorboard or wandb, or the section `track` of the settings.
    seed: of training order and sampling.
    preset: mini, smollm2, paper, or a file of your own.
    out: folder for the results.
    plugin: a file, or several, with methods, tasks or metrics of your own.
    fresh: redo a run that is complete.
    progress: show bars and messages on standard error, or below the notebook's cell.
    settings: any setting: a section, `train={"epochs": 1}`, or a key, `**{"train.epochs": 1}`.

    Raises HarnessError for anything that the user can mend. A run on which some examples failed is
    returned, with status "failed".
    """
    if not (isinstance(method, str) or _is_method(method)):
        raise UsageError(
            f"method: found {shown(method)}; expected a method's name, or a class that inherits"
            " harness.method.Method (the class itself, not an object of it)"
        )
    if not isinstance(method, str):
        _refuse_unusable(method)
    results, files = path_of(out, "out"), paths_of(plugin, "plugin")
    given = {
        "data": data, "task": task, "setting": setting, "limit": limit, "train_limit": train_limit,
        "backbone": backbone, "reasoner": reasoner, "lam": lam, "track": track,
    }  # fmt: skip
    call = _call(method, given | {"seed": seed, "preset": preset, "out": out} | settings)
    brought = register_plugins(files)
    chosen = _settings(str(preset), given, {**settings, "seed": seed})
    quiet_libraries()
    if isinstance(method, str) and not fresh:
        from harness.inputs.finished import finished

        complete = finished(chosen, method, files, results)
        if complete is not None:
            return Run(complete[0].folder, complete[0].record)
    if isinstance(method, str):
        factory = brought[method] if method in brought else find("method", method)
    else:
        factory = method
    from harness.pipeline.single import run as make
    from harness.progress import Bars

    name = method if isinstance(method, str) else method.name
    with blaming(name, factory):
        outcome = make(
            chosen, name, results, command=call, fresh=fresh, factory=factory,
            bars=Bars(quiet=not progress),
        )  # fmt: skip
    return Run(outcome.folder, outcome.record)


def _is_method(given: object) -> bool:
    from harness.method import Method

    return isinstance(given, type) and issubclass(given, Method)


def _refuse_unusable(method: type[Method]) -> None:
    """Raises UsageError for a class without a file, whose content a record has to name, and for a
    name that cannot be its folder's or is another method's."""
    home, what = home_of(method), f"method {method.__name__}"
    if home is None or not home.is_file():
        raise UsageError(
            f"{what} has no file; expected a class in a Python file, by which the record knows its"
            " code. Write it to my_method.py and import it, or give its name and plugin=..."
        )
    refuse_class(method, what)


def _settings(preset: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> RunSettings:
    """The settings of a run.

    preset: name or file.
    options: named as on the command line; None where not given. A mapping is a section.
    settings: sections and keys; they override the options.
    """
    sections = {name: value for name, value in options.items() if isinstance(value, Mapping)}
    short = option_values(
        {name: value for name, value in options.items() if name not in sections}, preset
    )
    each = (nested({key: value}) for key, value in settings.items())
    return build_settings(preset, (), _plain(joined({}, [nested(short), sections, *each])))


def _plain(value: Any) -> Any:
    """Paths as text, in sections and lists too."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _call(method: str | type[Method], given: Mapping[str, Any]) -> str:
    """The call as Python, for the record."""
    name = repr(method) if isinstance(method, str) else method.__name__
    words = [f"{key}={_plain(value)!r}" for key, value in given.items() if value is not None]
    return f"harness.run({', '.join([name, *words])})"
