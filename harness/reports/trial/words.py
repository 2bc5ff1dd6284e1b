"""What a trial says of a metric, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from harness.record.trials import TriedMetric
from harness.reports.render.numbers import estimate
from harness.reports.render.section import listed

MARK = "‡"
"""Marks a metric that failed its trial."""
FAILURES = {
    "own_over_other": "it is not shown to prefer another text of the same author to another"
    " author's text on the same subject",
    "copied_over_own": "it prefers a copy from the profile to the author's own text",
    "padded_over_own": "it prefers the author's own text padded to twice its length",
}
"""Duel that a metric fails → what that means."""


def why_failed(metric: TriedMetric) -> str:
    """Why a metric fails: each duel with how often its first text wins."""
    return listed(
        [f"{FAILURES[duel]} ({estimate(metric.auc[duel], 0)} %)" for duel in metric.failed]
    )


def outcome_sentences(metrics: Mapping[str, TriedMetric]) -> list[str]:
    """Which metrics pass, then a sentence for each that fails, and for those without a verdict."""
    groups: dict[str, list[str]] = {}
    for one in metrics.values():
        groups.setdefault(one.outcome, []).append(one.title)
    known = len(groups.get("passes", [])) + len(groups.get("fails", []))
    found = []
    if known:
        passing = groups.get("passes", [])
        names = f": {listed(passing)}" if passing else ""
        found.append(f"{len(passing)} of {known} metrics pass{names}.")
    found += [
        f"{one.title} fails: {why_failed(one)}."
        for one in metrics.values()
        if one.outcome == "fails"
    ]
    if few := groups.get("too few users"):
        found.append(f"Too few users for a verdict on {listed(few)}: read the intervals.")
    found += [
        f"{one.title} has no value: {one.missing}."
        for one in metrics.values()
        if one.outcome == "no value"
    ]
    return found
