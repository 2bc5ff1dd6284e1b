"""harness leaderboard: pack a run as a row, check rows, build the page."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.leaderboard.board import Board
    from harness.leaderboard.mark import Mark

PAGE = "index.html"


def submit_command(
    run: Path,
    root: Path,
    by: str,
    name: str | None,
    link: str | None,
    note: str,
    row_id: str | None,
    data: str | None,
    open_board: str | None,
) -> None:
    """Pack a run and say what comes next."""
    from harness.engine.quiet import quiet_libraries
    from harness.leaderboard.pack import submit
    from harness.leaderboard.row import Words

    quiet_libraries()
    words = Words(by=by, name=name, link=link, note=note, id=row_id)
    row = submit(run, root, words, data=data, open_board=open_board)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"row: {row}", markup=False)
    for path in sorted(row.iterdir()):
        console.print(f"  {path.name}  {path.stat().st_size:,} bytes", markup=False)
    console.print("next: read it, then commit it and open a pull request", markup=False)


def verify_command(
    rows: Sequence[Path],
    root: Path,
    data: str | None,
    seed: int | None,
    plugin: Path | None,
    check: bool,
) -> int:
    """Check rows (default all) and write their marks. 2: a row is refused; 1: not reproduced."""
    from harness.cli.chosen import plugins
    from harness.engine.quiet import quiet_libraries
    from harness.leaderboard.board import board_of, boards
    from harness.leaderboard.mark import Mark, write_mark
    from harness.leaderboard.verify import verify_all

    quiet_libraries()
    if plugin and seed is None:
        raise UsageError("--plugin: only --rerun SEED runs a method; verify runs none")
    for row in rows:
        if not row.is_dir():
            raise UsageError(f"{row}: no such folder; expected BOARDS/TASK/SETTING/TIER/ROW")
    chosen = (
        [(board_of(row), [row]) for row in rows]
        if rows
        else [(place, place.rows()) for place in boards(root)]
    )
    places = {row: place for place, below in chosen for row in below}
    factories = plugins([plugin] if plugin else [])
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    worst = 0
    for row, found in verify_all(chosen, data):
        if isinstance(found, Mark) and seed is not None:
            try:
                found = _rerun(places[row].board, row, found, seed, factories)
            except HarnessError as error:
                found = error
        if not isinstance(found, Mark):
            errors.print(f"{type(found).__name__}: {found}", markup=False)
            worst = 2
            continue
        if not check:
            write_mark(row, found)
        told = [*found.notes]
        if again := found.rerun:
            told.append(
                f"{again.metric} {again.claimed:.2f} claimed, {again.found:.2f} on seed"
                f" {again.seed}; at most {again.tolerance:.2f} lower is taken"
            )
            worst = max(worst, int(found.status == "not reproduced"))
        console.print(
            f"{found.status}  {row}" + "".join(f"\n  {line}" for line in told), markup=False
        )
    return worst


def _rerun(board: Board, row: Path, mark: Mark, seed: int, factories: Mapping[str, Any]) -> Mark:
    """The mark after the row's method ran again, in a folder that is thrown away."""
    from harness.leaderboard.reading import read_submission
    from harness.leaderboard.rerun import rerun
    from harness.registry import find

    submission = read_submission(row)
    factory = factories.get(submission.method) or find("method", submission.method)
    with tempfile.TemporaryDirectory() as results:
        return rerun(board, submission, mark, seed, Path(results), factory)


def build_command(root: Path, out: Path) -> int:
    """Build the page; 1 where rows were left out."""
    from harness.leaderboard.build import build

    built = build(root, out)
    console = Console(highlight=False, soft_wrap=True)
    for line in built.left_out:
        Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)
    console.print(
        f"{built.rows} rows of {built.boards} boards: {out / PAGE}"
        f" ({built.page_bytes / 1e6:.2f} MB; details in {built.shards} files beside it)",
        markup=False,
    )
    return 1 if built.left_out else 0
