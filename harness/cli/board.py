"""The verbs below `harness leaderboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Debug

board = typer.Typer(
    help="Boards of submitted runs. Pack a run as a row, check rows, build the page.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Boards = Annotated[Path, typer.Option(help="folder of the boards: TASK/SETTING/TIER/ROW")]


@board.command("submit")
def submit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a complete run's folder")],
    by: Annotated[str, typer.Option(help="who submits: name or group, one line")],
    boards: Boards = Path("leaderboards"),
    name: Annotated[str | None, typer.Option(help="the row's title; default the method")] = None,
    link: Annotated[str | None, typer.Option(help="https address of code or paper")] = None,
    note: Annotated[
        str, typer.Option(help="what a reader should know, up to 2,000 characters")
    ] = "",
    id_: Annotated[
        str | None, typer.Option("--id", help="the row's id; default method-run")
    ] = None,
    data: Annotated[str | None, typer.Option(help="where the run's data lies now")] = None,
    open_board: Annotated[
        str | None, typer.Option(help="for a board's keeper: make it, with texts or numbers")
    ] = None,
    debug: Debug = False,
) -> None:
    """Score a run's texts anew and pack them as a row. It is ready for a pull request."""
    from harness.cli.leaderboard import submit_command

    submit_command(run, boards, by, name, link, note, id_, data, open_board)


@board.command("verify")
def verify(
    rows: Annotated[
        list[Path] | None, typer.Argument(metavar="ROW", help="rows' folders; default all")
    ] = None,
    boards: Boards = Path("leaderboards"),
    data: Annotated[str | None, typer.Option(help="data of boards that are not built in")] = None,
    rerun: Annotated[
        int | None, typer.Option(help="run the methods again on mini drawn from this seed")
    ] = None,
    plugin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="file of the method, for --rerun")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="write no marks")] = False,
    debug: Debug = False,
) -> None:
    """Check rows, score their texts again, mark them. Exit 2: refused; 1: not reproduced."""
    from harness.cli.leaderboard import verify_command

    raise typer.Exit(verify_command(rows or [], boards, data, rerun, plugin, check))


@board.command("build")
def build(
    boards: Boards = Path("leaderboards"),
    out: Annotated[Path, typer.Option(help="folder of the page")] = Path("leaderboards/page"),
    debug: Debug = False,
) -> None:
    """Make the static page: index.html opens from disk, without a network."""
    from harness.cli.leaderboard import build_command

    raise typer.Exit(build_command(boards, out))
