"""docs/trial.md and its figures, written from the stored trials of metrics.

The page is a template (`benchmarks/pages/trial.md`) without numbers of its own, like those of
`benchmarks/findings.py`.

    harness trial                                    mini → results/trial
    harness trial --data DIR --task TASK             each task of real texts → results/trial
    python -m benchmarks.trials                      results/trial → docs/trial.md, docs/pictures
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.findings import ROOT, environment
from harness.metrics.trial.duels import WITHOUT_INTERVAL
from harness.record import Estimate
from harness.record.trials import Trial, TriedMetric
from harness.reports.render.markdown import table_as_markdown
from harness.reports.render.plots.images import save
from harness.reports.render.section import listed
from harness.reports.trial.figure import picture
from harness.reports.trial.marks import stored_trials
from harness.reports.trial.trial_page import duels_table
from harness.reports.trial.words import outcome_sentences

STORED = ROOT / "results" / "trial"
PAGE = ROOT / "docs" / "trial.md"
PICTURES = ROOT / "docs" / "pictures"
SHOWN = 7
"""Columns of the table that fit a page: metric, verdict and the first duels."""


def trials() -> dict[str, Trial]:
    """`mini`, or the task of real texts → its stored trial."""
    return {"mini" if each.source == "mini" else each.task: each for each in stored_trials(STORED)}


def grid(trial: Trial) -> str:
    """The first columns of a trial's table."""
    table = duels_table(trial)
    rows = tuple(row[:SHOWN] for row in table.rows)
    return table_as_markdown(replace(table, columns=table.columns[:SHOWN], rows=rows))


def titles(trial: Trial, outcome: str) -> str:
    """The metrics with this outcome, in words."""
    return listed([one.title for one in trial.metrics.values() if one.outcome == outcome])


def least(found: Mapping[str, Trial], metric: str, duel: str) -> float:
    """The lowest percentage of a metric's duel on real texts."""
    numbers = (each.metrics[metric].auc[duel] for each in found.values() if each.source != "mini")
    return min(number.value or 0.0 for number in numbers)


def most(trial: Trial, duel: str) -> float:
    """The highest percentage of a duel over a trial's metrics."""
    return max(one.auc[duel].value or 0.0 for one in trial.metrics.values())


def own_length(trial: Trial) -> float:
    """Mean words of own, in % of the references'."""
    return 100 * trial.words["own"] / trial.reference_words


def agreement(one: TriedMetric, other: str) -> Estimate:
    """Rank correlation of a metric with another one."""
    return one.agreement[other]


def page() -> str:
    """The page as it follows from the stored trials."""
    made = environment()
    made.globals |= {
        "without_interval": WITHOUT_INTERVAL,
        "grid": grid, "titles": titles, "least": least, "own_length": own_length, "most": most,
        "agreement": agreement, "sentences": outcome_sentences, "described": described,
    }  # fmt: skip
    return made.get_template("trial.md").render(trials=trials())


def described(trial: Trial) -> str:
    """The figure in words, for those who do not see it."""
    return picture(trial).alt


def main() -> None:
    """Write the page and its figures."""
    PAGE.write_text(page(), "utf-8")
    for name, trial in trials().items():
        save(picture(trial).drawing, PICTURES / f"trial_{name}")
        (PICTURES / f"trial_{name}.png").unlink()


if __name__ == "__main__":
    main()
