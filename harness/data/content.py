"""What prepared caches know data by: digests of profiles and of a task with its code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from harness.data.tasks import Task
from harness.inputs.imports import closure, content_sha256
from harness.inputs.origin import Origin, own_sources
from harness.plugins import home_of
from harness.record.digest import json_sha256
from harness.registry import table
from harness.types import Entry

Profile = Sequence[Entry]
LARGE = 4_000_000
"""Characters of all profiles from which what is made of them is worth a file."""


def profile_digest(profile: Profile) -> str:
    """sha256 of a profile's content."""
    known = getattr(profile, "digest", None)  # of a profile in a file
    return str(known or json_sha256([dict(entry) for entry in profile], sort_keys=True))


def characters_of(profiles: Iterable[Profile]) -> int:
    """The length of all texts of profiles."""
    return sum(map(_characters, profiles))


def _characters(profile: Profile) -> int:
    known = getattr(profile, "characters", None)  # of a profile in a file
    if known is not None:
        return int(known)
    return sum(len(text) for entry in profile for text in entry.values())


def task_digest(task: Task) -> str:
    """sha256 of a task's strings and numbers, and of the code that it is made of; a plugin's with
    helpers.

    Values that the task has computed and kept are left out: they depend on when it is asked.
    """
    plain = [
        value
        for name, value in vars(task).items()
        if (value is None or isinstance(value, str | int | float))
        and not isinstance(getattr(type(task), name, None), cached_property)
    ]
    entry = table("task").get(task.name)
    module = entry.target.partition(":")[0] if entry else type(task).__module__
    origin = Origin(module, entry.file if entry else home_of(type(task)))
    return json_sha256(plain, content_sha256({**closure([__name__]), **own_sources(origin)}))
