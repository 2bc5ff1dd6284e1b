"""The `harness` command: its verbs, a file each. Heavy imports happen inside a verb."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from harness import __version__
from harness.blame import blaming
from harness.cli.ablate import ablate
from harness.cli.bench import bench
from harness.cli.check_method import check_method
from harness.cli.claims import claims
from harness.cli.compare import compare
from harness.cli.doctor import doctor
from harness.cli.export import export
from harness.cli.inspect import inspect
from harness.cli.judge import judge
from harness.cli.leaderboard import build, submit, verify
from harness.cli.list import list_
from harness.cli.new import new_method, new_metric, new_task
from harness.cli.options import Verb, command
from harness.cli.plan import plan
from harness.cli.processes import LOST, PARENT
from harness.cli.run import run
from harness.cli.runs import runs
from harness.cli.score import score
from harness.cli.show import show
from harness.cli.sweep import sweep
from harness.cli.trial import trial
from harness.engine.quiet import quiet_libraries
from harness.errors import is_lost_process, mendable
from harness.interruption import ended_by_exception
from harness.record.visible import visible

app = typer.Typer(
    name="harness",
    help="Train, run and evaluate methods that write like a given user, with a record of each run.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
board = typer.Typer(
    help="Submit runs to leaderboards. Pack a run as a row, verify rows, build the page.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
VERBS = {
    app: (
        run,
        runs,
        score,
        bench,
        show,
        inspect,
        compare,
        judge,
        trial,
        claims,
        ablate,
        sweep,
        plan,
        list_,
        export,
        doctor,
        new_method,
        new_task,
        new_metric,
        check_method,
    ),
    board: (submit, verify, build),
}
for group, verbs in VERBS.items():
    for verb in verbs:
        name = verb.__name__.strip("_").replace("_", "-")
        group.command(name, cls=Verb)(command(verb))
app.add_typer(board, name="leaderboard")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"harness {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="show the version"),
    ] = False,
) -> None:
    """Options of the program itself; before any verb, libraries are silenced."""
    quiet_libraries()  # typer shows the help of `app`


def main() -> None:
    """The console script; a user's error gives one readable message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # a character that a terminal lacks is spelled out
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with ended_by_exception():
        try:
            with blaming():
                app()
        except KeyboardInterrupt as error:
            typer.echo("\nStopped before anything began", err=True)
            raise SystemExit(getattr(error, "exit_code", 130)) from None
        except BaseException as error:  # a library in Rust panics with one
            if is_lost_process(error) and PARENT in os.environ:
                raise SystemExit(LOST) from None  # which says why
            message = mendable(error)
            if message is None or "--debug" in sys.argv:
                raise
            typer.echo(visible(message), err=True)
            raise SystemExit(2) from None
