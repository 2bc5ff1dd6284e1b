"""harness trial: which metric prefers an author's own texts, and what else does it reward?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.jobs import plugins
from harness.cli.options import RESULTS, TASK
from harness.cli.score import ScoreOptions, settings_of
from harness.cli.screen import print_json, publish, screen
from harness.registry import FROM_FILES, table
from harness.settings import RunSettings

if TYPE_CHECKING:
    from harness.record.trials import Trial

TRIALS = RESULTS / "trial"


@dataclass(frozen=True)
class TrialOptions(ScoreOptions):
    """Options that choose data and metrics.

    Args:
        seed: draws the other authors; the trial that pages look up has seed 0
        metrics: names separated by commas; default all, plugins' too
    """

    data: str = "mini"
    task: str = TASK


def trial(options: TrialOptions, out: Path = TRIALS, json_: bool = False) -> None:
    """Put metrics on trial: do they prefer an author's own texts, or length, copies, subject?

    Args:
        out: folder for the result and its page; comparisons look for it beside their runs
    """
    from harness.engine.quiet import quiet_libraries
    from harness.record import write_json
    from harness.reports.trial.trial_page import document

    quiet_libraries()
    plugins(options.plugin)
    settings = settings_of(options)
    if options.metrics is None:
        settings = _with_plugins(settings)
    found = _tried(settings, options)
    name = f"{found.task}-{found.split}-{found.fingerprint[:12]}"
    if found.seed:
        name += f"-s{found.seed}"
    report = document(found)
    console = screen(stderr=json_)
    publish(console, report, out / name, tables=0 if json_ else 1)
    console.print(f"result: {write_json(out / f'{name}.json', found)}", soft_wrap=True)
    if json_:
        print_json(report.facts)


def _with_plugins(settings: RunSettings) -> RunSettings:
    """The settings with the metrics of --plugin files and installed packages."""
    known = settings.eval.metrics
    further = [each.name for each in table("metric").values() if each.origin != "built in"]
    names = dict.fromkeys((*known, *further, *FROM_FILES["metric"]))
    return settings.model_copy(
        update={"eval": settings.eval.model_copy(update={"metrics": tuple(names)})}
    )


def _tried(settings: RunSettings, options: TrialOptions) -> Trial:
    """Every metric of the settings on trial."""
    from harness.data.load import limited, load_whole, rewriter
    from harness.metrics import metric
    from harness.metrics.trial.planted import plant
    from harness.metrics.trial.result import on_trial
    from harness.pipeline.evaluate.texts import metrics_of
    from harness.registry import find

    for each in settings.eval.metrics:
        metric(each, settings.eval)  # an unknown metric stops here, before any data is read
    whole = load_whole(settings, (options.split,))[options.split]
    split = limited(whole, settings.data)
    write = rewriter(settings.data, split)
    plants = plant(find("task", settings.task), split, options.seed, write)
    return on_trial(plants, metrics_of(split, settings.eval), split, settings)
