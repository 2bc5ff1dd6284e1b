"""Options that several verbs share, declared once, and how typer reads a verb's options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from harness.settings import RunSettings

DEFAULTS = RunSettings()
RESULTS = Path("results")
TASK = DEFAULTS.task

Data = Annotated[str | None, typer.Option(help="mini, hub, or a folder of JSON Lines")]
Setting = Annotated[
    str | None, typer.Option(help="user (test users unseen in training) or temporal")
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="file with a method (see `harness new-method`)"),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="redo runs that are already complete")]
Measure = Annotated[
    str | None, typer.Option(help="measure for the verdict; default the runs' first metric")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Debug = Annotated[bool, typer.Option("--debug", help="show an error's traceback")]


@dataclass(frozen=True)
class ModelOptions:
    """Options that choose the settings of a verb that builds methods."""

    preset: Annotated[str, typer.Option(help="mini, smollm2 or paper")] = DEFAULTS.preset
    task: Annotated[
        str,
        typer.Option(help="product_review, abstract_generation, topic_writing; `run` also: all"),
    ] = TASK
    data: Data = None
    setting: Setting = None
    backbone: Annotated[str | None, typer.Option(help="model: name, folder or hub name")] = None
    reasoner: Annotated[
        str | None, typer.Option(help="FlyThinker's reasoner; default the backbone")
    ] = None
    plugin: Plugin = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="any setting, e.g. train.epochs=1 (see `harness list presets`)",
        ),
    ] = None


@dataclass(frozen=True)
class RunOptions(ModelOptions):
    """Options that choose the settings of a run."""

    lam: Annotated[float | None, typer.Option(help="FlyThinker's λ, the weight of thoughts")] = None
    limit: Annotated[int | None, typer.Option(help="use at most N test examples")] = None
    train_limit: Annotated[int | None, typer.Option(help="use at most N training examples")] = None


def command(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb as typer calls it, with --debug, which `main` reads.

    A parameter of the verb that is a dataclass becomes an option for each of its fields.
    """
    groups: dict[str, Any] = {}
    options = []
    for name, kind in get_type_hints(verb, include_extras=True).items():
        if is_dataclass(kind):
            groups[name] = kind
            hints = get_type_hints(kind, include_extras=True)
            options += [(each.name, hints[each.name], each.default) for each in fields(kind)]
        elif name != "return":
            options.append((name, kind, signature(verb).parameters[name].default))

    @wraps(verb)
    def called(debug: bool, **values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{each.name: values.pop(each.name) for each in fields(kind)})
        verb(**values)

    options.append(("debug", Debug, False))
    called.__annotations__ = {name: kind for name, kind, _ in options}
    called.__dict__["__signature__"] = Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for name, kind, default in options
        ]
    )
    return called
