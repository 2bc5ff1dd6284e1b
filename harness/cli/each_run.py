"""The runs of a command or sweep, each once."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cli.jobs import Job, lacking
from harness.cli.requests import Request
from harness.errors import UsageError
from harness.settings.names import leaves
from harness.settings.wrong import Where, place_of


def each_run(requests: Iterable[Request]) -> list[Job]:
    """Every run once, checked, in the order of the requests.

    Raises UsageError where two ask for the same run with different values of a setting that the
    names of runs leave out.
    """
    found: dict[tuple[str, str], Job] = {}
    for request in requests:
        for job in request.jobs():
            _refuse_silent_change(found.setdefault(job.key, job), job, request.where)
    return list(found.values())


def _refuse_silent_change(made: Job, job: Job, where: Where) -> None:
    """Raises UsageError where a job is the same run as one that is made, but asks for another value
    of a setting that the names of runs leave out.

    where: where the file has a setting.
    """
    before, now = (leaves(each.settings.model_dump(mode="json")) for each in (made, job))
    for (key, value), (_, other) in zip(before, now, strict=True):
        if value != other and not lacking(job.factory, key):
            raise UsageError(
                f"{place_of(where, key)}: {key} = {other!r} and {value!r} for the same run of"
                f" {job.method}; expected one value. The names of runs leave {key} out, so a second"
                " one needs another --out"
            )
