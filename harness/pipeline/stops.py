"""Where a run can stop, to continue with another command. Imports nothing slow."""

from __future__ import annotations

from typing import Literal, get_args

from harness.errors import UsageError, did_you_mean

Until = Literal["trained", "generated"]
UNTIL: tuple[Until, ...] = get_args(Until)


def stop_named(name: str | None, option: str = "until") -> Until | None:
    """The stop with this name; None for None. Raises UsageError for a name that does not exist.

    option: how the message calls it.
    """
    for stop in UNTIL:
        if stop == name:
            return stop
    if name is None:
        return None
    raise UsageError(f"{option} {name}; expected {' or '.join(UNTIL)}.{did_you_mean(name, UNTIL)}")
