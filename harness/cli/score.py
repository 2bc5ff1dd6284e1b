"""harness score: score predictions made elsewhere with the same metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from harness.cli.jobs import plugins
from harness.cli.options import RESULTS
from harness.cli.outcome import print_floors, print_scores
from harness.cli.screen import command_line, print_json, screen
from harness.data.floors import SKYLINE
from harness.errors import UsageError
from harness.paths import refuse_file
from harness.record import Record
from harness.settings import RunSettings
from harness.settings.flat import nested
from harness.settings.merged import settings_in

READ = ("data", "eval")
KEYS = {
    "task": "task", "seed": "seed", "data": "data.source", "setting": "data.setting",
    "metrics": "eval.metrics",
}  # fmt: skip
"""The setting that an option gives; --limit limits the split that is scored."""
LIMITS = {"train": "data.train_limit", "val": "data.val_limit", "test": "data.limit"}


@dataclass(frozen=True)
class ScoreOptions:
    """Options that choose the texts' data and metrics.

    Args:
        task: the task's name
        split: train, val or test
        seed: training seed of the texts, with --name
        limit: use at most N examples, as `run` does
        metrics: names separated by commas; default all
        set_ (KEY=VALUE): settings of data and eval, e.g. eval.tokenizer=unicode
    """

    data: str
    task: str
    split: str = "test"
    setting: str | None = None
    seed: int = 0
    limit: int | None = None
    metrics: str | None = None
    set_: list[str] | None = None
    plugin: list[Path] | None = None


def score(
    predictions: Path,
    /,
    options: ScoreOptions,
    name: str | None = None,
    out: Path = RESULTS,
    allow_missing: bool = False,
    json_: bool = False,
) -> None:
    """Score predictions made elsewhere; --name records them.

    Args:
        predictions: file with lines or an array of {"id","output"}, or in LongLaMP's format
        name: record the texts as a system of this name, for compare
        out: folder for the record
        allow_missing: score missing predictions as empty; exit code 1
    """
    from harness.data.load import limited, load_whole
    from harness.data.outputs import outputs_for, read_outputs
    from harness.metrics import ready_metric
    from harness.pipeline.scored import Source, record_floors, record_texts

    task, split = options.task, options.split
    if name is not None and split != "test":
        raise UsageError(f"--name with --split {split}: only texts of the test split are a system")
    refuse_file(out)
    plugins(options.plugin)
    settings = settings_of(options)
    for each in settings.eval.metrics:
        ready_metric(each, settings.eval)  # an unknown metric stops here, before any data is read
    whole = load_whole(settings, (split,))[split]
    test = limited(whole, settings.data)
    outputs = read_outputs(predictions, task)
    texts = outputs_for(outputs, test, whole, allow_missing)
    source = Source(_checked(name), "scored", outputs.sha256, command_line())
    with TemporaryDirectory() as scratch:
        results = Path(scratch) if name is None else out
        outcome = record_texts(source, texts, settings, test, results)
        say = screen(stderr=True).print
        floors = record_floors(settings, test, results, say) if settings.eval.floors else []
    beside = [floor.record for floor in floors]
    record = outcome.record
    n = {key: getattr(record.n, key) for key in ("planned", "scored", "empty", "failed")}
    if json_:
        print_json(_document(record, beside) | {"n": n})
    else:
        console = screen()
        print_scores(console, record, f"{predictions} on {task} {split}")
        print_floors(console, record, beside)
        console.print(" · ".join(f"{key} {count}" for key, count in n.items()))
        if name is not None:
            console.print(f"record: {outcome.folder}", soft_wrap=True)
    raise typer.Exit(outcome.exit_code)


def _document(record: Record, floors: Sequence[Record]) -> dict[str, Any]:
    """What --json prints, besides the counts."""
    optional = ("missing", "unseen")
    return {
        "metrics": {
            name: {key: getattr(score, key) for key in ("value", "low", "high", "signature")}
            | {key: getattr(score, key) for key in optional if getattr(score, key)}
            for name, score in record.metrics.items()
        },
        "quality": {name: asdict(one) for name, one in record.quality.items()},
        "slices": {name: [asdict(one) for one in each] for name, each in record.slices.items()},
        "floors": {
            floor.method: {name: one.value for name, one in floor.metrics.items()}
            for floor in floors
        },
    }


def _checked(name: str | None) -> str:
    """The system's name. Raises UsageError for one that cannot be a folder or is taken."""
    from harness.registry import table

    if name is None:
        return "predictions"
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"--name {name!r}: expected letters, digits, - and _ only, e.g. mine-v2")
    if name in (*table("method"), SKYLINE) or name.startswith("floor-"):
        raise UsageError(f"--name {name}: a method or floor is called so; choose another name")
    return name


def settings_of(options: ScoreOptions) -> RunSettings:
    """The settings that scoring reads. Raises UsageError for one of another section, and for
    --metrics without a name."""
    if options.metrics is not None and not options.metrics.strip(" ,"):
        raise UsageError(
            f"--metrics {options.metrics!r}: found no name; expected names separated by commas,"
            " e.g. bleu,rougeL, or --set eval.metrics=[] for none"
        )
    given = {key: getattr(options, name) for name, key in KEYS.items()}
    given[LIMITS.get(options.split, "data.limit")] = options.limit
    values = nested({key: value for key, value in given.items() if value is not None})
    return settings_in(READ, values, options.set_ or (), "score")
