"""Options that several verbs share, and how typer reads a verb: its signature and its docstring.

A verb is a plain function. Its parameters are options, those before `/` are arguments. The line of
a parameter under `Args:` is its help, with what to show for its value in brackets if that is not
its type. A parameter that is a dataclass becomes an option for each of its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, cleandoc, signature
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperArgument, TyperCommand

from harness.cli.screen import command_line
from harness.settings import RunSettings

RESULTS = Path("results")
TASK = RunSettings().task
SHARED_HELP = {
    "data": ("", "mini, hub, or a folder of data (docs/data.md)"),
    "setting": ("", "user (test users unseen in training) or temporal; default user"),
    "plugin": (
        "FILE",
        "file with a method, tasks or metrics (see `harness new-method`); may be repeated",
    ),
    "fresh": ("", "redo runs that are already complete"),
    "metric": ("", "measure for the verdict; default the runs' first metric"),
    "processes": ("N", "processes of each run, each on a GPU of its own, or on the CPU"),
    "until": (
        "trained|generated",
        "stop each run when its model is trained, or when its texts are generated; the same command"
        " without --until continues",
    ),
    "json_": ("", "print one JSON document"),
    "debug": ("", "show an error's traceback"),
}
"""Value and help of options that mean the same for every verb that does not explain them."""
VALUES: dict[Any, str] = {str: "TEXT", int: "N", float: "NUMBER", Path: "PATH"}
"""Type → what is shown for a value that has no name of its own."""


@dataclass(frozen=True)
class ModelOptions:
    """Options that choose the settings of a verb that builds methods.

    Args:
        preset: mini, smollm2, paper, or a file of your own; default mini
        task: product_review (default), abstract_generation, topic_writing, email_generation, or a
            plugin's
        data: mini, hub, or a folder of data (docs/data.md); default the preset's
        backbone: the model: name, folder or hub name; default the preset's
        reasoner: FlyThinker's reasoner; default the backbone
        set_ (KEY=VALUE): any setting, e.g. train.epochs=1 (see `harness list presets`); may be
            repeated
    """

    preset: str | None = None
    task: str | None = None
    data: str | None = None
    setting: str | None = None
    backbone: str | None = None
    reasoner: str | None = None
    plugin: list[Path] | None = None
    set_: list[str] | None = None


@dataclass(frozen=True)
class RunOptions(ModelOptions):
    """Options that choose the settings of a run.

    Args:
        lam: FlyThinker's λ, the weight of thoughts
        limit (N): use at most N test examples; train and val stay whole
        train_limit (N): use at most N training examples, and N of val
        track: send loss and scores to trackio, tensorboard or wandb
    """

    lam: float | None = None
    limit: int | None = None
    train_limit: int | None = None
    track: str | None = None


class RunsOptions(RunOptions):
    """Options that choose the settings of runs, of several tasks too.

    Args:
        task: product_review (default), abstract_generation, topic_writing, email_generation, a
            plugin's, or all: the three tasks with public data
    """


NOTHING: Mapping[str, tuple[str, str]] = MappingProxyType({})


class Verb(TyperCommand):
    """A command whose help shows the name of an argument alone: RUN, not `RUN <list[Path]>`."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for each in self.params:
            if isinstance(each, TyperArgument):
                each.display_type_rich = lambda ctx: None  # type: ignore[method-assign]


def command(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb as typer calls it, with --debug, which `main` reads."""
    hints, options = get_type_hints(verb), _options(verb)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    given = signature(verb).parameters.values()
    arguments = [each.name for each in given if each.kind is Parameter.POSITIONAL_ONLY]

    @wraps(verb)
    def called(debug: bool, **values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{each.name: values.pop(each.name) for each in fields(kind)})
        try:
            verb(*[values.pop(name) for name in arguments], **values)
        except KeyboardInterrupt as error:  # typer would end with 130 and without a word
            typer.echo(stopped_message(verb.__name__), err=True)
            raise typer.Exit(getattr(error, "exit_code", 130)) from None

    options.append(_option("debug", bool, False, SHARED_HELP["debug"]))
    called.__doc__ = help_of(verb)[0]
    called.__annotations__ = {each.name: each.annotation for each in options}
    called.__dict__["__signature__"] = Signature(options)
    return called


RESUMED = {
    "run": "the last checkpoint of training if there is one, and every text that was finished",
    "judge": "every reply that came",
    "trial": "every reply of a judge that came",
    "sweep": "every finished run; of each in progress, its last checkpoint and finished texts",
    "ablate": "every finished run; of the one in progress, its last checkpoint and finished texts",
}
"""Verb → what a stopped command leaves; the others write their files at the end."""


def stopped_message(verb: str) -> str:
    """What to know after Ctrl-C: what is kept, and the command that goes on."""
    kept, command = RESUMED.get(verb), command_line()
    if kept is None:
        return f"\nStopped. Again: {command}"
    return f"\nStopped. Kept: {kept}. To go on: {command.replace(' --fresh', '')}"


def help_of(documented: object) -> tuple[str, dict[str, tuple[str, str]]]:
    """The docstring's text, and parameter → (what is shown for its value, its help)."""
    text, _, args = cleandoc(documented.__doc__ or "").partition("\n\nArgs:\n")
    lines = re.findall(r"^    (\w+)(?: \((.+?)\))?: (.*(?:\n     .*)*)", args, re.MULTILINE)
    return text, {name: (shown, " ".join(said.split())) for name, shown, said in lines}


def _options(
    source: Callable[..., object], of_verb: Mapping[str, tuple[str, str]] = NOTHING
) -> list[Parameter]:
    """The options of a verb or of a dataclass. Raises KeyError for one without a help.

    of_verb: what the verb explains itself of a dataclass's options.
    """
    explained = dict(SHARED_HELP)
    for each in reversed(getattr(source, "__mro__", (source,))):
        explained |= help_of(each)[1]
    explained |= of_verb
    options, hints = [], get_type_hints(source)
    for name, given in signature(source).parameters.items():
        if is_dataclass(hints[name]):
            options += _options(hints[name], help_of(source)[1])
        else:
            argument = given.kind is Parameter.POSITIONAL_ONLY
            options.append(_option(name, hints[name], given.default, explained[name], argument))
    return options


def _value(kind: Any) -> str | None:
    """What is shown for the value of an option; None for a flag, or one of several words."""
    kinds = [each for each in (get_args(kind) or (kind,)) if each is not NoneType]
    return VALUES.get(kinds[0])


def _option(
    name: str, kind: Any, default: Any, explained: tuple[str, str], argument: bool = False
) -> Parameter:
    """One parameter for typer.

    name, kind, default: of the verb's parameter.
    explained: what is shown for its value, and its help.
    argument: whether it is given without its name.
    """
    shown, said = explained
    if default not in (None, "", Parameter.empty) and not isinstance(default, bool):
        said += f"; default {default:g}" if isinstance(default, float) else f"; default {default}"
    shows = isinstance(default, bool)  # which of two flags
    if argument:
        info = typer.Argument(metavar=shown or name.upper(), help=said, show_default=False)
    else:
        flag = name.strip("_").replace("_", "-")
        flags = f"--{flag}/--no-{flag}" if default is True else f"--{flag}"
        info = typer.Option(flags, metavar=shown or _value(kind), help=said, show_default=shows)
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )
