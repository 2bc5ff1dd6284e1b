"""The `harness` command: verbs parse, call, print. Heavy imports happen inside a verb."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.board import board
from harness.cli.options import (
    Backbone,
    Data,
    Debug,
    Json,
    Lam,
    Limit,
    Out,
    Plugin,
    Preset,
    Reasoner,
    Set,
    Setting,
    Task,
    TrainLimit,
)
from harness.errors import HarnessError, mendable

app = typer.Typer(
    name="harness",
    help="Train, run and measure methods that write like a given user; leave a record to check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(board, name="leaderboard")


@app.command()
def run(
    method: Annotated[str, typer.Option(help="a method's name, or all (the built-in ones)")],
    preset: Preset = "mini",
    task: Task = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    lam: Lam = None,
    limit: Limit = None,
    train_limit: TrainLimit = None,
    seed: Annotated[int, typer.Option(help="training order and sampling")] = 0,
    out: Out = Path("results"),
    plugin: Plugin = None,
    set_: Set = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="redo a run that is already there")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would run, with one prompt")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train, write and score one method. Repeating the command continues or shows the run."""
    from harness.cli.run import run_command

    options: dict[str, Any] = {
        "seed": seed,
        "data": {"source": data, "setting": setting, "limit": limit, "train_limit": train_limit},
        "model": {"backbone": backbone, "reasoner": reasoner},
    }
    raise typer.Exit(
        run_command(
            method, preset, task, options, lam, set_ or [], plugin or [], out, fresh, dry_run
        )
    )


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help='lines of {"id","output"}, or LongLaMP\'s')
    ],
    data: Annotated[str, typer.Option(help="folder of the data, mini or hub")],
    task: Annotated[str, typer.Option(help="the task's name")],
    split: Annotated[str, typer.Option(help="train, val or test")] = "test",
    setting: Setting = None,
    metrics: Annotated[str | None, typer.Option(help="names with commas; default all")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="settings of data and eval, e.g. eval.tokenizer=unicode",
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="score absent predictions as empty; exit code 1")
    ] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Score predictions made elsewhere."""
    from harness.cli.score import score_command

    raise typer.Exit(
        score_command(
            predictions, data, task, split, setting, metrics, set_ or [], allow_missing, json_
        )
    )


@app.command()
def bench(
    methods: Annotated[
        str, typer.Option(help="names with commas, or all; sft is the baseline and always there")
    ] = "all",
    preset: Preset = "mini",
    task: Annotated[str, typer.Option(help="the task's name")] = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    batch: Annotated[str, typer.Option(help="texts written together, sizes with commas")] = "1,8",
    tokens: Annotated[str, typer.Option(help="tokens of a text, lengths with commas")] = "64,256",
    repeats: Annotated[
        int, typer.Option(help="paired rounds, after one that warms up; more narrow the intervals")
    ] = 5,
    plugin: Plugin = None,
    set_: Set = None,
    json_: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="the tables as Markdown, to be pasted")
    ] = False,
    debug: Debug = False,
) -> None:
    """Time and memory of methods against sft on this machine. Nothing is trained or kept.

    Every round runs each method once (ABAB…), so that what disturbs the machine disturbs all. A
    quick look: --methods flythinker --batch 1 --tokens 32. docs/performance.md says what each
    clock counts.
    """
    from harness.cli.bench import bench_command

    options: dict[str, Any] = {
        "data": {"source": data, "setting": setting},
        "model": {"backbone": backbone, "reasoner": reasoner},
    }
    bench_command(
        methods, preset, task, options, batch, tokens, repeats, set_ or [], plugin or [], json_,
        markdown,
    )  # fmt: skip


@app.command()
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")],
    example: Annotated[str | None, typer.Option(help="id of an example; default the first")] = None,
    against: Annotated[Path | None, typer.Option(help="another run, side by side")] = None,
    prompt: Annotated[
        bool, typer.Option("--prompt/--no-prompt", help="print the prompt too")
    ] = True,
    plugin: Plugin = None,
    debug: Debug = False,
) -> None:
    """Show one example of a run. Its prompt, reference, prediction(s) and scores."""
    from harness.cli.show import show_command

    show_command(run, example, against, prompt, plugin or [])


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="runs, or folders of runs")],
    out: Annotated[Path, typer.Option(help="folder of the report")],
    allow_different: Annotated[
        bool,
        typer.Option("--allow-different", help="compare runs that differ; missing texts are empty"),
    ] = False,
    no_texts: Annotated[
        bool, typer.Option("--no-texts", help="leave all texts out: data not to be published")
    ] = False,
    metric: Annotated[
        str | None,
        typer.Option(help="measure of the verdict; default the first metric of the runs"),
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option(help='"A,B", as the report names them: whose texts stand side by side'),
    ] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Say which method is better, how sure, and at what cost. A page, tables and figures."""
    from harness.cli.compare import compare_command

    compare_command(runs, out, allow_different, not no_texts, metric, pair, json_)


@app.command()
def ablate(
    over: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUES",
            help="name=value,value,…: lam, reasoner, history, n_thoughts, any",
        ),
    ],
    method: Annotated[str, typer.Option(help="the method whose settings vary")] = "flythinker",
    seeds: Annotated[str, typer.Option(help="training seeds with commas")] = "0,1,2",
    reference: Annotated[str, typer.Option(help="a method to compare with, or none")] = "sft",
    preset: Preset = "mini",
    task: Annotated[str, typer.Option(help="the task's name")] = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    lam: Lam = None,
    limit: Limit = None,
    train_limit: TrainLimit = None,
    results: Annotated[Path, typer.Option(help="folder of the runs")] = Path("results"),
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("ablation"),
    metric: Annotated[
        str | None,
        typer.Option(help="measure of the verdict; default the first metric of the runs"),
    ] = None,
    plugin: Plugin = None,
    set_: Set = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="redo runs that are already there")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say how many runs it takes")] = False,
    debug: Debug = False,
) -> None:
    """Run every value of a setting, then draw one figure. Twice --over makes a grid. Repeating the
    command continues."""
    from harness.cli.ablate import Request, ablate_command

    options: dict[str, Any] = {
        "data": {"source": data, "setting": setting, "limit": limit, "train_limit": train_limit},
        "model": {"backbone": backbone, "reasoner": reasoner},
    }
    request = Request(
        method, tuple(over), seeds, reference, preset, task, options, lam,
        tuple(set_ or []), tuple(plugin or []), results, out, metric, fresh, dry_run,
    )  # fmt: skip
    raise typer.Exit(ablate_command(request))


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="methods, options, tasks, metrics, presets, examples"),
    ],
    data: Data = None,
    task: Annotated[str, typer.Option(help="for examples: the task's name")] = "product_review",
    split: Annotated[str, typer.Option(help="for examples: train, val or test")] = "test",
    setting: Setting = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """List methods, options, tasks, metrics, presets or examples. `presets` has every setting with
    its meaning, `options` those of each method."""
    from harness.cli.list import list_command

    list_command(what, data, task, split, setting, json_)


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="get what can be got")] = False,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """What is here and what is missing, each with its remedy."""
    from harness.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(fix, json_))


@app.command("new-method")
def new_method(
    name: Annotated[str, typer.Argument(metavar="NAME", help="lower-case name, e.g. my_method")],
    out: Annotated[Path | None, typer.Option(help="the file to write; default NAME.py")] = None,
    debug: Debug = False,
) -> None:
    """Write a working method to start from, with its test."""
    from harness.cli.new_method import new_method_command

    method, test = new_method_command(name, out)
    typer.echo(f"wrote {method} and {test}; next:")
    typer.echo(f"  harness check-method {method}")
    typer.echo(f"  harness run --method {name} --plugin {method}")


@app.command("check-method")
def check_method(
    method: Annotated[str, typer.Argument(metavar="NAME", help="a method's name, or its file")],
    debug: Debug = False,
) -> None:
    """Try a method on a tiny model. Every contract that the harness relies on."""
    from harness.cli.check_method import check_method_command

    raise typer.Exit(check_method_command(method))


def main() -> None:
    """The console script: one readable message and exit code 2 for a user's error."""
    try:
        app()
    except (HarnessError, OSError) as error:
        told = mendable(error)
        if told is None or "--debug" in sys.argv:
            raise
        typer.echo(told, err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("\nstopped; the same command goes on from here", err=True)
        raise SystemExit(130) from None
