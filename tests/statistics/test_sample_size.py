"""The sample that would decide a question."""

import pytest

from harness.statistics import Effect, SampleSize, sample_size
from harness.statistics.effects import SeedsError
from harness.statistics.sample_size import MOST_SEEDS
from harness.statistics.users import UsersError


def measured(users, *seeds):
    """An estimate whose users have a variance of 100 and the seeds of each side one of 4."""
    of_seeds = tuple(SeedsError(4.0 / one, one - 1.0) for one in seeds)
    return Effect(1.0, UsersError(100.0 / users, users - 1.0), of_seeds)


@pytest.mark.parametrize("distance", [2.5, 3.0, 4.0])
def test_it_is_the_smallest_that_shows_the_difference(distance):
    found = sample_size(measured(1000, 3), 1000, (3,), distance)
    assert found.users == 1000
    assert measured(1000, found.seeds).detectable(0.05) <= distance
    assert found.seeds == 3 or measured(1000, found.seeds - 1).detectable(0.05) > distance


def test_more_users_are_asked_for_where_seeds_do_not_suffice():
    found = sample_size(measured(50, 3), 50, (3,), 2.0)
    assert found.seeds == MOST_SEEDS
    assert found.users > 50
    assert measured(found.users, MOST_SEEDS).detectable(0.05) <= 2.0


def test_each_side_grows_from_its_own_number_of_seeds():
    # variances of 4 over seeds on both sides: as many seeds decide, whatever the second had
    alike, more = (sample_size(measured(1000, 3, one), 1000, (3, one), 4.0) for one in (3, 30))
    assert alike == more
    assert measured(1000, *[alike.seeds] * 2).detectable(0.05) <= 4.0


def test_without_training_only_users_count():
    found = measured(50)
    assert sample_size(found, 50, (), 100.0) == SampleSize(50, None)
    assert sample_size(found, 50, (), 2.0).seeds is None


def test_some_differences_are_out_of_reach():
    assert sample_size(measured(50, 3), 50, (3,), 1e-4) is None
    assert sample_size(measured(50, 3), 50, (3,), 0.0) is None


def test_a_larger_family_needs_more():
    alone, many = (sample_size(measured(1000, 3), 1000, (3,), 3.0, 0.05 / n) for n in (1, 100))
    assert many.seeds > alone.seeds
