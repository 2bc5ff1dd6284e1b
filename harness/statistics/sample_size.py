"""How many users and training seeds would decide a question, from the errors of a first answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.statistics.effects import METHOD_SEEDS, Effect, SeedsError
from harness.statistics.families import ALPHA
from harness.statistics.panel import VERDICT_USERS

MOST_USERS, MOST_SEEDS = 100_000, 100


@dataclass(frozen=True)
class SampleSize:
    """Users, and training seeds of every trained side; None where training plays no part."""

    users: int
    seeds: int | None


def sample_size(
    found: Effect, users: int, seeds: Sequence[int], distance: float, alpha: float = ALPHA
) -> SampleSize | None:
    """The sample that shows a true difference of `distance` with 80 % probability.

    The fewest seeds with the users at hand; if none suffice, the fewest users that do with some
    number of seeds. None beyond 100,000 users and 100 seeds, or without a distance.

    found: the estimate with its errors.
    users: the sample that it is from. seeds: the same of each trained side.
    distance: what must be told apart, e.g. the difference from 0.
    alpha: the level of the test, divided by the size of its family.
    """
    if not distance:
        return None

    def shows(more_users: int, more_seeds: int) -> bool:
        grown = _with_sample(found, (users, more_users), seeds, more_seeds)
        return grown.detectable(alpha) <= abs(distance)

    at_hand = max(users, VERDICT_USERS)
    if shows(at_hand, MOST_SEEDS):
        needed = _fewest(lambda each: shows(at_hand, each), METHOD_SEEDS, MOST_SEEDS)
        return SampleSize(at_hand, needed if found.of_seeds else None)
    if not shows(MOST_USERS, MOST_SEEDS):
        return None
    more = _fewest(lambda each: shows(each, MOST_SEEDS), at_hand, MOST_USERS)
    return SampleSize(more, MOST_SEEDS if found.of_seeds else None)


def _with_sample(
    found: Effect, users: tuple[int, int], seeds: Sequence[int], more_seeds: int
) -> Effect:
    """The errors of another sample.

    users: from how many, to how many.
    seeds: from how many of each trained side. more_seeds: to how many.
    """
    of_users = replace(
        found.users,
        variance=found.users.variance * users[0] / users[1],
        freedom=_freedom(found.users.freedom, *users),
    )
    of_seeds = tuple(
        SeedsError(one.variance * known / more_seeds, _freedom(one.freedom, known, more_seeds))
        for one, known in zip(found.of_seeds, seeds, strict=True)
    )
    return replace(found, users=of_users, of_seeds=of_seeds)


def _freedom(known: float, before: int, after: int) -> float:
    """Degrees of freedom, which grow as the sample less one."""
    return max(1.0, known * (after - 1) / max(1, before - 1))


def _fewest(shows: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number in the range that shows it; `high` does."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle + 1, high)
    return high
