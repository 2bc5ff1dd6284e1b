"""A run in the processes that are not its first one."""

from __future__ import annotations

from pathlib import Path

from harness.engine.ranks import Ranks
from harness.engine.token_bound import tokens_bounded
from harness.method import Factory
from harness.pipeline.job import Job
from harness.pipeline.served.plan import plan_of
from harness.pipeline.team import Team, follow
from harness.progress import Bars
from harness.settings import RunSettings


def follow_run(
    settings: RunSettings,
    method: str,
    results: Path,
    ranks: Ranks,
    factory: Factory | None = None,
) -> None:
    """Do what the first process of a run asks for, until its run ends.

    ranks: the processes. The other arguments are those of `harness.pipeline.single.run`.
    """

    def make_job() -> Job:
        return Job(plan_of(settings, method, results, factory), Bars(quiet=True), team=Team(ranks))

    with tokens_bounded(settings.decode.tokens_at_once):
        follow(ranks, make_job)
