"""Options that several verbs share, each with its help; the document that --json prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

Task = Annotated[str, typer.Option(help="product_review, abstract_generation, topic_writing, all")]
Data = Annotated[str | None, typer.Option(help="mini, hub, or a folder of JSON Lines")]
Setting = Annotated[
    str | None, typer.Option(help="user (test users unseen in training) or temporal")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="any setting, e.g. train.epochs=1; `harness list presets`",
    ),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="a file with a method (`harness new-method`)"),
]
Preset = Annotated[str, typer.Option(help="mini, smollm2 or paper")]
Backbone = Annotated[str | None, typer.Option(help="name, folder or hub name")]
Reasoner = Annotated[str | None, typer.Option(help="FlyThinker's second model")]
Lam = Annotated[float | None, typer.Option(help="FlyThinker's weight of a thought")]
Limit = Annotated[int | None, typer.Option(help="at most N test examples")]
TrainLimit = Annotated[int | None, typer.Option(help="at most N training examples")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]
Out = Annotated[Path, typer.Option(help="folder of the results")]


def print_json(document: object) -> None:
    """One document on standard output, as --json promises."""
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")
