"""harness judge: a language model scores texts, or compares those of two runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harness.cli.asking import AskOptions, judge_of, print_questions, prompt_tokens
from harness.cli.jobs import plugins
from harness.cli.screen import print_json, screen, warn
from harness.errors import UsageError
from harness.progress import Bars
from harness.reports.render.terminal import print_table

if TYPE_CHECKING:
    from harness.judges.asking import Judge, Task
    from harness.reports.runs.systems import Board

ASKS = ("aspects", "pairs")


def judge(
    runs: list[Path],
    /,
    judge: str,
    asking: AskOptions,
    ask: str | None = None,
    limit: int | None = None,
    again: bool = False,
    same_judge: bool = False,
    dry_run: bool = False,
    plugin: list[Path] | None = None,
    json_: bool = False,
) -> None:
    """Let a language model judge the texts of runs. Replies are kept beside the runs, comparisons
    show them, and none is asked for twice.

    Args:
        runs (RUN): runs, or folders of runs
        judge (URL#MODEL): an OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1#NAME; or a
            model's folder
        ask: aspects (scores of each text; default for one run) or pairs (the first run against each
            of the others; default for several)
        limit: judge at most N examples, whole users first
        again: ask again where a reply could not be read
        same_judge: go on with the replies of a judge that had another address, e.g. another port
        dry_run: say how much would be asked, and stop
    """
    from harness.judges.asking import ask_all, refuse_another_address
    from harness.reports.runs.boards import load_boards
    from harness.reports.runs.comparable import checked

    if ask not in (None, *ASKS):
        raise UsageError(f"--ask {ask}; expected {' or '.join(ASKS)}")
    plugins(plugin)
    console = screen(stderr=json_)
    loaded, left_out = load_boards(runs)
    boards = [checked(board, allow_different=False) for board in loaded]
    warn(console, left_out)
    asked = judge_of(judge, asking)
    # pairs with the same texts on the other side share a folder of replies
    tasks = list({
        task.folder: task for board in boards for task in _tasks(board, runs, asked, ask, limit)
    }.values())  # fmt: skip
    if not same_judge:
        refuse_another_address(tasks)
    open_questions = [each for task in tasks for each in task.open_questions(again)]
    known = sum(len(task.questions) for task in tasks) - len(open_questions)
    print_questions(console, asked, open_questions, known)
    if dry_run and json_:
        print_json({
            "judge": asked.name, "questions": len(open_questions), "answered": known,
            "prompt_tokens": prompt_tokens(open_questions),
        })  # fmt: skip
    if not dry_run:
        with Bars(quiet=json_) as bars:
            for task in tasks:
                ask_all(task, asked, bars.track(task.judging.ask), again)
        _report(boards, json_)
        if any(task.open_questions(again=True) for task in tasks):
            raise typer.Exit(1)


def _tasks(
    board: Board, paths: list[Path], judge: Judge, ask: str | None, limit: int | None
) -> Iterator[Task]:
    """What is asked about one board's runs, in the order in which they were named."""
    from harness.judges.asking import Texts, aspects_task, pairs_task, split_of
    from harness.record import find_runs

    order = find_runs(paths)
    runs = [run for system in board.systems for run in system.runs]
    runs = sorted(runs, key=lambda run: order.index(run.folder))
    if ask == "pairs" and len(runs) < 2:
        raise UsageError(f"--ask pairs: found one run of {board.task}; expected two or more")
    split = split_of(runs[0].record)
    texts = [Texts.of(run.folder, run.record) for run in runs]
    if ask == "aspects" or len(runs) == 1:
        for each in texts:
            yield aspects_task(each, judge, split, limit)
        return
    for other in texts[1:]:
        yield pairs_task(texts[0], other, judge, split, limit)


def _report(boards: list[Board], json_: bool) -> None:
    """Print what all judges have said of these runs."""
    from harness.reports.sections.judges import judges_part

    parts = [judges_part(board) for board in boards]
    if json_:
        tasks = zip(boards, parts, strict=True)
        print_json({board.task: part.facts[0] if part.facts else {} for board, part in tasks})
        return
    console = screen()
    for part in parts:
        warn(console, part.warnings)
        for table in part.tables:
            print_table(console, table)
    console.print("next: harness compare RUNS --out report shows this beside the metrics")
