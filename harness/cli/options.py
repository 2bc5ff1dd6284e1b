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
        help="any setting, e.g. train.epochs=1 (see `harness list presets`)",
    ),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="file with a method (see `harness new-method`)"),
]
Preset = Annotated[str, typer.Option(help="mini, smollm2 or paper")]
Backbone = Annotated[str | None, typer.Option(help="model: name, folder or hub name")]
Reasoner = Annotated[str | None, typer.Option(help="FlyThinker's reasoner; default the backbone")]
Lam = Annotated[float | None, typer.Option(help="FlyThinker's λ, the weight of thoughts")]
Limit = Annotated[int | None, typer.Option(help="use at most N test examples")]
TrainLimit = Annotated[int | None, typer.Option(help="use at most N training examples")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Debug = Annotated[bool, typer.Option("--debug", help="show an error's traceback")]
Out = Annotated[Path, typer.Option(help="folder for the results")]


def print_json(document: object) -> None:
    """One document on standard output, as --json promises."""
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")
