"""harness trial: which metric prefers an author's own texts, and what else does it reward?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from harness.cli.asking import AskOptions, judge_of, print_questions
from harness.cli.jobs import plugins
from harness.cli.options import RESULTS, TASK
from harness.cli.score import ScoreOptions, settings_of
from harness.cli.screen import print_json, publish, screen, warn
from harness.paths import refuse_file
from harness.progress import Bars
from harness.record.digest import json_sha256
from harness.record.judged import JUDGED
from harness.registry import FROM_FILES, table
from harness.settings import RunSettings
from harness.settings.flat import flat

if TYPE_CHECKING:
    from harness.judges.asking import Judge
    from harness.judges.on_trial import AspectMetric
    from harness.metrics.trial.planted import Plants
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


def trial(
    options: TrialOptions,
    asking: AskOptions,
    judge: str | None = None,
    out: Path = TRIALS,
    json_: bool = False,
) -> None:
    """Put metrics on trial, by texts whose author is known. Do they prefer the author's own text,
    or length, copies, subject?

    Args:
        judge (URL#MODEL): put this language model on trial too: an OpenAI-compatible endpoint, or a
            model's folder
        out: folder for the result and its page; comparisons look for it beside their runs
    """
    from harness.record import write_json
    from harness.reports.trial.trial_page import document

    refuse_file(out)
    plugins(options.plugin)
    settings = settings_of(options)
    if options.metrics is None:
        settings = _with_plugins(settings)
    console = screen(stderr=json_)
    asked = judge_of(judge, asking) if judge else None
    with Bars(quiet=json_) as bars:
        found = _tried(settings, options, asked, _Asked(console, bars, out / JUDGED))
    name = _name(found, settings, options, asked)
    report = document(found)
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


def _name(found: Trial, settings: RunSettings, options: TrialOptions, judge: Judge | None) -> str:
    """The result's name: of its split, of what is unlike the usual trial of it, and of the seed.

    So another trial of the same split replaces no result for other metrics, settings or judges.
    """
    name = f"{found.task}-{found.split}-{found.fingerprint[:12]}"
    usual = dict(flat(_dump(settings_of(replace(options, metrics=None, limit=None, set_=None)))))
    changed = {key: value for key, value in flat(_dump(settings)) if value != usual.get(key)}
    if changed or judge:
        name += f"-{json_sha256(changed, judge and judge.name, sort_keys=True)[:8]}"
    return f"{name}-s{found.seed}" if found.seed else name


def _dump(settings: RunSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json")


@dataclass(frozen=True)
class _Asked:
    """What asking a judge shows, and the folder of its replies."""

    console: Console
    bars: Bars
    folder: Path

    def metrics(self, judge: Judge, settings: RunSettings, plants: Plants) -> list[AspectMetric]:
        """Ask what is not known yet about the planted texts; the judge's aspects as metrics."""
        from harness.judges.on_trial import JudgeOnTrial
        from harness.metrics.trial.duels import planted_pairs
        from harness.registry import find

        pairs = planted_pairs(plants.rounds)
        judged = JudgeOnTrial.of(judge, find("task", settings.task), self.folder, pairs)
        questions = judged.different()
        waiting = judged.open_questions(judged.replies())
        print_questions(self.console, judge, waiting, len(questions) - len(waiting))
        judged.ask(waiting, self.bars.track("judge"))
        known = judged.replies()
        failures = Counter(known[key].failure for key in questions if known[key].failure)
        if failures:
            said = ", ".join(f"{name} {number}" for name, number in failures.items())
            warn(self.console, [f"{judge.name}: texts without a verdict: {said}"])
        return judged.metrics(known)


def _tried(
    settings: RunSettings, options: TrialOptions, judge: Judge | None, asked: _Asked
) -> Trial:
    """Every metric of the settings on trial, and the judge."""
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
    judged = asked.metrics(judge, settings, plants) if judge else []
    return on_trial(plants, [*metrics_of(split, settings.eval), *judged], split, settings)
