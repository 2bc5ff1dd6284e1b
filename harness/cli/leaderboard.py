"""harness leaderboard: pack a run as a row, verify rows, build the page."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harness.cli.jobs import method_named, plugins
from harness.cli.screen import screen
from harness.errors import HarnessError, UsageError, counted
from harness.method import Factory

if TYPE_CHECKING:
    from harness.leaderboard.board import Board
    from harness.leaderboard.verification import Verification

BOARDS = Path("leaderboards")
PAGE = "index.html"


def submit(
    run: Path,
    /,
    by: str,
    boards: Path = BOARDS,
    name: str | None = None,
    link: str | None = None,
    note: str = "",
    id_: str | None = None,
    data: str | None = None,
    open_board: str | None = None,
    tier: str | None = None,
) -> None:
    """Pack a run as a row. Scores its texts again; the row is ready for a pull request.

    Args:
        run: a complete run's folder
        by: who submits: name or group, one line
        boards: folder of the boards: TASK/SETTING/TIER/ROW
        name: the row's title; default the method
        link: https address of code or paper
        note: what a reader should know, up to 2,000 characters
        id_: the row's id; default method-run
        data: current location of the run's data
        open_board: for maintainers: create the board, with texts or numbers
        tier: the board's, where texts made elsewhere fit several
    """
    from harness.leaderboard.pack import submit as packed
    from harness.leaderboard.row import Words

    words = Words(by=by, name=name, link=link, note=note, id=id_)
    row = packed(run, boards, words, data=data, open_board=open_board, tier=tier)
    console = screen(wrap=False)
    console.print(f"row: {row}")
    for path in sorted(row.iterdir()):
        console.print(f"  {path.name}  {path.stat().st_size:,} bytes")
    console.print("next: read it, then commit it and open a pull request")


def verify(
    rows: list[Path] | None = None,
    /,
    boards: Path = BOARDS,
    data: str | None = None,
    rerun: int | None = None,
    seeds: int = 3,
    plugin: Path | None = None,
    check: bool = False,
) -> None:
    """Verify rows by scoring their texts again. Exit code 2: refused; 1: not reproduced.

    Args:
        rows (ROW): rows' folders; default all
        boards: folder of the boards: TASK/SETTING/TIER/ROW
        data: data of boards that are not built in
        rerun (SEED): also rerun the methods, on mini drawn from this seed
        seeds: training seeds of a rerun, at least 3
        plugin (FILE): file of the method, for --rerun
        check: do not write verification.json
    """
    from harness.leaderboard.board import board_of
    from harness.leaderboard.board import boards as boards_below
    from harness.leaderboard.rerun import SEEDS
    from harness.leaderboard.verification import write_verification
    from harness.leaderboard.verify_rows import verify_all

    if plugin and rerun is None:
        raise UsageError("--plugin: only --rerun SEED runs a method; verify runs none")
    if seeds < SEEDS:
        raise UsageError(
            f"--seeds {seeds}: a rerun needs at least {SEEDS}, so that luck cannot win"
        )
    for row in rows or []:
        if not row.is_dir():
            raise UsageError(f"{row}: no such folder; expected BOARDS/TASK/SETTING/TIER/ROW")
    chosen = (
        [(board_of(row), [row]) for row in rows]
        if rows
        else [(place, place.rows()) for place in boards_below(boards)]
    )
    places = {row: place for place, below in chosen for row in below}
    again = None if rerun is None else _Rerun(rerun, seeds, plugins([plugin] if plugin else []))
    console = screen(wrap=False)
    errors = screen(stderr=True, wrap=False)
    worst = 0
    for row, found in verify_all(chosen, data):
        try:
            if isinstance(found, HarnessError):
                raise found
            if again is not None:
                found = again.verified(places[row].board, row, found)
        except HarnessError as error:
            errors.print(f"{type(error).__name__}: {error}")
            worst = 2
            continue
        if not check:
            write_verification(row, found)
        if found.rerun is not None and found.status == "not reproduced":
            worst = max(worst, 1)
        console.print("\n  ".join([f"{found.status}  {row}", *_lines(found)]))
    raise typer.Exit(worst)


def _lines(found: Verification) -> list[str]:
    """The notes of a verification, and what a rerun gave."""
    lines = [*found.notes]
    if again := found.rerun:
        lines.append(
            f"{again.metric} {again.claimed:.2f} claimed, {again.found:.2f} on seed"
            f" {again.seed} ({counted(max(1, len(again.each)), 'run')}); at most"
            f" {again.tolerance:.2f} lower is allowed"
        )
    return lines


@dataclass(frozen=True)
class _Rerun:
    """How methods of rows are run again: on mini of this seed, with so many training seeds.

    factories: methods of --plugin by name.
    """

    seed: int
    seeds: int
    factories: Mapping[str, Factory]

    def verified(self, board: Board, row: Path, verification: Verification) -> Verification:
        """The verification after rerunning the row's method in a temporary folder."""
        from harness.leaderboard.rerun import refuse_rerun, rerun
        from harness.leaderboard.untrusted import read_submission

        submission = read_submission(row)
        refuse_rerun(board, submission, self.seed)  # else an unknown method would be named
        factory = method_named(submission.method, self.factories)
        with tempfile.TemporaryDirectory() as results:
            made = rerun(board, submission, self.seed, Path(results), factory, self.seeds)
        return verification.after(made)


def build(boards: Path = BOARDS, out: Path = BOARDS / "page") -> None:
    """Build the static page. Its index.html opens from disk, without a network.

    Args:
        boards: folder of the boards: TASK/SETTING/TIER/ROW
        out: folder of the page
    """
    from harness.leaderboard.build import build as built_page

    built = built_page(boards, out)
    console = screen(wrap=False)
    for line in built.left_out:
        screen(stderr=True, wrap=False).print(line)
    console.print(
        f"{counted(built.rows, 'row')} of {counted(built.boards, 'board')}: {out / PAGE}"
        f" ({built.page_bytes / 1e6:.2f} MB; details in {counted(built.shards, 'further file')})",
    )
    raise typer.Exit(1 if built.left_out else 0)
