"""The headline: which method is better, by how much, how certain, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence

from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.runs.comparable import unequal
from harness.reports.sections.quality_time import quality_time_picture
from harness.reports.sections.summary_table import summary_table
from harness.reports.sections.verdict_sentences import over_tasks, verdict


def headline_part(compared: Sequence[Compared]) -> Part:
    """The summary over all tasks, a sentence and a figure per task, and one table."""
    sentences = [over_tasks(compared)] if len(compared) > 1 else []
    sentences += [verdict(one) for one in compared]
    sentences += [
        f"{one.board.task}: not given the same: {'; '.join(map(str, found))}."
        for one in compared
        if (found := unequal(one.board.systems))
    ]
    return Part(
        tuple(sentences), tuple(map(quality_time_picture, compared)), (summary_table(compared),)
    )
