"""What the terminal shows after a run: scores with intervals, costs, counts, the record's path."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.cli.record_rows import BRIEF, COLUMNS, brief_rows_of, rows_of
from harness.cli.screen import warn
from harness.data.floors import SKYLINE
from harness.errors import counted
from harness.metrics import of_words
from harness.pipeline.stops import Until
from harness.record import RECORD, Outcome, Record
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.reports.runs.recorded_floors import floors_beside, to_beat, won_by_floors


def print_outcome(console: Console, outcome: Outcome, full: bool = False) -> None:
    """One run's table; without `full` the rows to look at first."""
    record = outcome.record
    title = f"{record.method} · {record.task} · {record.run_id}"
    if outcome.repeated:
        title += " (already complete; --fresh redoes it)"
    print_scores(console, record, title, full)
    warn(console, [*notices(record), *floor_notices(record, outcome.folder)])
    print_one_text(console, outcome)
    console.print(f"record: {outcome.folder}", soft_wrap=True)


def print_stopped(console: Console, outcome: Outcome, until: Until) -> None:
    """Say how far a run with --until is, and how it goes on."""
    record, folder = outcome.record, outcome.folder
    failed = f", {counted(record.n.failed, 'example')} failed" if record.n.failed else ""
    console.print(f"{record.method} · {record.task} · {record.run_id}: {until}{failed}")
    needs = "; scoring needs no model" if until == "generated" and not failed else ""
    console.print(
        "next: the same command without --until, here or on a machine that has a copy of"
        f" {folder}{needs}", soft_wrap=True,
    )  # fmt: skip


def print_scores(console: Console, record: Record, title: str, full: bool = True) -> None:
    """A record's metrics and views, a row each; without `full` the first rows of each."""
    every = tuple(rows_of(record))
    rows = every if full else tuple(brief_rows_of(record))
    print_table(console, Table("run", title, COLUMNS, rows))
    if len(rows) < len(every):
        console.print(f"{counted(len(every) - len(rows), 'further row')}: --full", style="dim")


def print_floors(console: Console, record: Record, floors: Sequence[Record]) -> None:
    """Print a record's metrics and those of the floors; nothing if there are none to show."""
    columns = (Column("metric"), *(Column(each.method, "", "number") for each in (record, *floors)))
    rows = tuple(
        (name, *(each.metrics[name].value for each in (record, *floors)))
        for name in record.metrics
        if all(name in floor.metrics for floor in floors)
    )
    if not floors or not rows:
        return
    title = "floors: texts made from the data alone, which a method has to beat"
    if len(to_beat(floors)) < len(floors):
        title += "; the skyline shows what is possible"
    print_table(console, Table("floors", title, columns, rows))


def floor_notices(record: Record, folder: Path) -> list[str]:
    """A warning with the metrics on which a recorded floor scores at least as well as the run."""
    tops = {name: one.value for name, one in record.metrics.items()}
    won = won_by_floors(tops, floors_beside(folder, record))
    shown = [f"{name} ({each.method} {each.metrics[name].value:.2f})" for name, each in won.items()]
    if not shown:
        return []
    return [
        "texts made without a model score at least as well, so better values do not mean better"
        f" texts here: {', '.join(shown)}"
    ]


def notices(record: Record) -> list[str]:
    """Warnings to read before trusting the table."""
    n = record.n
    lines = [f"examples {n.planned}, scored {n.scored}"]
    for count, what in (
        (n.failed, "with a failed text (scored as empty)"),
        (n.empty, "with an empty text"),
        (n.capped, "with a text that reached the cap on new tokens"),
        (n.input_cut, "prompts cut to their budget"),
        (n.target_cut, "training targets cut"),
        (n.tied, "profiles that BM25 cannot rank (all scores tie), so entries keep their order"),
    ):
        if count:
            lines.append(f"{count} {what}")
    if record.training and record.training.reused_from:
        lines.append(f"training reused from {record.training.reused_from}")
    missing = [f"{name}: {s.missing}" for name, s in record.metrics.items() if s.missing]
    shared = [
        f"{what}: {count} of {n.planned} targets are in others' profiles, which were passed over"
        for what, count in record.shared_targets.items()
    ]
    copied = len(record.data.in_train.get("test", ()))
    trained = f"{copied} of {n.planned} test targets are training targets too" if copied else ""
    return [" · ".join(lines), *missing, *shared, *filter(None, [trained])]


def print_one_text(console: Console, outcome: Outcome) -> None:
    """Print the first test example's text, to show what the numbers are about."""
    from harness.record import read_predictions

    texts = read_predictions(outcome.folder)
    if not texts:
        return
    text = min(texts, key=lambda each: each.id)
    console.print(
        f"example {text.id}, as generated"
        f" (`harness show {outcome.folder} --example {text.id}` shows it with its prompt):",
        style="dim",
        soft_wrap=True,
    )
    shown = text.output if len(text.output) <= 500 else text.output[:500] + " …"
    console.print(shown or "(empty)")


def print_next(console: Console, outcomes: Sequence[Outcome], command: str) -> None:
    """Print a command to go on with: another method, or a comparison of what there is.

    outcomes: the runs just shown.
    command: the command line that made or showed them.
    """
    if not outcomes:
        return
    last = outcomes[-1].folder
    results, task = last.parents[2], last.parents[1]
    methods = {file.parts[-3] for file in task.glob(f"*/*/{RECORD}")}
    methods = {name for name in methods if not name.startswith("floor-") and name != SKYLINE}
    if len(methods) > 1:
        step = f"harness compare {results} --out report"
    else:
        method = last.parent.name
        served = outcomes[-1].record.backbone.api is not None
        first, second = ("rag", "nonpers") if served else ("sft", "flythinker")
        other = second if method == first else first
        again = _without_its_own(command)
        swapped = again.replace(f"--method {method}", f"--method {other}")
        step = f"{swapped} && harness compare {results} --out report"
        if swapped == again:
            step = f"another method, then: harness compare {results} --out report"
    console.print(f"next: {step}", style="bold", soft_wrap=True)


def _without_its_own(command: str) -> str:
    """A command line without what holds for one method or one call: its options, --fresh."""
    kept: list[str] = []
    words = iter(shlex.split(command))
    for word in words:
        name, with_value, value = word.partition("=")
        if name in ("--set", "--lam"):
            value = value if with_value else next(words, "")
            if name == "--set" and not value.startswith("method."):
                kept += ["--set", value]
        elif word != "--fresh":
            kept.append(word)
    return shlex.join(kept)


def print_together(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print several runs, one row each; nothing for one run, which was printed already."""
    if len(outcomes) < 2:
        return
    records = [outcome.record for outcome in outcomes]
    tasks = list(dict.fromkeys(record.task for record in records))
    seeds = len({record.seed for record in records})
    every = list(records[0].metrics)
    names = [name for name in every if name in BRIEF or not of_words(name)]
    names = names or every[: len(BRIEF)]
    task = [Column("task")] if len(tasks) > 1 else []
    seed = [Column("seed", kind="number", digits=0)] if seeds > 1 else []
    scores = [Column(name, kind="number") for name in names]
    ends = (("NLL", 3), ("train s", 0), ("tokens/s", 0))
    costs = [Column(title, kind="number", digits=digits) for title, digits in ends]
    rows = tuple(
        (
            record.method,
            *(record.task for _ in task),
            *(record.seed for _ in seed),
            *(record.metrics[name].value if name in record.metrics else None for name in names),
            record.likelihood and record.likelihood.value,
            record.training and record.training.seconds_total,
            record.inference and record.inference.tokens_per_s,
        )
        for record in records
    )
    columns = (Column("method"), *task, *seed, *scores, *costs)
    title = f"all runs on {', '.join(tasks)}; for tests and intervals: harness compare"
    print_table(console, Table("runs", title, columns, rows))
