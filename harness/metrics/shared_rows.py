"""Rows of many metrics of the same examples, computed together by all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from harness.data.processes import by_processes
from harness.metrics.base import Metric, Pair
from harness.statistics import Array

MANY = 500
"""Pairs from which cores share the work: fewer take a second or two."""
TOGETHER = 32
"""Pairs whose rows of all metrics a process computes before it sends them back."""
Job = tuple[Metric, Sequence[Pair]]
RowsOf = Callable[[Metric, Sequence[Pair]], Array]
"""Returns a metric's rows of pairs."""


def own_rows(metric: Metric, pairs: Sequence[Pair]) -> Array:
    """The rows as the metric computes them."""
    return metric.rows(pairs)


class SharedRows:
    """Rows of jobs that were computed at once; of any other metric and pairs when asked for.

    jobs: metrics, and the lists of pairs that they will be asked for.

    Only metrics whose class has `by_pair` take part. A job that fails is left to the caller, where
    the error is reported. All metrics of a few pairs are computed one after the other, so that the
    words of a text are kept from one metric to the next.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        # the lists are kept: no other list can then have the id of one of them
        self._jobs = [job for job in jobs if vars(type(job[0])).get("by_pair")]
        self._known: dict[tuple[int, int], Array] = {}
        size = max((len(pairs) for _, pairs in self._jobs), default=0)
        if size < MANY:
            return
        parts = range(-(-size // TOGETHER))
        compute = partial(_part, self._jobs, len(parts))
        # the first part is computed here: processes then share what it imports
        rows = [compute(parts[0]), *by_processes(compute, parts[1:])]
        for at, (metric, pairs) in enumerate(self._jobs):
            own = [part for each in rows if (part := each[at]) is not None]
            if len(own) == len(parts):
                self._known[id(metric), id(pairs)] = np.concatenate(own)

    def __call__(self, metric: Metric, pairs: Sequence[Pair]) -> Array:
        """The rows, one for each pair."""
        known = self._known.get((id(metric), id(pairs)))
        return metric.rows(pairs) if known is None else known


def _part(jobs: Sequence[Job], parts: int, part: int) -> list[Array | None]:
    """Each job's rows of one part of its pairs; None where a metric fails."""
    found: list[Array | None] = []
    for metric, pairs in jobs:
        start, end = (len(pairs) * each // parts for each in (part, part + 1))
        try:
            found.append(metric.rows(pairs[start:end]))
        except Exception:  # computed again, and reported, where the rows are needed
            found.append(None)
    return found
